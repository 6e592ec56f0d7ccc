/*
 * os/select.c - waiting for several things at once; see select.h.
 *
 * Two steps alternate (object/compose.h says when):
 *   1. Try each op, in order, as if its timeout were 0. The first that does not return "timeout" is
 *      the one that is done; the others had no effect.
 *   2. If there is none, each op names the descriptors and times that wake a process waiting for it
 *      (`arm` of its row in os/ops.c, which also silences bells, under the object's locks). Sleep on
 *      all of them.
 * What becomes possible between the two steps has rung its bell, so it is not missed.
 */
#include "os/select.h"

#include "base/error.h"
#include "base/fault.h"
#include "object/compose.h"
#include "os/ops.h"
#include "os/shared/turns.h"

/* Name what wakes when it may be done. 0, or -SBX_EINTERRUPTED. */
static int arm_one(struct os_backend *b, struct op *sub, struct wait_set *w) {
  int rc = os_op_of(sub->kind)->arm(b, sub, w); /* it was tried, so there is one */
  if (rc != -SBX_ETIMEDOUT)
    return rc;
  wait_set_slice(w); /* the holder of a lock is stopped: the other ops must not wait for that */
  return 0;
}

/* -SBX_ETIMEDOUT: it cannot be done now. -SBX_EINVAL: it cannot be waited for with others. */
static int try_one(struct os_backend *b, struct op *sub) {
  const struct os_op *row = os_op_of(sub->kind);
  return row->try_now ? row->try_now(b, sub) : -SBX_EINVAL;
}

/* Look at the ops, from the scan's on, until one is done or all were tried in vain. As select_next. */
static int look_at_all(struct os_backend *b, struct op *op, struct select_scan *scan) {
  int rc;
  do {
    uint32_t at = scan->at;
    rc = op->sub_count ? try_one(b, &op->subs[at]) : -SBX_ETIMEDOUT;
    if (rc != -SBX_ETIMEDOUT && rc != -SBX_EINTERRUPTED)
      op->number = (int)at;
    rc = select_next(scan, op->sub_count, rc);
  } while (rc == SELECT_LOOKS);
  return rc;
}

static int sleep_for_all(struct os_backend *b, struct op *op) {
  struct wait_set w;
  int rc = 0;
  FAULT("select.before-arm");
  wait_set_init(&w, op->deadline_ns);
  for (uint32_t i = 0; i < op->sub_count && rc == 0; i++)
    rc = arm_one(b, &op->subs[i], &w);
  if (rc == 0 && !turns_between(b, op))
    return wait_set_sleep(b, op, &w);
  wait_set_release(&w);
  return rc;
}

/* Leave the lines that arming joined, if there are any. */
static void disarm_all(struct os_backend *b, struct op *op) {
  for (uint32_t i = 0; i < op->sub_count && b->lines > 0; i++) {
    const struct os_op *row = os_op_of(op->subs[i].kind);
    if (row->disarm)
      row->disarm(b, &op->subs[i]);
  }
}

int select_any(struct os_backend *b, struct op *op) {
  struct select_scan scan = {.at = turns_choice(b, op), .last = deadline_passed(op->deadline_ns)};
  op->number = -1;
  int rc = look_at_all(b, op, &scan);
  while (rc == SELECT_SLEEPS) {
    rc = sleep_for_all(b, op);
    if (rc && rc != -SBX_ETIMEDOUT)
      break;
    scan.at = turns_choice(b, op);
    scan.last = rc == -SBX_ETIMEDOUT || deadline_passed(op->deadline_ns);
    rc = look_at_all(b, op, &scan);
  }
  disarm_all(b, op);
  return rc;
}
