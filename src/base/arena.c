/* base/arena.c - blocks of an arena, small and large, and the arena as a whole; see arena.h, arena_internal.h. */
#include "base/arena_internal.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"

enum {
  SPAN = 16,            /* pages */
  LEAST_KEPT = 1 << 20, /* bytes */
};
static_assert(ARENA_SMALL == FINE << 4, "four powers of two beyond FINE");
static_assert(ARENA_SMALL <= SPAN * PAGE, "a block lies in one span");

/* -- sizes ------------------------------------------------------------------------------------- */

/* The size class of blocks with room for `size` bytes, 1 to ARENA_SMALL. */
static inline unsigned class_of(size_t size) {
  if (size <= FINE)
    return (unsigned)((size - 1) / STEP);
  size = size - EXTRA > FINE ? size - EXTRA : FINE + 1;
  unsigned bit = highest_bit(size - 1);
  return FINE / STEP + (bit - 10) * 8 + ((unsigned)((size - 1) >> (bit - 3)) & 7);
}

/* Bytes that a block of `size` takes. */
static size_t room_of(size_t size) {
  return size <= ARENA_SMALL ? class_bytes(class_of(size)) : (size_t)pages_of(size) * PAGE;
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
  uint32_t run = pages_take(a, SPAN);
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
  pages_free(a, span, len);
}

WALKS_FREE_BLOCKS
__attribute__((noinline)) static void sweep(struct arena *a) {
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
  uint32_t len = pages_of(size), run = pages_take(a, len);
  if (run == NONE)
    return NULL;
  a->large += len;
  return page_at(a, run);
}

/* The parent may still use the block. Only pages that the child has copied by writing to them are
 * given back. */
static void release_inherited(struct arena *a, void *block, size_t size) {
  if (size > ARENA_SMALL)
    pages_give_back(a, page_of(a, block), pages_of(size));
}

static inline void tell_watch(const struct arena *a, const void *block, size_t size) {
  struct arena_watch *w = a->watch;
  if (w && (const char *)block <= w->last && (const char *)block + size > w->first)
    w->freed = true;
}

static void release(struct arena *a, void *block, size_t size) {
  tell_watch(a, block, size);
  shut_bytes(block, room_of(size));
  if (!arena_owns(a, block)) {
    release_inherited(a, block, size);
  } else if (size <= ARENA_SMALL) {
    small_free(a, block, size);
  } else {
    uint32_t len = pages_of(size);
    a->large -= len;
    pages_free(a, page_of(a, block), len);
  }
}

/* Resize a run in place, if possible. */
static bool resize_run(struct arena *a, void *block, size_t old, size_t size) {
  uint32_t run = page_of(a, block), has = pages_of(old), len = pages_of(size);
  if (len == has)
    return true;
  if (!arena_owns(a, block) || size / PAGE >= a->pages ||
      (len > has && !pages_grow(a, run, has, len)))
    return false;
  a->large = a->large - has + len;
  if (len < has)
    pages_free(a, run + len, has - len);
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

/* Apart: so that the usual cases need no stack. */
__attribute__((noinline)) static void *resize_any(struct arena *a, void *block, size_t old,
                                                  size_t size) {
  if (!block) {
    if (size > ARENA_SMALL)
      pages_heat(a, pages_of(size));
    return size ? opened(alloc(a, size), size) : NULL;
  }
  if (size && old)
    return opened(resize(a, block, old, size), size);
  if (old)
    release(a, block, old);
  return NULL;
}

/* A block of 1 to FINE bytes? */
static inline bool is_fine(size_t size) { return size - 1 < FINE; }

/* The usual cases stand here, without a call: a program that makes many small objects is here for a tenth of its time. */
WALKS_FREE_BLOCKS
void *arena_resize(void *arena, void *block, size_t old, size_t size) {
  struct arena *a = arena;
  if (!block && is_fine(size)) {
    struct block **list = &a->lists[(size - 1) / STEP], *first = *list;
    size_t bytes = round_up(size, STEP);
    if (first) {
      *list = first->next;
      a->small += bytes;
      return opened(first, size);
    }
    if ((size_t)(a->cut_end - a->cut) >= bytes) {
      char *next = a->cut;
      a->cut += bytes;
      a->small += bytes;
      return opened(next, size);
    }
  } else if (block && size == 0 && is_fine(old) && arena_owns(a, block)) {
    tell_watch(a, block, old);
    shut_bytes(block, round_up(old, STEP));
    small_free(a, block, old);
    return NULL;
  }
  return resize_any(a, block, old, size);
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

void arena_watch(struct arena *a, struct arena_watch *w) { a->watch = w; }

void arena_trim(struct arena *a) {
  a->hot = a->recent = 0;
  sweep(a);
  pages_release_free(a);
  pages_discharge(a);
}

void arena_parts(struct arena *a, struct arena_part ret[2]) {
  ret[0] = (struct arena_part){(char *)a->page, a->top * sizeof *a->page};
  ret[1] = (struct arena_part){a->heap, (size_t)a->top * PAGE};
}

size_t arena_free_run(const struct arena *a, size_t from, size_t *ret_at) {
  size_t page = from / PAGE;
  while (page < a->top && a->page[page].len == 0)
    page++;
  *ret_at = page * PAGE;
  return page < a->top ? (size_t)a->page[page].len * PAGE : 0;
}

size_t arena_used(const struct arena *a) { return a->small + a->large * PAGE; }

size_t arena_keeps(const struct arena *a) {
  size_t freed = a->small_peak > a->small ? a->small_peak - a->small : 0;
  size_t kept = freed + a->resident * PAGE, used = arena_used(a);
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

static struct arena lay_out(char *start, size_t range) {
  struct arena a = {.page = (struct page *)(void *)start, .range = range};
  size_t pages = range / (PAGE + sizeof *a.page);
  a.heap = (char *)round_up((size_t)(a.page + pages), HUGE_PAGE);
  pages = (size_t)(start + range - a.heap) / PAGE;
  a.pages = pages < NONE ? (uint32_t)pages / 2 * 2 : NONE - 1;
  memset(a.bins, 0xff, sizeof a.bins);
  return a;
}

/* Put the arena itself at the start of its first span, which for that reason is never entirely free. */
static bool move_in(const struct arena *laid_out) {
  struct arena *a = (struct arena *)(void *)laid_out->heap;
  if (!pages_allow(a, a + 1))
    return false;
  *a = *laid_out;
  if (!new_span(a))
    return false;
  a->cut += round_up(sizeof *a, STEP);
  return true;
}

int arena_open(struct arena **ret) {
  enum { LEAST = 8 * HUGE_PAGE };
  char *start = NULL;
  size_t range = range_wanted();
  for (; !start && range >= LEAST; range = start ? range : range / 2)
    start = reserve(range);
  if (!start)
    return -SBX_ENOMEM;
  struct arena a = lay_out(start, range);
  if (!move_in(&a)) {
    munmap(start, range);
    return -SBX_ENOMEM;
  }
  if (a.pages > HUGE_PAGE / PAGE)
    madvise(a.heap + HUGE_PAGE, (size_t)a.pages * PAGE - HUGE_PAGE, MADV_HUGEPAGE);
  *ret = (struct arena *)(void *)a.heap;
  return 0;
}

void arena_close(struct arena *a) {
  if (!a)
    return;
  open_bytes(a->heap, (size_t)a->top * PAGE); /* for later users of these addresses */
  munmap(a->page, a->range);
}
