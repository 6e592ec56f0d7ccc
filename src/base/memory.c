/* base/memory.c - see memory.h. */
#include "base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"

enum {
  HUGE_PAGE = 2 << 20,      /* bytes; of x86-64, and of arm64 with pages of 4 KiB */
  ROUND_UP = HUGE_PAGE / 4, /* bytes that may be wasted */
  LARGE = HUGE_PAGE - ROUND_UP,
  KEEP_MAX = 4 << 20,    /* bytes; a larger block goes back to the system */
  KEPT = 2,              /* blocks */
  MAPPED_FROM = 1 << 20, /* bytes; such a block goes back to the system when it is freed */
  TRIMMED_FROM = 4 << 20 /* free bytes at the end of the heap */
};

static void *kept[KEPT];   /* large free blocks, or NULL */
static unsigned oldest;    /* the one that is replaced next */
static struct arena *used; /* NULL: malloc */

void memory_use(struct arena *a) { used = a; }

struct arena *memory_used(void) {
  return used;
}

void memory_keep_nothing(void) {
  for (int i = 0; i < KEPT; i++)
    if (kept[i]) { /* a page that is not written to is not copied after a fork */
      free(kept[i]);
      kept[i] = NULL;
    }
}

bool memory_keeps(void) {
  bool any = false;
  for (int i = 0; i < KEPT; i++)
    any |= kept[i] != NULL;
  return any;
}

void memory_bound(void) {
  mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
  mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM);
}

/* A kept block of the right size: less than twice as large as needed. */
static void *take_kept(size_t size) {
  for (int i = 0; i < KEPT; i++) {
    void *block = kept[i];
    size_t has = block ? malloc_usable_size(block) : 0;
    if (has >= size && has / 2 <= size) {
      kept[i] = NULL;
      return block;
    }
  }
  return NULL;
}

/* If less than three quarters of the last huge page would be used, the end of the block lies in
 * small pages. */
static void *new_large(size_t size) {
  size_t huge = (size + ROUND_UP) / HUGE_PAGE * HUGE_PAGE;
  void *block = take_kept(size);
  if (block)
    return block;
  if (posix_memalign(&block, HUGE_PAGE, size > huge ? size : huge))
    return NULL;
  madvise(block, huge, MADV_HUGEPAGE);
  return block;
}

static void *resize(void *block, size_t old, size_t size) {
  if (size < LARGE || size > SIZE_MAX / 2 || (old >= LARGE && size <= malloc_usable_size(block)))
    return realloc(block, size);
  void *large = new_large(size);
  if (!large)
    return realloc(block, size);
  if (block)
    memcpy(large, block, old < size ? old : size);
  memory_free(block, old);
  return large;
}

/* A block from before stays where it is: nobody will ever free it. */
static void *resize_in_arena(void *block, size_t old, size_t size) {
  if (!block || arena_holds(used, block))
    return arena_resize(used, block, old, size);
  void *moved = arena_resize(used, NULL, 0, size);
  if (moved)
    memcpy(moved, block, old < size ? old : size);
  return moved;
}

static void free_in_arena(void *block, size_t size) {
  if (block && arena_holds(used, block))
    arena_resize(used, block, size, 0);
}

void *memory_resize(void *block, size_t old, size_t size) {
  if (used)
    return resize_in_arena(block, old, size);
  void *ret = resize(block, old, size);
  if (!ret) { /* this request needs them more */
    memory_keep_nothing();
    ret = resize(block, old, size);
  }
  return ret;
}

void memory_drop(void *block, size_t size) {
  if (used)
    free_in_arena(block, size);
  else
    free(block);
}

void memory_free(void *block, size_t size) {
  if (used) {
    free_in_arena(block, size);
    return;
  }
  if (size < LARGE || size > KEEP_MAX) {
    free(block);
    return;
  }
  for (int i = 0; i < KEPT; i++)
    if (!kept[i]) {
      kept[i] = block;
      return;
    }
  free(kept[oldest]);
  kept[oldest] = block;
  oldest = (oldest + 1) % KEPT;
}
