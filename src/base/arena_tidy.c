/* base/arena_tidy.c - free memory without its history: lists in the order of addresses, and zeros; see arena.h. */
#include "base/arena_internal.h"

#include <string.h>

WALKS_FREE_BLOCKS
static struct block *merge(struct block *a, struct block *b) {
  struct block *first = NULL, **end = &first;
  while (a && b) {
    struct block **low = a < b ? &a : &b;
    *end = *low;
    end = &(*low)->next;
    *low = *end;
  }
  *end = a ? a : b;
  return first;
}

/* Merge sort: sorted[i] has 2^i blocks, or none. */
WALKS_FREE_BLOCKS
static struct block *sort(struct block *list) {
  struct block *sorted[32] = {NULL}, *all = NULL;
  while (list) {
    struct block *some = list;
    int i = 0;
    list = list->next;
    some->next = NULL;
    for (; sorted[i]; sorted[i++] = NULL)
      some = merge(sorted[i], some);
    sorted[i] = some;
  }
  for (int i = 0; i < 32; i++)
    all = merge(sorted[i], all);
  return all;
}

static void clear(void *from, const void *to) {
  size_t bytes = (size_t)((const char *)to - (const char *)from);
  open_bytes(from, bytes);
  memset(from, 0, bytes);
  shut_bytes(from, bytes);
}

/* What arena_free_run leaves out of units that are free only in part. */
static void clear_edges(struct arena *a, char *from, char *to) {
  size_t unit = ARENA_UNIT;
  char *whole = a->heap + round_up((size_t)(from - a->heap), unit);
  char *end = a->heap + (size_t)(to - a->heap) / unit * unit;
  clear(from, whole < to ? whole : to);
  if (end >= whole)
    clear(end, to);
}

WALKS_FREE_BLOCKS
void arena_tidy(struct arena *a) {
  size_t at, bytes;
  for (unsigned kind = 0; kind < CLASSES; kind++) {
    a->lists[kind] = sort(a->lists[kind]);
    for (struct block *b = a->lists[kind]; b; b = b->next)
      clear(b + 1, (char *)b + class_bytes(kind));
  }
  if (a->cut)
    clear(a->cut, a->cut_end);
  for (size_t from = 0; (bytes = arena_free_run(a, from, &at)); from = at + bytes)
    clear_edges(a, a->heap + at, a->heap + at + bytes);
  a->small_peak = a->small;
}
