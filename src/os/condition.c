/*
 * os/condition.c - conditions: what they do to their lock; see sync.h and object/condition.h.
 *
 * A wait enters the condition BEFORE it releases the lock: so whoever gets the lock then, and
 * notifies, finds it. A process that is killed between the two leaves an abandoned lock, and a
 * place in line that counts for nobody.
 */
#include "base/error.h"
#include "base/fault.h"
#include "object/lock.h"
#include "os/sync_internal.h"

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

static int wait(struct os_backend *b, struct object *lock, struct op *op) {
  struct sync_call call;
  uint64_t levels = UINT64_MAX;
  sync_begin(&call, b, op);
  int rc = sync_look(&call, LOOK_WAIT);
  if (rc != SYNC_WAITS)
    return rc;
  FAULT("condition.entered");
  rc = perform_on(b, lock, op, OP_LOCK_RELEASE, &levels, SBX_FOREVER);
  if (rc) {
    sync_cancel(&call);
    return rc;
  }
  FAULT("condition.released");
  rc = sync_finish(&call);
  if (rc == -SBX_EINTERRUPTED) { /* it is not going to touch what the lock protects */
    perform_on(b, lock, op, OP_LOCK_ACQUIRE, &levels, 0);
    return rc;
  }
  int again = perform_on(b, lock, op, OP_LOCK_ACQUIRE, &levels, SBX_FOREVER);
  return again ? again : rc;
}

int condition_perform(struct os_backend *b, struct op *op) {
  struct object lock = lock_of(b, op->object);
  if (op_describe(op->kind)->type == OBJECT_LOCK)
    return perform_on(b, &lock, op, op->kind, &op->count, op->deadline_ns);
  if (!is_held(b, &lock))
    return -SBX_ENOTHELD;
  return op->kind == OP_CONDITION_WAIT ? wait(b, &lock, op) : sync_do(b, op);
}
