/* look/trace/lanes.c - see lanes.h. */
#include "look/trace/lanes.h"

#include <stdlib.h>

#include "base/error.h"
#include "look/trace/model_internal.h"

void lanes_release(struct lanes *l) {
  for (int i = 0; i < LANES; i++)
    free(l->lanes[i].open);
  *l = (struct lanes){0};
}

int64_t lanes_end_of(const struct trace_model *m, const struct trace_event *e) {
  int64_t end = e->t_ns + e->duration_ns, life = m->processes[e->process].end_ns;
  bool open = e->flags & TRACE_UNFINISHED && e->flags & TRACE_WAITED;
  return open && life > end ? life : end;
}

int lanes_open(struct lanes *l, const struct trace_model *m, uint32_t event, int64_t end_ns) {
  for (int i = m->events[event].flags & TRACE_SEVERAL ? 1 : 0; i < LANES; i++) {
    struct lane *lane = &l->lanes[i];
    if (lane->count > 0 && lane->open[lane->count - 1].end_ns < end_ns)
      continue;
    if (trace_grow(&lane->open, &lane->cap, lane->count, sizeof *lane->open))
      return -SBX_ENOMEM;
    lane->open[lane->count++] = (struct lane_slice){end_ns, event};
    return i;
  }
  return LANES;
}

int lanes_close(struct lanes *l, int64_t until_ns, struct lane_slice *ret) {
  int first = -1;
  for (int i = 0; i < LANES; i++) {
    const struct lane *lane = &l->lanes[i];
    if (lane->count == 0 || lane->open[lane->count - 1].end_ns > until_ns)
      continue;
    if (first < 0 || lane->open[lane->count - 1].end_ns < ret->end_ns) {
      first = i;
      *ret = lane->open[lane->count - 1];
    }
  }
  if (first >= 0)
    l->lanes[first].count--;
  return first;
}
