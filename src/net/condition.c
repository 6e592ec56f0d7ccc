/* net/condition.c - conditions and their locks, in the steps of object/compose.h. */
#include "object/compose.h"

#include "net/internal.h"
#include "object/lock.h"

/* The lock of a condition. */
static int lock_of(struct net *n, struct net_object *condition, struct net_object **ret) {
  int rc = condition->seen.type == OBJECT_NONE ? net_see(n, condition) : 0;
  if (rc == 0 && !(*ret = net_find(n, OBJECT_LOCK, condition->seen.aux)))
    rc = -SBX_ENOMEM;
  return rc;
}

/* An op of the lock. `count`: levels. */
static int perform_on(struct net *n, struct net_object *lock, struct op *like, enum op_kind kind,
                      uint64_t *count, int64_t deadline_ns) {
  struct net_call c;
  struct op op = {.kind = kind,
                  .object = like->object,
                  .deadline_ns = deadline_ns,
                  .count = *count,
                  .place = like->place,
                  .number = like->number,
                  .locate = like->locate,
                  .locate_ctx = like->locate_ctx};
  call_begin(&c, n, &op, lock);
  int rc = call_finish(&c);
  call_release(&c);
  *count = op.count;
  like->abandoned = op.abandoned;
  return rc;
}

static int do_step(struct net_call *c, struct net_object *lock, enum condition_step step,
                   uint64_t *levels) {
  int rc;
  switch (step) {
  case CONDITION_ENTER:
    rc = call_look(c, CALL_WAIT);
    return rc == CALL_WAITS ? 0 : rc;
  case CONDITION_UNLOCK:
    rc = perform_on(c->n, lock, c->op, OP_LOCK_RELEASE, levels, SBX_FOREVER);
    if (rc)
      call_cancel(c);
    return rc;
  case CONDITION_AWAIT:
    return call_finish(c);
  default:
    return perform_on(c->n, lock, c->op, OP_LOCK_ACQUIRE, levels,
                      step == CONDITION_TRY_RELOCK ? 0 : SBX_FOREVER);
  }
}

static int wait(struct net *n, struct net_object *o, struct net_object *lock, struct op *op) {
  struct net_call c;
  struct condition_wait w = {.step = CONDITION_ENTER};
  uint64_t levels = UINT64_MAX;
  call_begin(&c, n, op, o);
  while (w.step != CONDITION_OVER)
    condition_next(&w, do_step(&c, lock, w.step, &levels));
  call_release(&c);
  return w.result;
}

int net_condition_do(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object), *lock = NULL;
  int rc = o ? lock_of(n, o, &lock) : -SBX_ENOMEM;
  if (rc == 0)
    rc = net_see(n, lock); /* only the holder itself can change that it is the holder */
  if (rc)
    return rc;
  if (lock->seen.words[LOCK_OWNER] != n->who)
    return -SBX_ENOTHELD;
  return op->kind == OP_CONDITION_WAIT ? wait(n, o, lock, op) : net_sync_do(n, op);
}

int net_lock_do(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object), *lock = NULL;
  if (!o)
    return -SBX_ENOMEM;
  if (o->type != OBJECT_CONDITION)
    return net_sync_do(n, op);
  int rc = lock_of(n, o, &lock);
  return rc ? rc : perform_on(n, lock, op, op->kind, &op->count, op->deadline_ns);
}
