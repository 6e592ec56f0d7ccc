/* look/trace/thin.c - see thin.h. */
#include "look/trace/thin.h"

#include <stdlib.h>

#include "base/error.h"

struct busy {
  uint32_t object, events;
};

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int busiest_first(const void *a, const void *b) {
  const struct busy *p = a, *q = b;
  int order = ORDER(q->events, p->events);
  return order ? order : ORDER(p->object, q->object);
}

static void count_events(const struct trace_model *m, struct busy *list) {
  for (uint32_t i = 0; i < m->object_count; i++)
    list[i].object = i;
  for (uint32_t i = 0; i < m->event_count; i++) {
    const struct trace_event *e = &m->events[i];
    if (e->object == TRACE_NONE || trace_event_change(e) == 0)
      continue;
    uint32_t peer = m->objects[e->object].peer;
    list[e->kind == OP_PIPE_SEND && peer != TRACE_NONE ? peer : e->object].events++;
  }
}

int thin_queues(const struct trace_model *m, uint32_t **ret, uint32_t *ret_count) {
  struct busy *list = calloc(m->object_count + 1u, sizeof *list);
  uint32_t *queues = calloc(THIN_QUEUES, sizeof *queues), count = 0;
  if (!list || !queues) {
    free(list);
    free(queues);
    return -SBX_ENOMEM;
  }
  count_events(m, list);
  qsort(list, m->object_count, sizeof *list, busiest_first);
  while (count < m->object_count && count < THIN_QUEUES && list[count].events > 0) {
    queues[count] = list[count].object;
    count++;
  }
  free(list);
  *ret = queues;
  *ret_count = count;
  return 0;
}

int thin_depths(const struct trace_model *m, uint32_t object, struct trace_depth **ret,
                uint32_t *ret_count) {
  int rc = trace_depths(m, object, ret, ret_count);
  if (rc || *ret_count <= THIN_POINTS)
    return rc;
  struct trace_depth *list = *ret;
  uint32_t count = *ret_count, kept = 0, stretch = count / (THIN_POINTS / 2) + 1;
  for (uint32_t i = 0; i < count; i += stretch) {
    uint32_t least = i, most = i;
    for (uint32_t k = i; k < i + stretch && k < count; k++) {
      least = list[k].items < list[least].items ? k : least;
      most = list[k].items > list[most].items ? k : most;
    }
    struct trace_depth first = list[least < most ? least : most];
    struct trace_depth second = list[least < most ? most : least];
    list[kept++] = first;
    if (least != most)
      list[kept++] = second;
  }
  *ret_count = kept;
  return 0;
}
