/* host/output.c - the standard streams; see output.h. */
#include "host/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/options.h"
#include "os/process/output.h"

void output_claim_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
      _exit(EXIT_LUA_ERROR);
}

static void finish_at_exit(void) {
  if (output_finish(0) != 0)
    _exit(EXIT_LUA_ERROR);
}

void output_prepare(void) {
  output_line_buffered();
  atexit(finish_at_exit);
}

int output_finish(int status) {
  static bool told;
  bool lost = ferror(stdout) != 0;
  errno = 0; /* an earlier failed write has left only the stream's error flag */
  lost |= fflush(stdout) != 0;
  lost |= !output_flush_all();
  if (!lost || errno == EPIPE)
    return status;
  if (!told)
    fprintf(stderr, "sandbox: cannot write to standard output: %s\n",
            errno ? strerror(errno) : "an earlier write failed");
  told = true;
  return status ? status : EXIT_LUA_ERROR;
}
