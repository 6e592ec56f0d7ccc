/*
 * os/select.c - waiting for several things at once; see select.h.
 *
 * Two steps in turns. Try each op as if its timeout were 0: the first that does not answer
 * "timeout" is the one, and nothing was done by the others. If there is none, let each name the
 * descriptors and times that will wake whoever waits for it (its `arm`, which also silences bells,
 * under the object's locks), and sleep on all of them. What becomes possible between the two steps
 * has rung its bell, so it is not missed.
 */
#include "os/select.h"

#include "base/error.h"
#include "base/fault.h"
#include "os/process/process.h"
#include "os/queue/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/wait.h"
#include "os/sync/sync.h"

/* -SBX_ETIMEDOUT: it cannot be done now. */
static int try_one(struct os_backend *b, struct op *sub) {
  switch (sub->kind) {
  case OP_QUEUE_GET:
    sub->deadline_ns = 0;
    return queue_get(b, sub->object->queue, sub);
  case OP_QUEUE_PUT:
    sub->deadline_ns = 0;
    return queue_put(b, sub->object->queue, sub);
  case OP_PIPE_RECV:
    return pipe_try_recv(b, sub);
  case OP_PROCESS_JOIN:
    return process_try_join(b, sub);
  case OP_CLOCK_SLEEP:
    return deadline_passed(sub->deadline_ns) ? 0 : -SBX_ETIMEDOUT;
  case OP_LOCK_ACQUIRE:
  case OP_SEMAPHORE_ACQUIRE:
  case OP_EVENT_WAIT:
    return sync_poll(b, sub);
  default:
    return -SBX_EINVAL;
  }
}

/* Name what wakes when it may be done. 0, or -SBX_EINTERRUPTED. */
static int arm_one(struct os_backend *b, struct op *sub, struct wait_set *w) {
  int rc = 0;
  switch (sub->kind) {
  case OP_QUEUE_GET:
  case OP_QUEUE_PUT:
    rc = queue_arm(b, sub->object->queue, sub, w);
    break;
  case OP_PIPE_RECV:
    rc = pipe_arm(b, sub, w);
    break;
  case OP_PROCESS_JOIN:
    process_arm(b, sub, w);
    break;
  case OP_LOCK_ACQUIRE:
  case OP_SEMAPHORE_ACQUIRE:
  case OP_EVENT_WAIT:
    rc = sync_arm(b, sub, w);
    break;
  default: /* CLOCK_SLEEP: try_one knows no other */
    wait_set_until(w, sub->deadline_ns);
  }
  if (rc != -SBX_ETIMEDOUT)
    return rc;
  wait_set_slice(w); /* a holder of its lock is stopped: the others must not wait for that */
  return 0;
}

static int try_all(struct os_backend *b, struct op *op) {
  for (uint32_t i = 0; i < op->sub_count; i++) {
    int rc = try_one(b, &op->subs[i]);
    if (rc == -SBX_EINTERRUPTED)
      return rc;
    if (rc != -SBX_ETIMEDOUT) {
      op->number = (int)i;
      return rc;
    }
  }
  return -SBX_ETIMEDOUT;
}

static int sleep_for_all(struct os_backend *b, const struct op *op) {
  struct wait_set w;
  int rc = 0;
  FAULT("select.before-arm");
  wait_set_init(&w, op->deadline_ns);
  for (uint32_t i = 0; i < op->sub_count && rc == 0; i++)
    rc = arm_one(b, &op->subs[i], &w);
  if (rc == 0)
    return wait_set_sleep(b, op, &w);
  wait_set_release(&w);
  return rc;
}

/* Leave the lines that arming joined. */
static void disarm_all(struct os_backend *b, struct op *op) {
  for (uint32_t i = 0; i < op->sub_count && b->lines > 0; i++)
    if (sync_machine_of(op_describe(op->subs[i].kind)->type))
      sync_disarm(b, &op->subs[i]);
}

static int wait_for_one(struct os_backend *b, struct op *op) {
  int rc;
  do {
    rc = sleep_for_all(b, op);
    if (rc && rc != -SBX_ETIMEDOUT)
      return rc;
    int tried = try_all(b, op); /* at the deadline, too */
    if (op->number >= 0 || tried != -SBX_ETIMEDOUT)
      return tried;
  } while (rc == 0 && !deadline_passed(op->deadline_ns));
  return -SBX_ETIMEDOUT;
}

int select_any(struct os_backend *b, struct op *op) {
  op->number = -1;
  int rc = try_all(b, op);
  if (op->number >= 0 || rc != -SBX_ETIMEDOUT || deadline_passed(op->deadline_ns))
    return rc;
  rc = wait_for_one(b, op);
  disarm_all(b, op);
  return rc;
}
