/* sim/world_condition.c - waiting for a condition, in the steps of object/compose.h. */
#include "object/lock.h"
#include "sim/world_internal.h"

static bool holds_lock(const struct world *w, uint32_t i, uint32_t condition) {
  return w->objects[w->objects[condition].lock].words[LOCK_OWNER] == world_who(i);
}

enum world_can world_condition_can(struct world *w, uint32_t i, const struct request *r) {
  uint32_t slot = r->object.slot, lock = w->objects[slot].lock;
  bool patient = r->deadline_ns == SBX_FOREVER;
  switch (w->actors[i].op.wait.step) {
  case CONDITION_AWAIT:
    if (w->options.merge_relock && !world_enabled(w, i, lock, OP_LOCK_ACQUIRE, true))
      return WORLD_WAITS;
    return world_if(w, r, world_enabled(w, i, slot, OP_CONDITION_WAIT, patient));
  case CONDITION_RELOCK:
    return world_enabled(w, i, lock, OP_LOCK_ACQUIRE, true) ? WORLD_GOES : WORLD_WAITS;
  default:
    return WORLD_GOES;
  }
}

/* An op of the condition's lock. */
static int lock_step(struct world *w, uint32_t i, const struct request *r, enum op_kind kind,
                     struct answer *a) {
  struct world_op *op = &w->actors[i].op;
  uint32_t lock = w->objects[r->object.slot].lock;
  struct request of_lock = {
      .kind = kind, .deadline_ns = SBX_FOREVER, .source = r->source, .line = r->line};
  struct sync_step step = {.kind = kind, .count = op->levels};
  int rc = world_apply(w, i, lock, &of_lock, &step);
  op->levels = step.count;
  if (kind == OP_LOCK_ACQUIRE)
    a->abandoned = step.abandoned;
  return rc;
}

/* One step of the wait was taken with this result. */
static int next_step(struct world *w, uint32_t i, const struct request *r, int rc,
                     struct answer *a) {
  struct world_op *op = &w->actors[i].op;
  uint32_t slot = r->object.slot, lock = w->objects[slot].lock;
  condition_next(&op->wait, rc);
  if (op->wait.step == CONDITION_RELOCK && w->options.merge_relock &&
      world_enabled(w, i, lock, OP_LOCK_ACQUIRE, true))
    condition_next(&op->wait, lock_step(w, i, r, OP_LOCK_ACQUIRE, a));
  if (op->wait.step == CONDITION_TRY_RELOCK) {
    if (world_enabled(w, i, lock, OP_LOCK_ACQUIRE, false))
      lock_step(w, i, r, OP_LOCK_ACQUIRE, a);
    condition_next(&op->wait, 0);
  }
  if (op->wait.step == CONDITION_RELOCK && !world_place_add(w, lock, i, OP_LOCK_ACQUIRE, true))
    return -SBX_ENOMEM;
  a->rc = op->wait.result;
  return op->wait.step == CONDITION_OVER ? 0 : WORLD_GOES_ON;
}

static int enter_condition(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_op *op = &w->actors[i].op;
  struct sync_step step = {.kind = OP_CONDITION_WAIT};
  int rc = world_apply(w, i, r->object.slot, r, &step);
  condition_next(&op->wait, rc == SYNC_ENTERED ? 0 : rc);
  if (rc == SYNC_ENTERED && r->deadline_ns != SBX_FOREVER)
    world_place_of(w, r->object.slot, i)->deadline_ns = r->deadline_ns;
  if (op->wait.step == CONDITION_UNLOCK) {
    op->levels = UINT64_MAX;
    condition_next(&op->wait, lock_step(w, i, r, OP_LOCK_RELEASE, a));
  }
  a->rc = op->wait.result;
  return op->wait.step == CONDITION_OVER ? 0 : WORLD_GOES_ON;
}

int world_condition_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t slot = r->object.slot;
  enum condition_step at = w->actors[i].op.wait.step;
  if (at == CONDITION_ENTER && !holds_lock(w, i, slot)) {
    a->rc = -SBX_ENOTHELD;
    return 0;
  }
  if (r->kind != OP_CONDITION_WAIT)
    return world_sync_do(w, i, r, a);
  if (at == CONDITION_ENTER)
    return enter_condition(w, i, r, a);
  if (at == CONDITION_RELOCK)
    return next_step(w, i, r, lock_step(w, i, r, OP_LOCK_ACQUIRE, a), a);
  world_place_remove(w, slot, i);
  return next_step(w, i, r, 0, a);
}

int world_condition_give_up(struct world *w, uint32_t i, const struct request *r, int rc,
                            struct answer *a) {
  if (w->actors[i].op.wait.step == CONDITION_AWAIT)
    world_leave_line(w, i, r->object.slot, r);
  else
    world_places_clear(w, i);
  return next_step(w, i, r, rc, a);
}

/* Process i has waited for the condition for long enough: from now on it wants the lock only. False: it was notified. */
static bool expire(struct world *w, uint32_t i, uint32_t slot) {
  if (world_enabled(w, i, slot, OP_CONDITION_WAIT, false))
    return false;
  world_place_remove(w, slot, i);
  condition_next(&w->actors[i].op.wait, -SBX_ETIMEDOUT);
  world_place_add(w, w->objects[slot].lock, i, OP_LOCK_ACQUIRE, true);
  return true;
}

void world_condition_late(struct world *w) {
  for (uint32_t k = 0; k < w->place_count; k++) {
    const struct world_place p = w->places[k];
    if (p.kind == OP_CONDITION_WAIT && !p.patient && p.deadline_ns < w->now_ns &&
        w->objects[p.slot].type == OBJECT_CONDITION && expire(w, p.process, p.slot))
      k = UINT32_MAX; /* they have moved: from the first again */
  }
}

void world_goes_by(struct world *w, uint32_t i, const struct request *r, int64_t next_ns) {
  if (w->options.merge_relock && r->kind == OP_CONDITION_WAIT &&
      w->actors[i].op.wait.step == CONDITION_AWAIT && r->deadline_ns < next_ns)
    expire(w, i, r->object.slot);
}
