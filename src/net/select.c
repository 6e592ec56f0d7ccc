/*
 * net/select.c - waiting for several things, of which some are in engines; see object/compose.h.
 *
 * The ops are tried in their order. If none can be done, those in an engine join their lines, each at the state in
 * which it could not be done, so nothing is missed; the backend below wakes for the others.
 */
#include "object/compose.h"

#include <stdlib.h>

#include "net/internal.h"

/* Where the things are that a select waits for. */
struct sides {
  struct net **of;             /* of each op; NULL: the backend below has it. Owned */
  struct net *all[BELLS_MOST]; /* each engine once */
  uint32_t count;
};

static int add_side(struct sides *s, struct net *n) {
  for (uint32_t i = 0; i < s->count; i++)
    if (s->all[i] == n)
      return 0;
  if (s->count == BELLS_MOST)
    return -SBX_EWORLDS;
  s->all[s->count++] = n;
  return net_told(n, net_enter(n));
}

static int sides_begin(struct sides *s, const struct op *op) {
  int rc = 0;
  *s = (struct sides){.of = calloc(op->sub_count + 1, sizeof *s->of)};
  if (!s->of)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < op->sub_count && rc == 0; i++)
    if (net_is_outside(op->subs[i].object)) {
      s->of[i] = net_of_handle(op->subs[i].object);
      rc = s->of[i] ? add_side(s, s->of[i]) : -SBX_EAWAY;
    }
  return rc;
}

/* An op below, as a select of its own that does not wait. */
static int try_below(struct op *sub) {
  struct op one = {.kind = OP_SELECT, .subs = sub, .sub_count = 1, .deadline_ns = 0};
  return net_front.inner->perform(net_front.backend, &one);
}

/* One look of an op in an engine. -SBX_ETIMEDOUT: not now. */
static int try_there(struct net *n, struct op *sub, const struct op *select, enum call_look how) {
  struct net_call c;
  struct net_object *o;
  switch (sub->kind) {
  case OP_QUEUE_PUT:
  case OP_QUEUE_GET:
    return net_queue_try(n, sub, how);
  case OP_PIPE_RECV:
    return net_pipe_try(n, sub, how);
  case OP_PROCESS_JOIN:
    return net_process_try(n, sub, select, how);
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

static int look_at_all(const struct sides *s, struct op *op, enum call_look how,
                       struct select_scan *scan) {
  int rc = -SBX_ETIMEDOUT;
  do {
    uint32_t at = scan->at;
    struct net *n = s->of[at];
    rc = n ? net_told(n, try_there(n, &op->subs[at], op, how)) : try_below(&op->subs[at]);
    if (rc != -SBX_ETIMEDOUT && rc != -SBX_EINTERRUPTED)
      op->number = (int)at;
    rc = select_next(scan, op->sub_count, rc);
  } while (rc == SELECT_LOOKS);
  return rc;
}

static int listen_to_all(const struct sides *s) {
  int rc = 0;
  for (uint32_t i = 0; i < s->count && rc == 0; i++)
    rc = net_told(s->all[i], bell_listen(s->all[i]));
  return rc;
}

/* Leave the lines, but that of the op which was done. */
static void leave_all(const struct sides *s, struct op *op) {
  for (uint32_t i = 0; i < op->sub_count; i++)
    if ((int)i != op->number && s->of[i])
      try_there(s->of[i], &op->subs[i], op, CALL_LAST);
}

static int select_in(const struct sides *s, struct op *op) {
  struct select_scan scan = {.last = call_is_over(op->deadline_ns)};
  bool joined = false;
  int rc = look_at_all(s, op, CALL_POLL, &scan);
  for (unsigned looks = 0; rc == SELECT_SLEEPS; looks++) {
    if (!joined && (rc = listen_to_all(s)))
      break;
    joined = true;
    rc = look_at_all(s, op, CALL_WAIT, &scan); /* again, and into the lines */
    if (rc != SELECT_SLEEPS)
      break;
    rc = bells_sleep(s->all, s->count, op, looks);
    if (rc && rc != -SBX_ETIMEDOUT)
      break;
    scan = (struct select_scan){.last = rc == -SBX_ETIMEDOUT || call_is_over(op->deadline_ns)};
    rc = look_at_all(s, op, CALL_POLL, &scan);
  }
  if (joined)
    leave_all(s, op);
  return rc;
}

int net_select_do(struct op *op) {
  struct sides s;
  op->number = -1;
  int rc = sides_begin(&s, op);
  if (rc == 0)
    rc = select_in(&s, op);
  free(s.of);
  return rc;
}
