/*
 * os/queue/queue_tasks.c - task_done and join of a queue: which items have been worked off; see queue.h.
 *
 * `done` counts the items marked, by compare-and-swap: one commit, and no lock. A joiner waits in the
 * line of the queue's slot (os/shared/line.h), under the lock of the get side. A process that marks an
 * item and finds joiners in line looks whether it was the last one, and wakes them.
 *
 * No wake-up is lost: a joiner stands in line BEFORE it looks at `done` for the last time, and a
 * process that marks an item looks at the line AFTER it has counted (both are sequentially
 * consistent). The rest is as for other lines: should the waking process be killed, the joiners look
 * by themselves.
 *
 * With redeliver an item is marked by its taker, and that is a change of the table of hands: queue_hands.c.
 *
 * A reader that is killed with an item in its hands takes it along: it will never be marked, and join
 * waits on. Only in the instant between the pipe's read and the count of it, it is as if the item
 * had never been.
 */
#include "base/error.h"
#include "base/fault.h"
#include "os/queue/queue_internal.h"
#include "os/shared/line.h"

static struct line *line_of(const struct os_backend *b, const struct queue *q) {
  return &b->control->syncs[q->slot].line;
}

void queue_tell_joiners(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  struct op brief = *op;
  brief.deadline_ns = 0;
  if (atomic_load(&line_of(b, q)->end) == 0)
    return;
  struct queue_state s = queue_now(b, q);
  if (!queue_enabled(&s, OP_QUEUE_JOIN) || lock_get(b, r, &brief))
    return; /* its holder is stopped, or this process interrupted: they look by themselves */
  line_wake(b, line_of(b, q), UINT64_MAX, 0);
  unlock_get(r);
}

/* Of a queue without redeliver. */
static int count_done(struct os_backend *b, const struct queue *q, struct queue_record *r) {
  struct queue_state s;
  do {
    s = queue_now(b, q);
    int rc = queue_apply(&s, OP_QUEUE_TASK_DONE);
    if (rc)
      return rc;
    FAULT("queue.done.before-commit");
  } while (!atomic_compare_exchange_strong(&r->done, &(uint64_t){s.done - 1}, s.done));
  FAULT("queue.done.after-commit");
  return 0;
}

int queue_task_done(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  int rc = q->hands ? queue_hands_done(b, q, op) : count_done(b, q, record_of(b, q));
  if (rc == 0)
    queue_tell_joiners(b, q, op);
  return rc;
}

void queue_leave_hands(struct os_backend *b, bool well) {
  for (struct queue *q = b->queues; q; q = q->next) {
    if (!q->hands || q->holder != b->serial)
      continue;
    struct object o = {.type = OBJECT_QUEUE, .queue = q};
    struct op all = {.kind = OP_QUEUE_TASK_DONE,
                     .object = &o,
                     .number = well ? QUEUE_DONE_ALL : QUEUE_GIVE_BACK,
                     .deadline_ns = SBX_FOREVER};
    queue_task_done(b, &all);
  }
}

/* Are all done? If not, the process stands in line from now on. The lock of get is held. */
static bool all_done(struct os_backend *b, struct queue *q, int *place) {
  if (*place == LINE_NOWHERE)
    *place = line_join(b, line_of(b, q));
  struct queue_state s = queue_now(b, q);
  return queue_enabled(&s, OP_QUEUE_JOIN);
}

static void leave(struct os_backend *b, struct queue *q, const struct op *op, int place) {
  struct queue_record *r = record_of(b, q);
  if (place == LINE_NOWHERE)
    return;
  if (lock_get(b, r, op)) {
    line_vanish(b);
    return;
  }
  line_leave(b, line_of(b, q), place);
  unlock_get(r);
}

/* One look, under the lock. 0, -SBX_EAGAIN: not yet; or what the lock returned. */
static int look(struct os_backend *b, struct queue *q, const struct op *op, int *place) {
  struct queue_record *r = record_of(b, q);
  int rc = lock_get(b, r, op);
  if (rc)
    return rc;
  rc = all_done(b, q, place) ? 0 : -SBX_EAGAIN;
  unlock_get(r);
  return rc;
}

static int wait_until_done(struct os_backend *b, struct queue *q, const struct op *op, int *place) {
  for (unsigned looks = 0;; looks++) {
    struct wait_set w;
    bool last = deadline_passed(op->deadline_ns);
    int rc = look(b, q, op, place);
    if (rc != -SBX_EAGAIN)
      return rc;
    if (last)
      return -SBX_ETIMEDOUT;
    wait_set_init(&w, op->deadline_ns);
    wait_set_until(&w, line_look_again_ns(line_of(b, q), *place, looks));
    rc = wait_set_sleep(b, op, &w);
    if (rc && rc != -SBX_ETIMEDOUT)
      return rc;
  }
}

int queue_join(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  int place = LINE_NOWHERE;
  int rc = wait_until_done(b, q, op, &place);
  struct op brief = *op;
  brief.deadline_ns = 0;
  leave(b, q, &brief, place);
  return rc;
}
