/*
 * base/arena_pages.c - the pages of an arena: runs that are free or used, how many of them stay resident, and how many a meter
 * counts; see arena_internal.h.
 */
#include "base/arena_internal.h"

#include <sys/mman.h>

enum {
  TRIES = 8,                /* runs examined in the bin where not every run is long enough */
  WARMING = 1 << 20,        /* bytes: a block as large as this may be one of many */
  HOT_MOST = 128 << 20,     /* bytes */
  MORE = 1024,              /* pages that are made ready at once, at least */
  CHARGE = 64,              /* pages that are taken from the meter at once, at least */
  SPARE = ARENA_UNIT - PAGE /* bytes that are ready behind the records: see arena_parts */
};

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

/* Beyond the first huge page only whole huge pages: to break one up costs the system
 * more than a part of it is worth. */
void pages_give_back(struct arena *a, uint32_t run, uint32_t len) {
  size_t from = (size_t)run * PAGE, to = from + (size_t)len * PAGE;
  if (from >= HUGE_PAGE) {
    from = round_up(from, HUGE_PAGE);
    to = to / HUGE_PAGE * HUGE_PAGE;
  }
  if (from < to)
    madvise(a->heap + from, to - from, MADV_DONTNEED);
}

void pages_release_free(struct arena *a) {
  for (unsigned bin = 0; bin < BINS; bin++)
    for (uint32_t run = a->bins[bin]; run != NONE; run = a->page[run].next)
      if (a->page[run].sum) {
        pages_give_back(a, run, a->page[run].len);
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
void pages_heat(struct arena *a, uint32_t len) {
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
    pages_release_free(a);
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

void pages_discharge(struct arena *a) {
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

void pages_free(struct arena *a, uint32_t run, uint32_t len) {
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
    pages_release_free(a);
  pages_discharge(a);
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

bool pages_allow(const void *from, const void *to) {
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
  if (!pages_allow(a->page + a->ready, (char *)(a->page + round_up(pages, per_page)) + SPARE) ||
      !pages_allow(page_at(a, a->ready), page_at(a, (uint32_t)pages)))
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

uint32_t pages_take(struct arena *a, uint32_t len) {
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

bool pages_grow(struct arena *a, uint32_t run, uint32_t old, uint32_t len) {
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
