/*
 * os/queue/queue_meet.c - queues without room: the steps M of queue.h; what the ops mean says
 * object/queue.h.
 */
#include "base/error.h"
#include "base/fault.h"
#include "os/queue/queue_internal.h"
#include "os/shared/line.h"
#include "os/shared/turns.h"

static struct line *line_of(const struct os_backend *b, const struct queue *q) {
  return &b->control->syncs[q->slot].line;
}

static struct line *readers_of(const struct os_backend *b, const struct queue *q) {
  return &b->control->syncs[q->slot].second;
}

int queue_lock_both(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  int rc = lock_put(b, r, op);
  if (rc == 0 && (rc = lock_get(b, r, op)))
    unlock_put(r);
  return rc;
}

void queue_met_tell(const struct os_backend *b, const struct queue *q) {
  line_wake(b, line_of(b, q), UINT64_MAX, 0);
}

/* Does another process wait in get that can act? */
static uint64_t readers(const struct os_backend *b, const struct queue *q) {
  const struct line *l = readers_of(b, q);
  if (line_find(b, l) != LINE_NOWHERE)
    return line_count(b->control, l, 0) - 1;
  return line_first_able(b->control, l) != 0;
}

static struct queue_ask ask_of(const struct os_backend *b, const struct queue *q,
                               const struct op *op) {
  bool brief = op->number == 1;
  return (struct queue_ask){.kind = op->kind,
                            .number = op->number,
                            .who = who_of(b->slot, b->serial),
                            .readers = brief ? readers(b, q) : 0};
}

bool queue_met_may_put(struct os_backend *b, const struct queue *q, const struct op *op) {
  const struct queue_state s = queue_now(b, q);
  const struct queue_ask ask = ask_of(b, q, op);
  return queue_ask_enabled(&s, &ask);
}

/* -- readers ----------------------------------------------------------------------------------- */

static void leave_line(struct os_backend *b, const struct queue *q, int place) {
  if (!q->hands)
    queue_met_tell(b, q); /* M4 */
  FAULT("queue.meet.leave");
  line_leave(b, readers_of(b, q), place);
}

void queue_met_line_up(struct os_backend *b, const struct queue *q, bool waits,
                       struct queue_place *here) {
  here->came = false;
  if (!waits && here->place != LINE_NOWHERE)
    leave_line(b, q, here->place);
  if (!waits)
    here->place = LINE_NOWHERE;
  if (!waits || here->place != LINE_NOWHERE)
    return;
  queue_met_tell(b, q); /* M4 */
  FAULT("queue.meet.join");
  here->place = line_join(b, readers_of(b, q));
  here->came = true;
}

int queue_met_lost(struct os_backend *b, const struct queue_place *here, int rc) {
  if (here->place != LINE_NOWHERE)
    line_vanish(b);
  return rc;
}

int queue_met_leave(struct os_backend *b, const struct queue *q, const struct queue_place *here,
                    int rc) {
  struct queue_record *r = record_of(b, q);
  if (here->place == LINE_NOWHERE)
    return rc;
  if (mutex_lock(&r->get.mutex, RANK_QUEUE_GET, 0, NULL))
    return queue_met_lost(b, here, rc);
  leave_line(b, q, here->place);
  unlock_get(r);
  return rc;
}

/* -- selects ------------------------------------------------------------------------------------- */

/* A putter joins the line, and then looks whether a reader came meanwhile. */
static void arm_put(struct os_backend *b, const struct queue *q, const struct op *op,
                    struct wait_set *w) {
  struct line *l = line_of(b, q);
  int place = line_find(b, l);
  unsigned looks = place != LINE_NOWHERE;
  if (place == LINE_NOWHERE)
    place = line_join(b, l);
  if (atomic_load(&record_of(b, q)->closed) || queue_met_may_put(b, q, op))
    wait_set_until(w, 0);
  else
    wait_set_until(w, line_look_again_ns(l, place, looks));
}

int queue_met_arm(struct os_backend *b, struct op *op, struct wait_set *w) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  struct queue_place here = {.place = line_find(b, readers_of(b, q))};
  int rc = queue_lock_both(b, q, op);
  if (rc)
    return rc;
  if (op->kind == OP_QUEUE_GET)
    queue_met_line_up(b, q, true, &here);
  else
    arm_put(b, q, op, w);
  unlock_get(r);
  unlock_put(r);
  return 0;
}

void queue_disarm(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  bool get = op->kind == OP_QUEUE_GET;
  struct line *l = get ? readers_of(b, q) : line_of(b, q);
  struct queue_place here = {.place = line_find(b, l)};
  if ((!queue_meets(r->max) && !q->hands) || here.place == LINE_NOWHERE)
    return;
  if (get) {
    queue_met_leave(b, q, &here, 0);
    return;
  }
  if (mutex_lock(&r->get.mutex, RANK_QUEUE_GET, 0, NULL)) {
    line_vanish(b);
    return;
  }
  line_leave(b, l, here.place);
  unlock_get(r);
}

/* -- meeting ------------------------------------------------------------------------------------- */

/* A MEET under way. */
struct meeting {
  struct os_backend *b;
  struct queue *q;
  struct op *op;
  int place;
  unsigned looks;
  bool over; /* time is up, or it is interrupted */
};

/* One look, under get's lock. 0, or why the item is withdrawn; -SBX_EAGAIN: neither yet. */
static int look(struct meeting *m) {
  struct queue_record *r = record_of(m->b, m->q);
  const struct queue_ask ask = ask_of(m->b, m->q, m->op);
  bool taken = side_shown(&r->get)[GET_ITEMS] >= m->op->ticket;
  struct queue_state s = {
      .max = r->max, .closed = atomic_load(&r->closed), .offer = taken ? 0 : ask.who};
  if (!m->over && !queue_ask_enabled(&s, &ask)) {
    if (m->place == LINE_NOWHERE)
      m->place = line_join(m->b, line_of(m->b, m->q));
    return -SBX_EAGAIN;
  }
  int rc = queue_ask_apply(&s, &ask);
  if (rc)
    queue_withdraw_locked(m->b, m->q, r);
  if (m->place != LINE_NOWHERE)
    line_leave(m->b, line_of(m->b, m->q), m->place);
  m->place = LINE_NOWHERE;
  return rc;
}

/* The item is neither taken nor withdrawn without the lock, so a timeout waits for that; an
 * interrupt does not. */
static int lock_for(struct meeting *m, int *why) {
  struct queue_record *r = record_of(m->b, m->q);
  int rc = *why ? *why : lock_get(m->b, r, m->op);
  if (rc == 0)
    return 0;
  m->over = true;
  *why = rc;
  if (rc == -SBX_ETIMEDOUT) {
    struct op patient = *m->op;
    patient.deadline_ns = SBX_FOREVER;
    rc = lock_get(m->b, r, &patient);
    *why = rc ? rc : *why;
  }
  return rc ? mutex_lock(&r->get.mutex, RANK_QUEUE_GET, 0, NULL) : 0;
}

/* Until the next look. 0, or why it is the last one. */
static int sleep_in_line(struct meeting *m) {
  struct wait_set w;
  wait_set_init(&w, m->op->deadline_ns);
  wait_set_until(&w, line_look_again_ns(line_of(m->b, m->q), m->place, m->looks++));
  if (m->op->number == 1) /* nobody tells of a reader that is killed */
    wait_set_slice(&w);
  return wait_set_sleep(m->b, m->op, &w);
}

int queue_meet(struct os_backend *b, struct op *op) {
  struct meeting m = {.b = b, .q = op->object->queue, .op = op, .place = LINE_NOWHERE};
  int why = 0;
  for (;;) {
    m.over = why || deadline_passed(op->deadline_ns);
    if (lock_for(&m, &why)) {
      if (m.place != LINE_NOWHERE)
        line_vanish(b);
      return why;
    }
    FAULT("queue.meet.look");
    int rc = look(&m);
    unlock_get(record_of(b, m.q));
    if (rc != -SBX_EAGAIN)
      return rc && why && why != -SBX_ETIMEDOUT ? why : rc;
    why = sleep_in_line(&m);
  }
}
