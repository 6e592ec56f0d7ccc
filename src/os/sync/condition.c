/*
 * os/sync/condition.c - conditions: what they do to their lock; see sync.h, and object/compose.h for the
 * steps of a wait. A process that is killed between entering the condition and releasing the lock
 * leaves an abandoned lock, and a place in line that does not count.
 */
#include "base/error.h"
#include "base/fault.h"
#include "object/compose.h"
#include "object/lock.h"
#include "os/shared/turns.h"
#include "os/sync/sync_internal.h"

/* The lock of a condition, as an object. */
static struct object lock_of(const struct os_backend *b, const struct object *condition) {
  const struct sync_record *r = &b->control->syncs[condition->slot];
  return (struct object){.type = OBJECT_LOCK, .slot = r->lock, .serial = r->lock_serial};
}

static bool is_held(const struct os_backend *b, const struct object *lock) {
  uint64_t state[SYNC_WORDS];
  sync_read(&b->control->syncs[lock->slot], state);
  return state[LOCK_OWNER] == who_of(b->slot, b->serial); /* only this process can change that */
}

/* An op of the lock. `count`: levels. */
static int perform_on(struct os_backend *b, struct object *lock, struct op *like, enum op_kind kind,
                      uint64_t *count, int64_t deadline_ns) {
  struct op op = {.kind = kind,
                  .object = lock,
                  .deadline_ns = deadline_ns,
                  .count = *count,
                  .place = like->place,
                  .number = like->number,
                  .locate = like->locate,
                  .locate_ctx = like->locate_ctx};
  int rc = sync_perform(b, &op);
  *count = op.count;
  like->abandoned = op.abandoned;
  return rc;
}

/* `levels`: those of the lock, out of UNLOCK, into what locks it again. */
static int do_step(struct sync_call *call, struct object *lock, enum condition_step step,
                   uint64_t *levels) {
  int rc;
  switch (step) {
  case CONDITION_ENTER:
    rc = sync_look(call, LOOK_WAIT);
    return rc == SYNC_WAITS ? 0 : rc;
  case CONDITION_UNLOCK:
    FAULT("condition.entered");
    rc = perform_on(call->b, lock, call->op, OP_LOCK_RELEASE, levels, SBX_FOREVER);
    if (rc)
      sync_cancel(call);
    return rc;
  case CONDITION_AWAIT:
    FAULT("condition.released");
    if (!turns_is_late(
            call->b)) /* who will time out leaves at once: nobody notifies it before its next turn */
      turns_between(call->b, call->op); /* it is in line, and has released the lock */
    return sync_finish(call);
  default:
    turns_between(call->b, call->op); /* if the lock is taken in a step of its own */
    return perform_on(call->b, lock, call->op, OP_LOCK_ACQUIRE, levels,
                      step == CONDITION_TRY_RELOCK ? 0 : SBX_FOREVER);
  }
}

static int wait(struct os_backend *b, struct object *lock, struct op *op) {
  struct sync_call call;
  struct condition_wait w = {.step = CONDITION_ENTER};
  uint64_t levels = UINT64_MAX;
  sync_begin(&call, b, op);
  while (w.step != CONDITION_OVER)
    condition_next(&w, do_step(&call, lock, w.step, &levels));
  return w.result;
}

int condition_perform(struct os_backend *b, struct op *op) {
  struct object lock = lock_of(b, op->object);
  if (!is_held(b, &lock))
    return -SBX_ENOTHELD;
  return op->kind == OP_CONDITION_WAIT ? wait(b, &lock, op) : sync_perform(b, op);
}

/* Apart, so that lock_perform has no registers to save. */
__attribute__((noinline)) static int perform_on_its_lock(struct os_backend *b, struct op *op) {
  struct object lock = lock_of(b, op->object);
  return perform_on(b, &lock, op, op->kind, &op->count, op->deadline_ns);
}

int lock_perform(struct os_backend *b, struct op *op) {
  if (op->object->type == OBJECT_CONDITION)
    return perform_on_its_lock(b, op);
  return sync_perform(b, op);
}
