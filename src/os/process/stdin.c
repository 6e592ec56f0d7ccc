/* os/process/stdin.c - see stdin.h. */
#include "os/process/stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <unistd.h>

#include "base/child_code.h"
#include "base/error.h"

int stdin_prepare(struct os_backend *b) {
  b->stdin_buffered = __fbufsize(stdin) > 0; /* asked here: each page of code costs a child more */
  if (b->null >= 0)
    return 0;
  b->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return b->null < 0 ? error_from_errno(errno) : 0;
}

CHILD_CODE
void stdin_lose(struct os_backend *b) {
  dup2(b->null, STDIN_FILENO); /* in no process does this need anything that could be missing */
  if (b->stdin_buffered)
    __fpurge(stdin);
  b->no_stdin = true;
}
