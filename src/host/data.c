/* host/data.c - see data.h. */
#include "host/data.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *data_program(void) { return realpath("/proc/self/exe", NULL); }

/* A folder below the one of the program. */
static char *below_program(const char *folders, const char *folder) {
  char *program = data_program(), *slash = program ? strrchr(program, '/') : NULL;
  char path[2 * PATH_MAX];
  if (slash)
    *slash = '\0';
  snprintf(path, sizeof path, "%s/%s/%s/.", slash ? program : "", folders, folder);
  free(program);
  return realpath(path, NULL);
}

char *data_folder(const char *folder) {
  char *found = below_program("share/sandbox", folder);
  return found ? found : below_program(SANDBOX_DATA_FROM_BIN, folder);
}
