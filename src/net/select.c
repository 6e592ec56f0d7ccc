/*
 * net/select.c - waiting for several things, of which some are in the engine; see object/compose.h.
 *
 * The ops are tried in their order. If none can be done, those in the engine join their lines, each at the state in
 * which it could not be done, so nothing is missed; the backend below wakes for the others.
 */
#include "object/compose.h"

#include "net/internal.h"

/* An op below, as a select of its own that does not wait. */
static int try_below(struct net *n, struct op *sub) {
  struct op one = {.kind = OP_SELECT, .subs = sub, .sub_count = 1, .deadline_ns = 0};
  return n->inner->perform(n->backend, &one);
}

int net_try(struct net *n, struct op *sub, enum call_look how) {
  struct net_call c;
  struct net_object *o;
  if (!net_has(n, sub->object))
    return how == CALL_LAST ? -SBX_ETIMEDOUT : try_below(n, sub);
  switch (sub->kind) {
  case OP_QUEUE_PUT:
  case OP_QUEUE_GET:
    return net_queue_try(n, sub, how);
  case OP_LOCK_ACQUIRE:
  case OP_SEMAPHORE_ACQUIRE:
  case OP_EVENT_WAIT:
  case OP_LATCH_WAIT:
    break;
  default:
    return -SBX_EINVAL;
  }
  if (!(o = net_object_of(n, sub->object)))
    return -SBX_ENOMEM;
  if (o->type == OBJECT_CONDITION)
    return -SBX_EINVAL;
  call_begin(&c, n, sub, o);
  c.step.patient = false;
  c.looks = 1;
  int rc = how == CALL_LAST ? call_cancel(&c) : call_look(&c, how);
  call_release(&c);
  return rc == CALL_WAITS || (how == CALL_LAST && rc == 0) ? -SBX_ETIMEDOUT : rc;
}

static int look_at_all(struct net *n, struct op *op, enum call_look how, struct select_scan *scan) {
  int rc = -SBX_ETIMEDOUT;
  do {
    uint32_t at = scan->at;
    rc = net_try(n, &op->subs[at], how);
    if (rc != -SBX_ETIMEDOUT && rc != -SBX_EINTERRUPTED)
      op->number = (int)at;
    rc = select_next(scan, op->sub_count, rc);
  } while (rc == SELECT_LOOKS);
  return rc;
}

/* Leave the lines, but that of the op which was done. */
static void leave_all(struct net *n, struct op *op) {
  for (uint32_t i = 0; i < op->sub_count; i++)
    if ((int)i != op->number && net_has(n, op->subs[i].object))
      net_try(n, &op->subs[i], CALL_LAST);
}

int net_select_do(struct net *n, struct op *op) {
  struct select_scan scan = {.last = call_is_over(op->deadline_ns)};
  bool joined = false;
  op->number = -1;
  int rc = op->sub_count ? look_at_all(n, op, CALL_POLL, &scan) : -SBX_EINVAL;
  for (unsigned looks = 0; rc == SELECT_SLEEPS; looks++) {
    if (!joined && (rc = bell_listen(n)))
      break;
    joined = true;
    rc = look_at_all(n, op, CALL_WAIT, &scan); /* again, and into the lines */
    if (rc != SELECT_SLEEPS)
      break;
    rc = bell_sleep(n, op, looks);
    if (rc && rc != -SBX_ETIMEDOUT)
      break;
    scan = (struct select_scan){.last = rc == -SBX_ETIMEDOUT || call_is_over(op->deadline_ns)};
    rc = look_at_all(n, op, CALL_POLL, &scan);
  }
  if (joined)
    leave_all(n, op);
  return rc;
}
