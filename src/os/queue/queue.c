/* os/queue/queue.c - put and get, one item or a run; the steps P, G of queue.h. How ops wait is in
 * queue_wait.c, looking in queue_peek.c, making, holding and closing queues in queue_hold.c. */
#include "os/queue/queue.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/queue/queue_internal.h"
#include "os/shared/line.h"
#include "os/shared/turns.h"
#include "os/shared/wait.h"

/* -- put ------------------------------------------------------------------------------------- */

/* P2. Returns 0, or -SBX_EAGAIN when the pipe is full. */
static int put_pipe(struct queue *q, struct queue_record *r, const struct op *op) {
  uint8_t record[RECORD_BYTES];
  uint32_t len = (uint32_t)(op->len + op->more_len);
  if (op->len > 0)
    memcpy(record + RECORD_HEAD, op->data, op->len);
  if (op->more_len > 0)
    memcpy(record + RECORD_HEAD + op->len, op->more, op->more_len);
  memset(record + RECORD_HEAD + len, 0, RECORD_ITEM_MAX - len);
  uint64_t now = atomic_load_explicit(&r->put.pipe, memory_order_relaxed);
  /* Odd: the last writer died between P2a and P2c, and its count is used up. */
  uint64_t writing = now % 2 ? now + 2 : now + 1;
  uint64_t number = item_number(side_shown(&r->put)[PUT_ITEMS], writing);
  memcpy(record, &len, sizeof len);
  memcpy(record + sizeof len, &number, sizeof number);
  r->put.seen[SEEN_ROOM]--; /* before the item is in the queue: see has_room */
  atomic_store(&r->put.pipe, writing);
  FAULT("queue.put.before-commit");
  ssize_t n;
  do
    n = write(q->fds[FD_PIPE_WRITE], record, sizeof record);
  while (n < 0 && errno == EINTR);
  FAULT("queue.put.after-commit");
  assert(n == RECORD_BYTES || n < 0); /* a write of at most PIPE_BUF bytes is not split */
  atomic_store(&r->put.pipe, writing + 1);
  atomic_store(&r->put.asleep, 0); /* it has been woken */
  return n < 0 ? -SBX_EAGAIN : 0;
}

/* Learn how far the readers are; seldom, since they write to that cache line. */
static void look_at_head(struct queue_record *r) {
  uint64_t get[SIDE_SHOWN];
  side_read(&r->get, get);
  r->put.seen[SEEN_HEAD] = get[GET_HEAD];
}

static bool log_is_empty(struct queue_record *r, const struct log_writer *w) {
  if (log_first(r->put.seen[SEEN_HEAD], w->base) != w->tail)
    look_at_head(r);
  return log_first(r->put.seen[SEEN_HEAD], w->base) == w->tail;
}

/* P3a. */
static inline int append(struct queue *q, struct queue_record *r, struct log_writer *w,
                         const struct op *op) {
  const struct span item[2] = {{op->data, op->len}, {op->more, op->more_len}};
  if (log_wants_head(&q->log, w, r->put.seen[SEEN_HEAD], op->len + op->more_len))
    look_at_head(r);
  int rc = log_append(&q->log, w, r->put.seen[SEEN_HEAD], item);
  if (rc == -SBX_ECAP) {
    look_at_head(r);
    rc = log_append(&q->log, w, r->put.seen[SEEN_HEAD], item);
  }
  return rc;
}

/* P3b, P3c: `many` entries. */
static inline void commit_put(struct os_backend *b, struct queue *q, struct queue_record *r,
                              struct log_writer *w, uint64_t many) {
  b->queue_grown |= log_is_grown(w);
  ring_readers(q, r);
  FAULT("queue.put.before-commit");
  writer_becomes_next(r, w);
  side_next_shown(&r->put)[PUT_ITEMS] += many;
  side_commit(&r->put);
  FAULT("queue.put.after-commit");
}

static int put_log(struct os_backend *b, struct queue *q, struct queue_record *r,
                   struct log_writer *w, const struct op *op) {
  int rc = append(q, r, w, op);
  if (rc)
    return rc;
  if (carries(op))
    log_mark(&q->log, w, op->len + op->more_len);
  commit_put(b, q, r, w, 1);
  return 0;
}

/* Should the item, which carries nothing, travel by the pipe, if that can be? */
static bool prefers_pipe(const struct queue_record *r, const struct op *op) {
  if (op->len > RECORD_ITEM_MAX || op->more_len > RECORD_ITEM_MAX - op->len ||
      r->transport == TRANSPORT_SHM)
    return false;
  return r->transport == TRANSPORT_PIPE ||
         atomic_load_explicit(&r->put.asleep, memory_order_relaxed);
}

static int put_plain(struct os_backend *b, struct queue *q, struct queue_record *r,
                     const struct op *op) {
  struct log_writer w = writer_now(r);
  if (prefers_pipe(r, op) && log_is_empty(r, &w) && put_pipe(q, r, op) == 0)
    return 0;
  return put_log(b, q, r, &w, op);
}

static int put_carrying(struct os_backend *b, struct queue *q, struct queue_record *r,
                        const struct op *op) {
  struct buf space = {0};
  struct op with_trailer;
  int rc = carry_begin(b, q, op, &with_trailer, &space);
  if (rc == 0) {
    struct log_writer w = writer_now(r);
    rc = put_log(b, q, r, &w, &with_trailer);
    carry_end(b, q, op, rc);
  }
  buf_release(&space);
  return rc;
}

/*
 * Is there a place for one more item? seen[SEEN_ROOM] is what PUT_ITEMS may become, as the queue was
 * last looked at: readers only make more room, and a writer to the pipe takes one off before. With
 * redeliver items may come back.
 */
static bool has_room(struct os_backend *b, const struct queue *q, struct queue_record *r) {
  uint64_t items = side_shown(&r->put)[PUT_ITEMS];
  if (r->max == 0 || ((int64_t)(r->put.seen[SEEN_ROOM] - items) > 0 && !q->hands))
    return true;
  struct queue_state s = queue_now(b, q);
  if (!queue_enabled(&s, OP_QUEUE_PUT))
    return false;
  r->put.seen[SEEN_ROOM] = items + (queue_places(s.max) - queue_len(&s));
  return true;
}

/* Is a put enabled? Holder of put; of a queue without room holder of both. */
static bool may_put(struct os_backend *b, const struct queue *q, struct queue_record *r,
                    const struct op *op) {
  return queue_meets(r->max) ? queue_met_may_put(b, q, op) : has_room(b, q, r);
}

/* A mailbox is closed from the end of its process on. */
static bool is_closed(const struct os_backend *b, const struct queue_record *r) {
  if (atomic_load_explicit(&r->closed, memory_order_relaxed)) /* under the lock */
    return true;
  if (!r->owner_serial)
    return false;
  unsigned phase = stamp_phase(control_process_stamp(b->control, r->owner, r->owner_serial));
  return phase != PHASE_CLAIMED && phase != PHASE_RUNNING;
}

/* Apart, so that a put that nobody asks for its number has fewer registers to save. */
__attribute__((noinline)) static void number_put(const struct queue_record *r, struct op *op) {
  op->item = item_number(side_shown(&r->put)[PUT_ITEMS],
                         atomic_load_explicit(&r->put.pipe, memory_order_relaxed));
}

int queue_put(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  struct queue_wait wait = queue_wait_begin(q, OP_QUEUE_PUT);
  for (;;) {
    int rc = queue_meets(r->max) ? queue_lock_both(b, q, op) : lock_put(b, r, op);
    if (rc)
      return rc;
    bool closed = is_closed(b, r);
    bool enabled = closed || may_put(b, q, r, op);
    if (enabled)
      rc = closed ? -SBX_ECLOSED : carries(op) ? put_carrying(b, q, r, op) : put_plain(b, q, r, op);
    if (numbers_items(b, r))
      number_put(r, op);
    if (queue_meets(r->max))
      unlock_get(r);
    unlock_put(r);
    if (enabled) {
      spin_won(&wait.awake);
      op->count = queue_meets(r->max);
      if (rc == 0)
        count_item(&my_record(b)->items_out);
      return rc;
    }
    if (deadline_passed(op->deadline_ns))
      return -SBX_ETIMEDOUT;
    if ((rc = queue_wait(b, q, op, &wait)))
      return rc;
  }
}

/* -- get ------------------------------------------------------------------------------------- */

int queue_append_record(const uint8_t record[RECORD_BYTES], const struct op *op) {
  uint32_t len;
  memcpy(&len, record, sizeof len);
  assert(len <= RECORD_ITEM_MAX);
  return buf_append(op->out, record + RECORD_HEAD, len);
}

/* G3. Returns 0, -SBX_EAGAIN when the pipe is empty, -SBX_ENOMEM before anything was read. */
static int get_pipe(struct queue *q, struct queue_record *r, struct op *op) {
  uint8_t record[RECORD_BYTES];
  uint64_t writes = atomic_load(&r->put.pipe);
  uint64_t reads = atomic_load_explicit(&r->get.pipe, memory_order_relaxed);
  if (writes == reads)
    return -SBX_EAGAIN;
  /* Before the commit: nothing is lost for want of memory. */
  if (buf_reserve(op->out, RECORD_ITEM_MAX))
    return -SBX_ENOMEM;
  ring_writers(q, r);
  FAULT("queue.get.before-commit");
  ssize_t n;
  do
    n = read(q->fds[FD_PIPE_READ], record, sizeof record);
  while (n < 0 && errno == EINTR);
  FAULT("queue.get.after-commit");
  if (n == RECORD_BYTES) {
    count_item(&r->got_by_pipe);
    atomic_store(&r->get.pipe, reads + 2);
  } else if (writes % 2 == 0)
    atomic_store(&r->get.pipe, writes);
  assert(n == RECORD_BYTES || n < 0);
  if (n < 0)
    return -SBX_EAGAIN;
  memcpy(&op->item, record + sizeof(uint32_t), sizeof op->item);
  return queue_append_record(record, op);
}

/* The item that was got from the log last. */
static void number_got(const struct os_backend *b, const struct queue_record *r, struct op *op) {
  if (numbers_items(b, r))
    op->item = item_number(side_shown(&r->get)[GET_ITEMS], r->get.seen[SEEN_WRITES]);
}

/* G5: `many` items are taken, which end at `end`. */
static inline void commit_get(const struct os_backend *b, const struct queue *q,
                              struct queue_record *r, uint64_t end, uint64_t many) {
  ring_writers(q, r);
  if (queue_meets(r->max))
    queue_met_tell(b, q);
  FAULT("queue.get.before-commit");
  uint64_t *next = side_next_shown(&r->get);
  next[GET_ITEMS] = side_shown(&r->get)[GET_ITEMS] + many;
  next[GET_HEAD] = end;
  side_commit(&r->get);
  FAULT("queue.get.after-commit");
}

static int get_log(struct os_backend *b, struct queue *q, struct queue_record *r, uint64_t first,
                   struct op *op, bool take) {
  uint64_t len = log_front(&q->log, &first), number = 0;
  bool marked = log_is_marked(&q->log, first);
  if (op->may_lend && len >= LEND_BYTES && !marked) {
    op->data = log_item(&q->log, first);
    op->len = len;
    op->ticket = atomic_load_explicit(&r->get.generation, memory_order_relaxed);
    return -SBX_ELENT;
  }
  if (buf_reserve(op->out, len))
    return -SBX_ENOMEM;
  log_read(&q->log, first, len, op->out);
  int rc = marked ? carry_read(b, op->out, op->refs, len, &number) : 0;
  if (rc == 0 && take)
    commit_get(b, q, r, log_after(first, len), 1);
  number_got(b, r, op);
  if (rc == 0 && take && marked)
    carry_gone(r, number);
  return rc;
}

static int look_into_pipe(struct queue *q, struct queue_record *r, struct op *op, bool take) {
  int rc = take ? get_pipe(q, r, op) : queue_peek_pipe(q, r, op);
  if (rc == -SBX_EAGAIN)
    FAULT("queue.get.pipe-empty");
  return rc;
}

void queue_withdraw_locked(struct os_backend *b, struct queue *q, struct queue_record *r) {
  uint64_t put[SIDE_SHOWN], carried = atomic_load(&r->carry_done);
  side_read(&r->put, put);
  uint64_t first = log_first(side_shown(&r->get)[GET_HEAD], put[PUT_BASE]);
  uint64_t len = log_front(&q->log, &first);
  commit_get(b, q, r, log_after(first, len), 1);
  carry_gone(r, carried);
  atomic_fetch_add(&r->done, 1);
}

int queue_get_locked(struct os_backend *b, struct queue *q, struct queue_record *r, struct op *op,
                     bool take) {
  if (q->hands)
    return queue_hands_get(b, q, r, op, take);
  uint64_t put[SIDE_SHOWN], *seen = r->get.seen, head = side_shown(&r->get)[GET_HEAD];
  uint64_t first = log_first(head, seen[SEEN_BASE]);
  if (first < seen[SEEN_TAIL])
    return get_log(b, q, r, first, op, take);
  bool closed = atomic_load(&r->closed);
  uint64_t carried = atomic_load(&r->carry_done);
  side_read(&r->put, put); /* the log's tail before put.pipe: G2 */
  int rc = look_into_pipe(q, r, op, take);
  if (rc != -SBX_EAGAIN)
    return rc;
  first = log_first(head, put[PUT_BASE]);
  if (first == put[PUT_TAIL]) {
    carry_gone(r, carried); /* whichever process took them may have been killed over that */
    return closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
  }
  seen[SEEN_BASE] = put[PUT_BASE];
  seen[SEEN_TAIL] = put[PUT_TAIL];
  seen[SEEN_WRITES] = atomic_load(&r->put.pipe);
  return get_log(b, q, r, first, op, take);
}

int queue_get(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  struct queue_wait wait = queue_wait_begin(q, OP_QUEUE_GET);
  wait.streaming = b->got_from == q && (r->max == 0 || queue_places(r->max) >= STREAM_LEAST);
  struct queue_place here = {.place = LINE_NOWHERE};
  for (;;) {
    int rc = lock_get(b, r, op);
    if (rc)
      return queue_met_lost(b, &here, rc);
    rc = queue_get_locked(b, q, r, op, true);
    bool last = rc == -SBX_ETIMEDOUT && deadline_passed(op->deadline_ns);
    if (queue_meets(r->max))
      queue_met_line_up(b, q, rc == -SBX_ETIMEDOUT && !last, &here);
    unlock_get(r);
    if (rc != -SBX_ETIMEDOUT) {
      spin_won(&wait.awake);
      if (rc == 0)
        count_item(&my_record(b)->items_in);
      b->got_from = rc == 0 ? q : NULL;
      return rc;
    }
    if (last)
      return rc;
    if (here.came && turns_between(b, op))
      continue;
    if ((rc = queue_wait(b, q, op, &wait)))
      return queue_met_leave(b, q, &here, rc);
  }
}

/* As long as nothing is taken, what was lent is the oldest item: nothing goes into the pipe (P2). */
int queue_take(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  int rc = lock_get(b, r, op);
  if (rc)
    return rc;
  if (op->ticket != atomic_load_explicit(&r->get.generation, memory_order_relaxed)) {
    rc = -SBX_EAGAIN;
  } else {
    uint64_t first = log_first(side_shown(&r->get)[GET_HEAD], r->get.seen[SEEN_BASE]);
    uint64_t len = log_front(&q->log, &first);
    commit_get(b, q, r, log_after(first, len), 1);
    number_got(b, r, op);
    count_item(&my_record(b)->items_in);
  }
  unlock_get(r);
  return rc;
}

/* -- runs ------------------------------------------------------------------------------------ */

/* As many as there is room for into the log. Holder of put. How many. */
static uint32_t put_several(struct os_backend *b, struct queue *q, struct queue_record *r,
                            struct op *ops, uint32_t count) {
  struct log_writer w = writer_now(r);
  uint64_t room = r->put.seen[SEEN_ROOM] - side_shown(&r->put)[PUT_ITEMS];
  uint32_t n = 0;
  if (r->max && room < count)
    count = (uint32_t)room;
  while (n < count && !carries(&ops[n]) && append(q, r, &w, &ops[n]) == 0)
    n++;
  if (n == 0)
    return 0;
  commit_put(b, q, r, &w, n);
  for (uint32_t i = 0; i < n; i++) {
    ops[i].count = 0;
    if (numbers_items(b, r)) {
      number_put(r, &ops[i]);
      ops[i].item -= n - 1 - i;
    }
  }
  atomic_fetch_add(&my_record(b)->items_out, n);
  return n;
}

int queue_put_run(struct os_backend *b, struct op *ops, uint32_t count, uint32_t *ret_done) {
  struct queue *q = ops->object->queue;
  struct queue_record *r = record_of(b, q);
  if (queue_meets(r->max) || lock_put(b, r, ops))
    return -SBX_EAGAIN;
  *ret_done = is_closed(b, r) || !has_room(b, q, r) ? 0 : put_several(b, q, r, ops, count);
  unlock_put(r);
  return *ret_done ? 0 : -SBX_EAGAIN;
}

/* G2, G3: if G1 knows of no entry, and the pipe is empty, look at the log. Holder of get. */
static void see_log(struct queue_record *r) {
  uint64_t put[SIDE_SHOWN], *seen = r->get.seen;
  if (log_first(side_shown(&r->get)[GET_HEAD], seen[SEEN_BASE]) < seen[SEEN_TAIL])
    return;
  side_read(&r->put, put);
  uint64_t writes = atomic_load(&r->put.pipe);
  if (writes != atomic_load_explicit(&r->get.pipe, memory_order_relaxed))
    return;
  seen[SEEN_BASE] = put[PUT_BASE];
  seen[SEEN_TAIL] = put[PUT_TAIL];
  seen[SEEN_WRITES] = writes;
}

/* As many as G1 knows of. Holder of get. How many. */
static uint32_t get_several(struct os_backend *b, struct queue *q, struct queue_record *r,
                            struct op *ops, uint32_t count) {
  uint64_t *seen = r->get.seen, end = side_shown(&r->get)[GET_HEAD];
  uint64_t number = side_shown(&r->get)[GET_ITEMS];
  uint32_t n = 0;
  for (; n < count; n++) {
    uint64_t first = log_first(end, seen[SEEN_BASE]);
    if (first >= seen[SEEN_TAIL])
      break;
    uint64_t len = log_front(&q->log, &first);
    if (log_is_marked(&q->log, first) || buf_reserve(ops[n].out, len))
      break;
    log_read(&q->log, first, len, ops[n].out);
    ops[n].len = len;
    ops[n].count = 0;
    ops[n].item = item_number(++number, seen[SEEN_WRITES]);
    end = log_after(first, len);
  }
  if (n) {
    commit_get(b, q, r, end, n);
    atomic_fetch_add(&my_record(b)->items_in, n);
  }
  return n;
}

int queue_get_run(struct os_backend *b, struct op *ops, uint32_t count, uint32_t *ret_done) {
  struct queue *q = ops->object->queue;
  struct queue_record *r = record_of(b, q);
  const struct op *last = &ops[count - 1]; /* a GET: a TASK_DONE before it has no timeout */
  if (queue_meets(r->max) || (!q->hands && ops->kind != OP_QUEUE_GET) || lock_get(b, r, last))
    return -SBX_EAGAIN;
  if (q->hands) {
    *ret_done = queue_hands_run(b, q, ops, count);
  } else {
    see_log(r);
    *ret_done = get_several(b, q, r, ops, count);
  }
  unlock_get(r);
  if (*ret_done && ops->kind == OP_QUEUE_TASK_DONE)
    queue_tell_joiners(b, q, ops);
  return *ret_done ? 0 : -SBX_EAGAIN;
}
