/* base/memory.c - see memory.h. */
#include "base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
  HUGE_PAGE = 2 << 20,      /* bytes; of x86-64, and of arm64 with pages of 4 KiB */
  ROUND_UP = HUGE_PAGE / 4, /* bytes that may be wasted */
  LARGE = HUGE_PAGE - ROUND_UP
};

/* Where less than three quarters of the last huge page would be used, the end lies in small pages.
 */
static void *new_large(size_t size) {
  size_t huge = (size + ROUND_UP) / HUGE_PAGE * HUGE_PAGE;
  void *block = NULL;
  if (posix_memalign(&block, HUGE_PAGE, size > huge ? size : huge))
    return NULL;
  madvise(block, huge, MADV_HUGEPAGE);
  return block;
}

void *memory_resize(void *block, size_t old, size_t size) {
  if (size < LARGE || size > SIZE_MAX / 2 || (old >= LARGE && size <= malloc_usable_size(block)))
    return realloc(block, size);
  void *large = new_large(size);
  if (!large)
    return realloc(block, size);
  if (block)
    memcpy(large, block, old < size ? old : size);
  free(block);
  return large;
}
