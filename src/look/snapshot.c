/* look/snapshot.c - finding in a snapshot, and releasing it; see snapshot.h. */
#include "look/snapshot.h"

#include <stdlib.h>

#include "base/error.h"

int index_list_add(struct index_list *l, uint32_t index) {
  if (l->count > 0 && l->list[l->count - 1] == index)
    return 0;
  if (l->count == l->cap) {
    uint32_t cap = l->cap ? 2 * l->cap : 4;
    uint32_t *grown = realloc(l->list, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    l->list = grown;
    l->cap = cap;
  }
  l->list[l->count++] = index;
  return 0;
}

static int by_index(const void *x, const void *y) {
  const uint32_t *a = x, *b = y;
  return *a < *b ? -1 : *a > *b;
}

void index_list_sort(struct index_list *l) {
  if (l->count)
    qsort(l->list, l->count, sizeof *l->list, by_index);
}

bool index_list_has(const struct index_list *l, uint32_t index) {
  return l->count && bsearch(&index, l->list, l->count, sizeof index, by_index);
}

static int by_process_id(const void *x, const void *y) {
  const struct snapshot_process *a = x, *b = y;
  return a->id < b->id ? -1 : a->id > b->id;
}

void snapshot_sort_processes(struct snapshot *s) {
  if (s->process_count)
    qsort(s->processes, s->process_count, sizeof *s->processes, by_process_id);
}

int64_t snapshot_find_process(const struct snapshot *s, uint64_t id) {
  const struct snapshot_process key = {.id = id};
  const struct snapshot_process *found =
      s->process_count ? bsearch(&key, s->processes, s->process_count, sizeof key, by_process_id)
                       : NULL;
  return found ? found - s->processes : -1;
}

static int by_queue_id(const void *x, const void *y) {
  const struct snapshot_queue *a = x, *b = y;
  return a->id < b->id ? -1 : a->id > b->id;
}

void snapshot_sort_queues(struct snapshot *s) {
  if (s->queue_count)
    qsort(s->queues, s->queue_count, sizeof *s->queues, by_queue_id);
}

int64_t snapshot_find_queue(const struct snapshot *s, uint64_t id) {
  const struct snapshot_queue key = {.id = id};
  const struct snapshot_queue *found =
      s->queue_count ? bsearch(&key, s->queues, s->queue_count, sizeof key, by_queue_id) : NULL;
  return found ? found - s->queues : -1;
}

static int by_sync_id(const void *x, const void *y) {
  const struct snapshot_sync *a = x, *b = y;
  return a->id < b->id ? -1 : a->id > b->id;
}

void snapshot_sort_syncs(struct snapshot *s) {
  if (s->sync_count)
    qsort(s->syncs, s->sync_count, sizeof *s->syncs, by_sync_id);
}

int64_t snapshot_find_sync(const struct snapshot *s, uint64_t id) {
  const struct snapshot_sync key = {.id = id};
  const struct snapshot_sync *found =
      s->sync_count ? bsearch(&key, s->syncs, s->sync_count, sizeof key, by_sync_id) : NULL;
  return found ? found - s->syncs : -1;
}

void snapshot_release(struct snapshot *s) {
  for (uint32_t i = 0; i < s->queue_count; i++) {
    free(s->queues[i].readers.list);
    free(s->queues[i].writers.list);
    free(s->queues[i].holders.list);
  }
  for (uint32_t i = 0; i < s->sync_count; i++) {
    free(s->syncs[i].owners.list);
    free(s->syncs[i].holders.list);
  }
  free(s->processes);
  free(s->queues);
  free(s->syncs);
  *s = (struct snapshot){0};
}
