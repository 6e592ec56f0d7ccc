/* sim/world_select.c - waiting for several things: the first op that can go on is the one that is
 * done. All are tried at one moment; joining the lines of events is a step before. */
#include "sim/world_internal.h"

/* The op as if it were asked for alone, with no time to wait; a sleep has its own deadline. */
static struct request sub_of(const struct request *r, uint32_t k) {
  struct request sub = r->subs[k];
  if (sub.kind != OP_CLOCK_SLEEP)
    sub.deadline_ns = INT64_MIN;
  return sub;
}

/* Is it the one? Also if it can only be refused. */
static bool is_due(struct world *w, uint32_t i, const struct request *sub) {
  const struct world_row *row = world_row_of(sub->kind);
  return !row->in_select || !row->can || row->can(w, i, sub) == WORLD_GOES;
}

/* Events, and queues without room. */
static bool joins(struct world *w, uint32_t i, const struct request *sub) {
  const struct world_place *p = world_place_of(w, sub->object.slot, i);
  return (sub->kind == OP_EVENT_WAIT && (!p || p->ticket == 0)) ||
         (sub->kind == OP_QUEUE_GET && world_queue_must_join(w, i, sub));
}

static bool must_join(struct world *w, uint32_t i, const struct request *r) {
  for (uint32_t k = 0; k < r->sub_count && !deadline_is_over(w, r->deadline_ns); k++)
    if (joins(w, i, &r->subs[k]))
      return true;
  return false;
}

enum world_can world_select_can(struct world *w, uint32_t i, const struct request *r) {
  for (uint32_t k = 0; k < r->sub_count; k++) {
    const struct request sub = sub_of(r, k);
    if (is_due(w, i, &sub))
      return WORLD_GOES;
  }
  return world_if(w, r, must_join(w, i, r));
}

static int join_lines(struct world *w, uint32_t i, const struct request *r) {
  for (uint32_t k = 0; k < r->sub_count; k++) {
    if (!joins(w, i, &r->subs[k]))
      continue;
    struct world_view view = {
        .w = w, .slot = r->subs[k].object.slot, .process = i, .kind = r->subs[k].kind};
    if (!world_view_ops.enter(&view))
      return -SBX_ENOMEM;
  }
  return WORLD_GOES_ON;
}

int world_select_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  for (uint32_t k = 0; k < r->sub_count; k++) {
    const struct request sub = sub_of(r, k);
    const struct world_row *row = world_row_of(sub.kind);
    if (!is_due(w, i, &sub))
      continue;
    int rc = 0;
    if (row->in_select)
      rc = row->perform(w, i, &sub, a);
    else
      a->rc = -SBX_EINVAL;
    a->number = (int)k;
    return rc;
  }
  return join_lines(w, i, r);
}

int world_select_ask(struct world *w, uint32_t i, const struct request *r) {
  for (uint32_t k = 0; k < r->sub_count; k++) {
    const struct request *sub = &r->subs[k];
    if (sync_machine_of((enum object_type)sub->object.type) && world_row_of(sub->kind)->in_select &&
        sub->object.type != OBJECT_PIPE &&
        !world_place_add(w, world_target(w, sub), i, sub->kind, false))
      return -SBX_ENOMEM;
  }
  return 0;
}
