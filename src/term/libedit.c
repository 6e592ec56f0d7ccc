/* term/libedit.c - see libedit.h. */
#define LIBEDIT_NAMES_ONLY
#include "term/libedit.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct libedit libedit;

static void *open_library(void) {
  static const char *const names[] = {"libedit.so.2", "libedit.so.0", "libedit.so"}; /* by system */
  void *library = NULL;
  for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

int libedit_load(void) {
  static bool loaded;
  void *library = loaded ? NULL : open_library();
  if (loaded)
    return 0;
  if (!library)
    return -SBX_ESYSTEM;
  loaded = true;
#define X(name) loaded = (*(void **)(void *)&libedit.name = dlsym(library, #name)) && loaded;
  LIBEDIT_FUNCTIONS(X)
#undef X
  if (!loaded)
    dlclose(library);
  return loaded ? 0 : -SBX_ESYSTEM;
}
