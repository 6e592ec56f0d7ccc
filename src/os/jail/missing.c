/* os/jail/missing.c - what a build for tests does besides; see jail_internal.h. */
#include "os/jail/jail_internal.h"

#ifdef SBX_FAULTS
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

bool jail_missing(char layer) {
  const char *letters = getenv("SANDBOX_STRICT_MISSING");
  return letters && strchr(letters, layer);
}

void jail_preload(void) {
  const char *paths = getenv("SANDBOX_STRICT_PRELOAD");
  char *list = paths ? strdup(paths) : NULL;
  for (char *path = list ? strtok(list, ":") : NULL; path; path = strtok(NULL, ":"))
    dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  free(list);
}
#else
typedef int jail_misses_nothing; /* a file must not be empty */
#endif
