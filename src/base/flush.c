/* base/flush.c - see flush.h. */
#include "base/flush.h"
#include "base/child_code.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/single_threaded.h>

/*
 * glibc's list of all streams: in no header, but in the binary interface since 2.2.5. It is looked up by its name, since
 * a program that declares it may get a copy of it (R_X86_64_COPY), to which the library adds nothing. NULL: there is none.
 */
static FILE *const *all_streams(void) {
  static FILE *const *list;
  static bool sought;
  if (!sought) { /* else its page is left alone */
    list = dlsym(RTLD_DEFAULT, "_IO_list_all");
    sought = true;
  }
  return list;
}

/* May fflush(NULL) have something to do with it? Those that are read, or hold wide characters, are its own affair. */
static bool may_hold(const FILE *f) {
  return f->_IO_write_ptr > f->_IO_write_base || f->_IO_read_ptr < f->_IO_read_end || f->_mode > 0;
}

/* Other threads open and close streams. */
static bool none_holds(void) {
  FILE *const *all = all_streams();
  if (!all || !__libc_single_threaded)
    return false;
  for (const FILE *f = *all; f; f = f->_chain)
    if (may_hold(f))
      return false;
  return true;
}

CHILD_CODE
void flush_pending(void) {
  if (!none_holds())
    fflush(NULL);
}
