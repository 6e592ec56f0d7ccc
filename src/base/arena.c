/*
 * base/arena.c - see arena.h.
 *
 *   range:  | struct arena | struct page [one for each page of the heap] | heap ...... |
 *                                                                          0    top    pages
 *
 * A page is named by its number in the heap. Pages from `top` on have never been used; those from
 * `ready` on, and their records, are not even mapped readable. Free pages form runs. The records of
 * the first and last page of a free run hold its length; a page in use has 0 there, so a run that
 * is freed finds its free neighbours. The lists of free runs (bins), one for each power of two, are
 * linked through the records and not through the pages: searching for a run touches no page of the
 * heap.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"

enum {
  PAGE = 4096,
  SPAN = 16,   /* pages */
  STEP = 16,   /* bytes between the sizes of blocks up to FINE */
  FINE = 1024, /* bytes; above, there are eight sizes for each power of two */
  EXTRA = 80,  /* bytes */
  CLASSES = FINE / STEP + 8 * 4,
  BINS = 32, /* lists of free runs: of 2^bin pages or more */
  TRIES = 8, /* runs examined in the bin where not every run is long enough */
  HUGE_PAGE = 2 << 20,
  LEAST_KEPT = 1 << 20,     /* bytes */
  WARMING = 1 << 20,        /* bytes: a block as large as this may be one of many */
  HOT_MOST = 128 << 20,     /* bytes */
  MORE = 1024,              /* pages that are made ready at once, at least */
  CHARGE = 64,              /* pages that are taken from the meter at once, at least */
  SPARE = ARENA_UNIT - PAGE /* bytes that are ready behind the records: see arena_parts */
};
static_assert(ARENA_SMALL == FINE << 4, "four powers of two beyond FINE");
static_assert(ARENA_SMALL <= SPAN * PAGE, "a block lies in one span");

#define NONE UINT32_MAX

/*
 * The address sanitizer is told which bytes belong to blocks, so that it finds other accesses as it
 * does with malloc. Code that walks the lists of free blocks accesses such bytes on purpose.
 */
#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#define WALKS_FREE_BLOCKS __attribute__((no_sanitize("address")))
static void open_bytes(const void *p, size_t n) { ASAN_UNPOISON_MEMORY_REGION(p, n); }
static void shut_bytes(const void *p, size_t n) { ASAN_POISON_MEMORY_REGION(p, n); }
#else
#define WALKS_FREE_BLOCKS
static inline void open_bytes(const void *p, size_t n) { (void)p, (void)n; }
static inline void shut_bytes(const void *p, size_t n) { (void)p, (void)n; }
#endif

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
  size_t range; /* bytes of everything */

  const struct meter_place *place; /* NULL: nothing is counted */
  size_t charged;                  /* pages taken from the meter */
  bool refused;                    /* the last time that more was asked for */
  void (*on_refused)(void *ctx, bool again);
  void *refused_ctx;
};

/* -- sizes ------------------------------------------------------------------------------------- */

static unsigned highest_bit(size_t n) { return 63U - (unsigned)__builtin_clzll(n); }

/* The size class of blocks with room for `size` bytes, 1 to ARENA_SMALL. */
static inline unsigned class_of(size_t size) {
  if (size <= FINE)
    return (unsigned)((size - 1) / STEP);
  size = size - EXTRA > FINE ? size - EXTRA : FINE + 1;
  unsigned bit = highest_bit(size - 1);
  return FINE / STEP + (bit - 10) * 8 + ((unsigned)((size - 1) >> (bit - 3)) & 7);
}

static inline size_t class_bytes(unsigned kind) {
  if (kind < FINE / STEP)
    return (kind + 1) * (size_t)STEP;
  unsigned beyond = kind - FINE / STEP;
  return ((size_t)(8 + (beyond & 7) + 1) << (beyond / 8 + 7)) + EXTRA;
}

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static uint32_t pages_of(size_t size) { return (uint32_t)((size + PAGE - 1) / PAGE); }

/* Bytes that a block of `size` takes. */
static size_t room_of(size_t size) {
  return size <= ARENA_SMALL ? class_bytes(class_of(size)) : (size_t)pages_of(size) * PAGE;
}

static char *page_at(const struct arena *a, uint32_t page) { return a->heap + (size_t)page * PAGE; }

static uint32_t page_of(const struct arena *a, const void *p) {
  return (uint32_t)((size_t)((const char *)p - a->heap) / PAGE);
}

/* -- runs of pages ----------------------------------------------------------------------------- */

static void bin_remove(struct arena *a, uint32_t run) {
  struct page *p = &a->page[run];
  if (p->prev == NONE)
    a->bins[highest_bit(p->len)] = p->next;
  else
    a->page[p->prev].next = p->next;
  if (p->next != NONE)
    a->page[p->next].prev = p->prev;
  if (p->sum)
    a->resident -= p->len;
}

/* Pages `run` to `run` + `len` become a free run in its bin. */
static void bin_add(struct arena *a, uint32_t run, uint32_t len, bool resident) {
  uint32_t *bin = &a->bins[highest_bit(len)];
  struct page *p = &a->page[run];
  a->page[run + len - 1].len = len;
  *p = (struct page){.len = len, .next = *bin, .prev = NONE, .sum = resident};
  if (*bin != NONE)
    a->page[*bin].prev = run;
  *bin = run;
  if (resident)
    a->resident += len;
}

/* Take the free run that starts at `run` out of its bin; its records become those of used pages. */
static uint32_t run_take(struct arena *a, uint32_t run, bool *ret_resident) {
  uint32_t len = a->page[run].len;
  *ret_resident = a->page[run].sum != 0;
  bin_remove(a, run);
  a->page[run].len = 0;
  a->page[run + len - 1].len = 0;
  return len;
}

/* Give the pages of a run back to the system. Beyond the first huge page only whole huge pages: to
 * break one up costs the system more than a part of it is worth. */
static void give_back(struct arena *a, uint32_t run, uint32_t len) {
  size_t from = (size_t)run * PAGE, to = from + (size_t)len * PAGE;
  if (from >= HUGE_PAGE) {
    from = round_up(from, HUGE_PAGE);
    to = to / HUGE_PAGE * HUGE_PAGE;
  }
  if (from < to)
    madvise(a->heap + from, to - from, MADV_DONTNEED);
}

/* Give back the pages of all free runs. */
static void release_runs(struct arena *a) {
  for (unsigned bin = 0; bin < BINS; bin++)
    for (uint32_t run = a->bins[bin]; run != NONE; run = a->page[run].next)
      if (a->page[run].sum) {
        give_back(a, run, a->page[run].len);
        a->page[run].sum = 0;
      }
  a->resident = 0;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t most_resident(const struct arena *a) {
  return larger(larger(ARENA_KEEP / PAGE, (a->large + a->spans) / 8), a->hot);
}

/*
 * A large block is made. If it is about as large as the last one, such blocks come and go, and two
 * of that size are worth keeping: the system clears each page that it gives anew, which takes as
 * long as copying. Other blocks cool that down.
 */
static void heat(struct arena *a, uint32_t len) {
  size_t left = a->hot - (a->hot < len / 8 ? a->hot : len / 8);
  if (len < WARMING / PAGE) {
    a->hot = left;
    return;
  }
  bool again = len <= 2 * a->recent && a->recent <= 2 * (size_t)len;
  a->hot = again ? larger(left, 2 * (size_t)len) : left;
  if (a->hot > HOT_MOST / PAGE)
    a->hot = HOT_MOST / PAGE;
  a->recent = len;
}

/* -- counting ---------------------------------------------------------------------------------- */

/* Pages that are in use, or may be resident though they are free. */
static size_t taken(const struct arena *a) { return a->large + a->spans + a->resident; }

static bool charge(struct arena *a, size_t pages) {
  size_t more = round_up(pages - a->charged, CHARGE);
  if (!meter_take(a->place, (int64_t)(more * PAGE)))
    return false;
  a->charged += more;
  return true;
}

/* May `len` pages more be in use? */
static bool affords(struct arena *a, size_t len) {
  size_t need = taken(a) + len;
  return !a->place || need <= a->charged || charge(a, need);
}

/* To keep free pages is a luxury, which goes first. */
static bool afford(struct arena *a, size_t len) {
  bool well = affords(a, len);
  if (!well) {
    release_runs(a);
    well = affords(a, len);
  }
  if (well) {
    a->refused = false;
    return true;
  }
  bool never = (int64_t)(len * PAGE) > a->place->meter->limit;
  if (a->on_refused)
    a->on_refused(a->refused_ctx, a->refused || never);
  a->refused = true;
  return false;
}

/* Some pages are not in use any more: give back what is charged for nothing. */
static void discharge(struct arena *a) {
  size_t need = round_up(taken(a), CHARGE);
  if (!a->place || need + 2 * CHARGE > a->charged)
    return;
  meter_give(a->place, (int64_t)((a->charged - need) * PAGE));
  a->charged = need;
}

void arena_meter(struct arena *a, const struct meter_place *place,
                 void (*on_refused)(void *ctx, bool again), void *ctx) {
  a->place = place->meter ? place : NULL;
  a->charged = 0;
  a->refused = false;
  a->on_refused = on_refused;
  a->refused_ctx = ctx;
  if (a->place)
    charge(a, taken(a) + 1);
}

/* -- runs, again ------------------------------------------------------------------------------- */

/* Pages that were in use become free. */
static void run_free(struct arena *a, uint32_t run, uint32_t len) {
  bool also;
  if (run > a->own && a->page[run - 1].len) {
    uint32_t before = a->page[run - 1].len;
    run -= before;
    len += run_take(a, run, &also);
  }
  if (run + len < a->top && a->page[run + len].len)
    len += run_take(a, run + len, &also);
  bin_add(a, run, len, true);
  if (a->resident > most_resident(a))
    release_runs(a);
  discharge(a);
}

/* A free run of at least `len` pages, or NONE. */
static uint32_t run_find(const struct arena *a, uint32_t len) {
  unsigned bin = highest_bit(len);
  uint32_t run = a->bins[bin];
  for (int i = 0; i < TRIES && run != NONE; i++, run = a->page[run].next)
    if (a->page[run].len >= len)
      return run;
  for (bin++; bin < BINS; bin++)
    if (a->bins[bin] != NONE)
      return a->bins[bin];
  return NONE;
}

static bool allow(const void *from, const void *to) {
  return mprotect((void *)(uintptr_t)from, (size_t)((const char *)to - (const char *)from),
                  PROT_READ | PROT_WRITE) == 0;
}

/* Make pages up to `end`, their records, and some more readable and writable. A tool that scans the
 * memory of a process, as memcheck does at its end, scans no more than that. */
static bool make_ready(struct arena *a, uint32_t end) {
  size_t pages = end + (end / 8 > MORE ? end / 8 : MORE), per_page = PAGE / sizeof *a->page;
  pages = round_up(pages, per_page); /* a whole page of records */
  if (pages > a->pages)
    pages = a->pages;
  if (!allow(a->page + a->ready, (char *)(a->page + round_up(pages, per_page)) + SPARE) ||
      !allow(page_at(a, a->ready), page_at(a, (uint32_t)pages)))
    return false;
  a->ready = (uint32_t)pages;
  return true;
}

/* Pages from the unused end of the heap; NONE if the range is full. */
static uint32_t run_new(struct arena *a, uint32_t len) {
  if (len > a->pages - a->top)
    return NONE;
  if (a->top + len > a->ready && !make_ready(a, a->top + len))
    return NONE;
  uint32_t run = a->top;
  a->top += len;
  return run;
}

/* `len` pages, or NONE. */
static uint32_t run_alloc(struct arena *a, uint32_t len) {
  bool resident;
  if (!afford(a, len))
    return NONE;
  uint32_t run = run_find(a, len);
  if (run == NONE)
    return run_new(a, len);
  uint32_t has = run_take(a, run, &resident);
  if (has > len)
    bin_add(a, run + len, has - len, resident);
  return run;
}

/* Try to grow a used run in place. */
static bool run_grow(struct arena *a, uint32_t run, uint32_t old, uint32_t len) {
  uint32_t end = run + old, more = len - old;
  bool resident;
  if (end != a->top && a->page[end].len < more)
    return false;
  if (!affords(a, more)) /* the same is asked for elsewhere next */
    return false;
  if (end == a->top)
    return run_new(a, more) != NONE;
  uint32_t has = run_take(a, end, &resident);
  if (has > more)
    bin_add(a, end + more, has - more, resident);
  return true;
}

/* -- small blocks ------------------------------------------------------------------------------ */

WALKS_FREE_BLOCKS
static void push(struct arena *a, unsigned kind, void *p) {
  struct block *block = p;
  block->next = a->lists[kind];
  a->lists[kind] = block;
}

/* Cut the rest of the span into blocks: one, if there is a class of exactly that size. */
static void cut_rest(struct arena *a) {
  while (a->cut < a->cut_end) {
    size_t left = (size_t)(a->cut_end - a->cut);
    unsigned kind = class_of(left < ARENA_SMALL ? left : ARENA_SMALL);
    if (class_bytes(kind) > left)
      kind--;
    push(a, kind, a->cut);
    a->cut += class_bytes(kind);
  }
}

/* Turn `len` pages into a span of blocks with `bytes` bytes in all. */
static void make_span(struct arena *a, uint32_t run, uint32_t len, size_t bytes) {
  for (uint32_t i = 0; i < len; i++)
    a->page[run + i] = (struct page){.next = run};
  a->page[run].prev = (uint32_t)bytes;
  a->spans += len;
}

static bool new_span(struct arena *a) {
  uint32_t run = run_alloc(a, SPAN);
  if (run == NONE)
    return false;
  cut_rest(a);
  make_span(a, run, SPAN, SPAN * PAGE);
  a->cut = page_at(a, run);
  a->cut_end = a->cut + SPAN * PAGE;
  return true;
}

/* Cut a block from the current span, when the list of its class is empty. */
static void *small_cut(struct arena *a, unsigned kind) {
  size_t bytes = class_bytes(kind);
  if ((size_t)(a->cut_end - a->cut) < bytes && !new_span(a))
    return NULL;
  void *p = a->cut;
  a->cut += bytes;
  a->small += bytes;
  return p;
}

WALKS_FREE_BLOCKS
static inline void *small_alloc(struct arena *a, size_t size) {
  unsigned kind = class_of(size);
  struct block *block = a->lists[kind];
  if (!block)
    return small_cut(a, kind);
  a->lists[kind] = block->next;
  a->small += class_bytes(kind);
  return block;
}

/* -- sweeping: spans that are free as a whole -------------------------------------------------- */

/* The first page of the span in which a block lies. */
static uint32_t span_of(const struct arena *a, const void *p) {
  return a->page[page_of(a, p)].next;
}

WALKS_FREE_BLOCKS
static void count_free(struct arena *a) {
  for (unsigned kind = 0; kind < CLASSES; kind++)
    for (struct block *b = a->lists[kind]; b; b = b->next)
      a->page[span_of(a, b)].sum += (uint32_t)class_bytes(kind);
}

static bool all_free(const struct arena *a, const void *p) {
  const struct page *span = &a->page[span_of(a, p)];
  return span->sum == span->prev;
}

/* Take the blocks of entirely free spans out of a list. `firsts` collects the blocks at the start
 * of a span: each span has exactly one, however it was cut. */
WALKS_FREE_BLOCKS
static void drop_blocks(struct arena *a, unsigned kind, struct block **firsts) {
  struct block **at = &a->lists[kind];
  while (*at) {
    struct block *b = *at;
    if (!all_free(a, b)) {
      at = &b->next;
      continue;
    }
    *at = b->next;
    if (page_at(a, span_of(a, b)) == (char *)b) {
      b->next = *firsts;
      *firsts = b;
    }
  }
}

/* Spans that stay are counted anew by the next sweep. */
WALKS_FREE_BLOCKS
static void forget_counts(struct arena *a) {
  for (unsigned kind = 0; kind < CLASSES; kind++)
    for (struct block *b = a->lists[kind]; b; b = b->next)
      a->page[span_of(a, b)].sum = 0;
}

static void span_free(struct arena *a, uint32_t span) {
  uint32_t len = pages_of(a->page[span].prev);
  memset(&a->page[span], 0, len * sizeof *a->page);
  a->spans -= len;
  run_free(a, span, len);
}

WALKS_FREE_BLOCKS
static void sweep(struct arena *a) {
  struct block *firsts = NULL;
  count_free(a);
  for (unsigned kind = 0; kind < CLASSES; kind++)
    drop_blocks(a, kind, &firsts);
  forget_counts(a);
  while (firsts) {
    uint32_t span = span_of(a, firsts);
    firsts = firsts->next;
    span_free(a, span);
  }
  a->small_peak = a->small;
}

static inline void small_free(struct arena *a, void *block, size_t size) {
  unsigned kind = class_of(size);
  size_t bytes = class_bytes(kind);
  push(a, kind, block);
  if (a->small > a->small_peak)
    a->small_peak = a->small;
  a->small -= bytes;
  if (a->small < a->small_peak / 2 && a->small_peak - a->small > ARENA_KEEP)
    sweep(a);
}

/* -- blocks of any size ------------------------------------------------------------------------ */

static void *alloc(struct arena *a, size_t size) {
  if (size <= ARENA_SMALL)
    return small_alloc(a, size);
  if (size / PAGE >= a->pages)
    return NULL;
  uint32_t len = pages_of(size), run = run_alloc(a, len);
  if (run == NONE)
    return NULL;
  a->large += len;
  return page_at(a, run);
}

/* The parent may still use the block. Only pages that the child has copied by writing to them are
 * given back. */
static void release_inherited(struct arena *a, void *block, size_t size) {
  if (size > ARENA_SMALL)
    give_back(a, page_of(a, block), pages_of(size));
}

static void release(struct arena *a, void *block, size_t size) {
  shut_bytes(block, room_of(size));
  if (!arena_owns(a, block)) {
    release_inherited(a, block, size);
  } else if (size <= ARENA_SMALL) {
    small_free(a, block, size);
  } else {
    uint32_t len = pages_of(size);
    a->large -= len;
    run_free(a, page_of(a, block), len);
  }
}

/* Resize a run in place, if possible. */
static bool resize_run(struct arena *a, void *block, size_t old, size_t size) {
  uint32_t run = page_of(a, block), has = pages_of(old), len = pages_of(size);
  if (len == has)
    return true;
  if (!arena_owns(a, block) || size / PAGE >= a->pages ||
      (len > has && !run_grow(a, run, has, len)))
    return false;
  a->large = a->large - has + len;
  if (len < has)
    run_free(a, run + len, has - len);
  return true;
}

/* The range is full and a block is to shrink: it keeps its place, and the excess is lost. A run
 * becomes a span of one block. */
static void *resize_full(struct arena *a, void *block, size_t old, size_t size) {
  uint32_t run = page_of(a, block), len = pages_of(class_bytes(class_of(size)));
  if (old > ARENA_SMALL && arena_owns(a, block)) {
    resize_run(a, block, old, (size_t)len * PAGE);
    a->large -= len;
    a->small += class_bytes(class_of(size));
    make_span(a, run, len, class_bytes(class_of(size)));
  }
  return block;
}

static void *resize(struct arena *a, void *block, size_t old, size_t size) {
  if (old <= ARENA_SMALL && size <= ARENA_SMALL && class_of(old) == class_of(size))
    return block;
  if (old > ARENA_SMALL && size > ARENA_SMALL && resize_run(a, block, old, size))
    return block;
  void *new = alloc(a, size);
  if (!new)
    return size <= old ? resize_full(a, block, old, size) : NULL;
  open_bytes(new, size);
  memcpy(new, block, old < size ? old : size);
  release(a, block, old);
  return new;
}

static void *opened(void *block, size_t size) {
  if (block) {
    open_bytes(block, size);
    shut_bytes((char *)block + size, room_of(size) - size);
  }
  return block;
}

void *arena_resize(void *arena, void *block, size_t old, size_t size) {
  struct arena *a = arena;
  if (!block) {
    if (size > ARENA_SMALL)
      heat(a, pages_of(size));
    return size ? opened(alloc(a, size), size) : NULL;
  }
  if (size && old)
    return opened(resize(a, block, old, size), size);
  if (old)
    release(a, block, old);
  return NULL;
}

/* -- the arena as a whole ---------------------------------------------------------------------- */

void arena_forked(struct arena *a) {
  memset(a->lists, 0, sizeof a->lists);
  memset(a->bins, 0xff, sizeof a->bins);
  a->cut = a->cut_end = NULL;
  a->small = a->small_peak = a->large = a->resident = a->hot = a->recent = a->spans = 0;
  a->own = a->top;
  a->place = NULL; /* the parent's */
  a->charged = 0;
}

/* The page number of any address; beyond all pages if it is not in the heap. */
static size_t any_page(const struct arena *a, const void *p) {
  return (size_t)((const char *)p - a->heap) / PAGE;
}

bool arena_owns(const struct arena *a, const void *block) {
  return any_page(a, block) >= a->own && any_page(a, block) < a->top;
}

bool arena_holds(const struct arena *a, const void *block) { return any_page(a, block) < a->top; }

void arena_trim(struct arena *a) {
  a->hot = a->recent = 0;
  sweep(a);
  release_runs(a);
  discharge(a);
}

void arena_parts(struct arena *a, struct arena_part ret[2]) {
  ret[0] = (struct arena_part){(char *)a, (size_t)((char *)(a->page + a->top) - (char *)a)};
  ret[1] = (struct arena_part){a->heap, (size_t)a->top * PAGE};
}

size_t arena_free_run(const struct arena *a, size_t from, size_t *ret_at) {
  size_t page = from / PAGE;
  while (page < a->top && a->page[page].len == 0)
    page++;
  *ret_at = page * PAGE;
  return page < a->top ? (size_t)a->page[page].len * PAGE : 0;
}

size_t arena_keeps(const struct arena *a) {
  size_t freed = a->small_peak > a->small ? a->small_peak - a->small : 0;
  size_t kept = freed + a->resident * PAGE, used = a->small + a->large * PAGE;
  return kept >= LEAST_KEPT && kept >= used / 8 ? kept : 0;
}

static size_t no_more_than_half(size_t bytes, const struct rlimit *limit) {
  if (limit->rlim_cur == RLIM_INFINITY || limit->rlim_cur / 2 > bytes)
    return bytes;
  return (size_t)limit->rlim_cur / 2;
}

static size_t range_wanted(void) {
  size_t bytes = 2 * (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0)
    bytes = no_more_than_half(bytes, &limit);
  if (getrlimit(RLIMIT_DATA, &limit) == 0)
    bytes = no_more_than_half(bytes, &limit);
  return bytes;
}

/* The same address in every run of the program, if it is free. */
static void *reserve(size_t bytes) {
  void *wanted = (void *)(uintptr_t)0x200000000000;
  void *p = mmap(wanted, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

static void lay_out(struct arena *a, size_t range) {
  size_t pages = range / (PAGE + sizeof *a->page);
  a->range = range;
  a->page = (struct page *)round_up((size_t)(a + 1), PAGE);
  a->heap = (char *)round_up((size_t)(a->page + pages), HUGE_PAGE);
  pages = (size_t)((char *)a + range - a->heap) / PAGE;
  a->pages = pages < NONE ? (uint32_t)pages / 2 * 2 : NONE - 1;
  memset(a->bins, 0xff, sizeof a->bins);
}

int arena_open(struct arena **ret) {
  enum { LEAST = 8 * HUGE_PAGE };
  struct arena *a = NULL;
  size_t range = range_wanted();
  for (; !a && range >= LEAST; range = a ? range : range / 2)
    a = reserve(range);
  if (!a)
    return -SBX_ENOMEM;
  if (!allow(a, a + 1)) {
    munmap(a, range);
    return -SBX_ENOMEM;
  }
  lay_out(a, range);
  if (a->pages > HUGE_PAGE / PAGE)
    madvise(a->heap + HUGE_PAGE, (size_t)a->pages * PAGE - HUGE_PAGE, MADV_HUGEPAGE);
  *ret = a;
  return 0;
}

void arena_close(struct arena *a) {
  if (!a)
    return;
  open_bytes(a->heap, (size_t)a->top * PAGE); /* for later users of these addresses */
  munmap(a, a->range);
}
