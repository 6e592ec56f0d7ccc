/*
 * base/arena_internal.h - the two parts of an arena: pages (arena_pages.c), and blocks that lie in them (arena.c, arena_tidy.c).
 *
 *   range:  | struct page [one for each page of the heap] | heap: struct arena, blocks ...... |
 *                                                           0                      top     pages
 *
 * The arena itself lies at the start of the first span, on the page of the first blocks. A child writes to both, and so does its
 * parent between two forks, and each page that they write to is copied for each of them. So that span is never entirely free.
 *
 * A page is named by its number in the heap. Pages from `top` on have never been used; those from
 * `ready` on, and their records, are not even mapped readable. Free pages form runs. The records of
 * the first and last page of a free run hold its length; a page in use has 0 there, so a run that
 * is freed finds its free neighbours. The lists of free runs (bins), one for each power of two, are
 * linked through the records and not through the pages: searching for a run touches no page of the
 * heap.
 */
#ifndef SBX_BASE_ARENA_INTERNAL_H
#define SBX_BASE_ARENA_INTERNAL_H

#include "base/arena.h"

#include <stdint.h>

#include "base/sanitized.h"

enum {
  PAGE = 4096,
  STEP = 16,   /* bytes between the sizes of blocks up to FINE */
  FINE = 1024, /* bytes; above, there are eight sizes for each power of two */
  EXTRA = 80,  /* bytes that those have more */
  CLASSES = FINE / STEP + 8 * 4,
  BINS = 32,          /* lists of free runs: of 2^bin pages or more */
  HUGE_PAGE = 2 << 20 /* bytes */
};

#define NONE UINT32_MAX

/* The record of a page. */
struct page {
  uint32_t len; /* first and last page of a free run: its pages; else 0 */
  uint32_t
      next; /* first page of a free run: the next in its bin, or NONE; of a span: see span_of */
  uint32_t prev; /* first page of a free run: the previous in its bin, or NONE; of a span: bytes
                    in all its blocks */
  uint32_t sum; /* first page of a free run: 1 if it may be resident; of a span: free bytes in it */
};

struct block {
  struct block *next;
};

struct arena {
  struct block *lists[CLASSES]; /* free blocks of each size */
  char *cut, *cut_end;          /* the part of the current span not cut yet */
  size_t small, small_peak;     /* bytes in small blocks: now, and at most since the last sweep */
  size_t large;                 /* pages in large blocks */
  size_t resident;              /* pages in free runs that may be resident */
  size_t hot;    /* so many of them are kept because blocks of such a size come and go */
  size_t recent; /* pages of the last block of WARMING and more */
  uint32_t bins[BINS];
  uint32_t spans;             /* pages in spans */
  uint32_t own;               /* pages below are inherited */
  uint32_t top, ready, pages; /* end of the used; of the readable and writable; of the range */
  struct page *page;
  char *heap;
  size_t range; /* bytes of everything, from `page` on */

  struct arena_watch *watch;       /* NULL: nobody remembers addresses */
  const struct meter_place *place; /* NULL: nothing is counted */
  size_t charged;                  /* pages taken from the meter */
  bool refused;                    /* the last time that more was asked for */
  void (*on_refused)(void *ctx, bool again);
  void *refused_ctx;
};

/*
 * The address sanitizer is told which bytes belong to blocks, so that it finds other accesses as it
 * does with malloc. Code that walks the lists of free blocks accesses such bytes on purpose.
 */
#ifdef SANITIZED
#define WALKS_FREE_BLOCKS __attribute__((no_sanitize("address")))
static inline void open_bytes(const void *p, size_t n) { ASAN_UNPOISON_MEMORY_REGION(p, n); }
static inline void shut_bytes(const void *p, size_t n) { ASAN_POISON_MEMORY_REGION(p, n); }
#else
#define WALKS_FREE_BLOCKS
static inline void open_bytes(const void *p, size_t n) { (void)p, (void)n; }
static inline void shut_bytes(const void *p, size_t n) { (void)p, (void)n; }
#endif

static inline unsigned highest_bit(size_t n) { return 63U - (unsigned)__builtin_clzll(n); }

static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static inline uint32_t pages_of(size_t size) { return (uint32_t)((size + PAGE - 1) / PAGE); }

static inline char *page_at(const struct arena *a, uint32_t page) {
  return a->heap + (size_t)page * PAGE;
}

static inline uint32_t page_of(const struct arena *a, const void *p) {
  return (uint32_t)((size_t)((const char *)p - a->heap) / PAGE);
}

/* Bytes of the blocks of a size class. */
static inline size_t class_bytes(unsigned kind) {
  if (kind < FINE / STEP)
    return (kind + 1) * (size_t)STEP;
  unsigned beyond = kind - FINE / STEP;
  return ((size_t)(8 + (beyond & 7) + 1) << (beyond / 8 + 7)) + EXTRA;
}

/* -- arena_pages.c ----------------------------------------------------------------------------- */

/* `len` pages, which become used, or NONE. */
uint32_t pages_take(struct arena *a, uint32_t len);
/* Pages that were in use become free. */
void pages_free(struct arena *a, uint32_t run, uint32_t len);
/* Try to make a used run longer in its place. */
bool pages_grow(struct arena *a, uint32_t run, uint32_t old, uint32_t len);

/* A large block of so many pages is made. */
void pages_heat(struct arena *a, uint32_t len);

/* Give the pages of a run back to the system; those of all free runs. */
void pages_give_back(struct arena *a, uint32_t run, uint32_t len);
void pages_release_free(struct arena *a);
/* Give back to the meter what is charged for nothing. */
void pages_discharge(struct arena *a);

/* Make memory readable and writable. */
bool pages_allow(const void *from, const void *to);

#endif
