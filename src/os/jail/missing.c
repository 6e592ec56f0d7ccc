/* os/jail/missing.c - what a build for tests does besides; see jail_internal.h. */
#include "os/jail/jail_internal.h"

#ifdef SBX_FAULTS
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* The environment is wiped later. */
bool jail_missing(char layer) {
  static char *letters; /* lives as long as the program */
  const char *said = letters ? NULL : getenv("SANDBOX_STRICT_MISSING");
  if (!letters)
    letters = strdup(said ? said : "");
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
