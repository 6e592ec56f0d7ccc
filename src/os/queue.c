/* os/queue.c - put, get, peek, close; see queue.h. Making and holding queues is in queue_hold.c. */
#include "os/queue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

static struct queue_record *record_of(struct os_backend *b, const struct queue *q) {
  return &b->control->queues[q->slot];
}

/* Items in a pipe, by any descriptor of it; 0 for -1. */
static uint64_t pipe_len(int pipe) {
  int bytes = 0;
  if (pipe < 0 || ioctl(pipe, FIONREAD, &bytes))
    return 0;
  return (uint64_t)bytes / RECORD_BYTES;
}

/* When others are so busy that no moment can be had, some state in between has to do. */
struct queue_state queue_look(const struct queue_record *r, int pipe, uint64_t *ret_bytes) {
  struct queue_state s = {.max = r->max};
  uint64_t put[MONITOR_WORDS], get[MONITOR_WORDS], in_pipe = 0;
  s.closed = atomic_load_explicit(&r->closed, memory_order_acquire);
  for (int tries = 0; tries < 64; tries++) {
    uint64_t writes = atomic_load(&r->pipe_writes);
    uint64_t got = monitor_read(&r->get, get);
    uint64_t put_generation = monitor_read(&r->put, put);
    in_pipe = pipe_len(pipe);
    if (put_generation == atomic_load(&r->put.generation) &&
        got == atomic_load(&r->get.generation) && writes == atomic_load(&r->pipe_writes))
      break;
  }
  s.put = put[PUT_ITEMS] + in_pipe;
  s.got = get[GET_ITEMS] < s.put ? get[GET_ITEMS] : s.put;
  uint64_t first = log_first(get[GET_HEAD], put[PUT_BASE]);
  if (ret_bytes)
    *ret_bytes = in_pipe * RECORD_BYTES + (first < put[PUT_TAIL] ? put[PUT_TAIL] - first : 0);
  return s;
}

/* The state as the object layer knows it; whoever must know it for certain holds a lock. */
static struct queue_state state_of(struct os_backend *b, const struct queue *q) {
  return queue_look(record_of(b, q), q->fds[FD_PIPE_READ], NULL);
}

static struct log_writer writer_of(const struct queue_record *r) {
  const uint64_t *now = monitor_state(&r->put);
  return (struct log_writer){.tail = now[PUT_TAIL],
                             .base = now[PUT_BASE],
                             .reserved = now[PUT_RESERVED],
                             .freed = now[PUT_FREED]};
}

/* Fill the put side's next state from a writer; the caller commits it. */
static uint64_t *next_from_writer(struct queue_record *r, const struct log_writer *w) {
  uint64_t *next = monitor_next(&r->put);
  next[PUT_TAIL] = w->tail;
  next[PUT_BASE] = w->base;
  next[PUT_RESERVED] = w->reserved;
  next[PUT_FREED] = w->freed;
  return next;
}

/* -- bells ----------------------------------------------------------------------------------- */

static void ring(int fd, _Atomic uint32_t *rung) {
  const uint64_t one = 1;
  if (atomic_load(rung))
    return;
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
  FAULT("queue.bell.rung");
  atomic_store(rung, 1);
}

static void silence(int fd, _Atomic uint32_t *rung) {
  uint64_t count;
  atomic_store(rung, 0);
  FAULT("queue.bell.silence");
  while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
    continue;
}

/* -- locks ----------------------------------------------------------------------------------- */

static int lock_put(struct os_backend *b, struct queue_record *r, const struct op *op) {
  return wait_monitor(b, &r->put, RANK_QUEUE_PUT, op);
}

static int lock_get(struct os_backend *b, struct queue_record *r, const struct op *op) {
  return wait_monitor(b, &r->get, RANK_QUEUE_GET, op);
}

static void unlock_put(struct queue_record *r) { monitor_unlock(&r->put, RANK_QUEUE_PUT); }
static void unlock_get(struct queue_record *r) { monitor_unlock(&r->get, RANK_QUEUE_GET); }

/* Both locks are held and the queue is empty: give back the memory of a log that had grown. */
static void rewind_log(const struct queue *q, struct queue_record *r) {
  struct log_writer w = writer_of(r);
  if (!log_wants_rewind(&q->log, &w))
    return;
  log_rewind(&q->log, &w);
  next_from_writer(r, &w);
  monitor_commit(&r->put);
}

/* The op cannot go on: under both locks make sure of it, and silence the bell it is going to sleep
 * on. */
static int silence_bell(struct os_backend *b, struct queue *q, const struct op *op, int bell,
                        _Atomic uint32_t *rung) {
  struct queue_record *r = record_of(b, q);
  int rc = lock_put(b, r, op);
  if (rc)
    return rc;
  rc = lock_get(b, r, op);
  if (rc == 0) {
    struct queue_state s = state_of(b, q);
    if (!queue_enabled(&s, op->kind))
      silence(bell, rung);
    if (queue_len(&s) == 0)
      rewind_log(q, r);
    unlock_get(r);
  }
  unlock_put(r);
  return rc;
}

int queue_arm(struct os_backend *b, struct queue *q, const struct op *op, struct wait_set *w) {
  struct queue_record *r = record_of(b, q);
  bool put = op->kind == OP_QUEUE_PUT;
  int bell = q->fds[put ? FD_PUT_BELL : FD_GET_BELL];
  int rc = silence_bell(b, q, op, bell, put ? &r->put_bell : &r->get_bell);
  if (rc)
    return rc;
  wait_set_add(w, bell, false);
  if (!put && q->fds[FD_PIPE_READ] >= 0)
    wait_set_add(w, q->fds[FD_PIPE_READ], false);
  return 0;
}

/* The op cannot go on. At the deadline one more look is taken, so its passing is 0, too. */
static int sleep_for(struct os_backend *b, struct queue *q, const struct op *op) {
  struct wait_set w;
  wait_set_init(&w, op->deadline_ns);
  int rc = queue_arm(b, q, op, &w);
  if (rc)
    return rc;
  rc = wait_set_sleep(b, op, &w);
  return rc == -SBX_ETIMEDOUT ? 0 : rc;
}

/* -- put ------------------------------------------------------------------------------------- */

/* The write is the commit. Returns 0, or -SBX_EAGAIN when the pipe is full. */
static int put_pipe(struct queue *q, struct queue_record *r, const struct op *op) {
  uint8_t record[RECORD_BYTES] = {0};
  uint32_t len = (uint32_t)op->len;
  memcpy(record, &len, sizeof len);
  if (len > 0)
    memcpy(record + RECORD_HEAD, op->data, len);
  uint64_t writing = atomic_load_explicit(&r->pipe_writes, memory_order_relaxed) | 1;
  if (writing == atomic_load_explicit(&r->pipe_writes, memory_order_relaxed))
    writing += 2; /* the last writer died in between: its count is used up */
  atomic_store(&r->pipe_writes, writing);
  FAULT("queue.put.before-commit");
  ssize_t n;
  do
    n = write(q->fds[FD_PIPE_WRITE], record, sizeof record);
  while (n < 0 && errno == EINTR);
  FAULT("queue.put.after-commit");
  assert(n == RECORD_BYTES || n < 0); /* a write of at most PIPE_BUF bytes is not split */
  atomic_store(&r->pipe_writes, writing + 1);
  return n < 0 ? -SBX_EAGAIN : 0;
}

static int put_log(struct queue *q, struct queue_record *r, struct log_writer *w, uint64_t head,
                   const struct op *op) {
  int rc = log_append(&q->log, w, head, op->data, op->len);
  if (rc)
    return rc;
  ring(q->fds[FD_GET_BELL], &r->get_bell); /* before the commit */
  FAULT("queue.put.before-commit");
  next_from_writer(r, w)[PUT_ITEMS]++;
  monitor_commit(&r->put);
  FAULT("queue.put.after-commit");
  return 0;
}

static int put_locked(struct queue *q, struct queue_record *r, const struct op *op) {
  uint64_t get[MONITOR_WORDS];
  struct log_writer w = writer_of(r);
  monitor_read(&r->get, get);
  bool log_empty = log_first(get[GET_HEAD], w.base) == w.tail;
  if (r->transport != TRANSPORT_SHM && log_empty && op->len <= RECORD_ITEM_MAX &&
      put_pipe(q, r, op) == 0)
    return 0;
  return put_log(q, r, &w, get[GET_HEAD], op);
}

int queue_put(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  for (;;) {
    int rc = lock_put(b, r, op);
    if (rc)
      return rc;
    struct queue_state s = {.max = r->max, .closed = atomic_load(&r->closed)};
    if (s.max && !s.closed)
      s = state_of(b, q);
    bool enabled = queue_enabled(&s, OP_QUEUE_PUT);
    if (enabled)
      rc = s.closed ? -SBX_ECLOSED : put_locked(q, r, op);
    unlock_put(r);
    if (enabled && rc == 0)
      count_item(&my_record(b)->items_out);
    if (enabled)
      return rc;
    if (deadline_passed(op->deadline_ns))
      return -SBX_ETIMEDOUT;
    if ((rc = sleep_for(b, q, op)))
      return rc;
  }
}

/* -- get ------------------------------------------------------------------------------------- */

static int append_record(const uint8_t record[RECORD_BYTES], struct buf *out) {
  uint32_t len;
  memcpy(&len, record, sizeof len);
  assert(len <= RECORD_ITEM_MAX);
  return buf_append(out, record + RECORD_HEAD, len);
}

/* A place is about to become free in a bounded queue. */
static void announce_place(struct queue *q, struct queue_record *r) {
  if (r->max)
    ring(q->fds[FD_PUT_BELL], &r->put_bell);
}

/* The read is the commit. Returns 0, -SBX_EAGAIN when the pipe is empty, -SBX_ENOMEM before
 * anything was read. */
static int get_pipe(struct queue *q, struct queue_record *r, struct buf *out) {
  uint8_t record[RECORD_BYTES];
  if (r->transport == TRANSPORT_SHM)
    return -SBX_EAGAIN;
  uint64_t writes = atomic_load(&r->pipe_writes);
  if (writes == r->pipe_seen)
    return -SBX_EAGAIN;
  if (buf_reserve(
          out,
          RECORD_ITEM_MAX)) /* before the commit: the item must not be lost for want of memory */
    return -SBX_ENOMEM;
  announce_place(q, r);
  FAULT("queue.get.before-commit");
  ssize_t n;
  do
    n = read(q->fds[FD_PIPE_READ], record, sizeof record);
  while (n < 0 && errno == EINTR);
  FAULT("queue.get.after-commit");
  if (n < 0) {
    if (writes % 2 == 0) /* every write counted was over before this read */
      r->pipe_seen = writes;
    return -SBX_EAGAIN;
  }
  assert(n == RECORD_BYTES);
  return append_record(record, out);
}

static int get_log(struct queue *q, struct queue_record *r, uint64_t first, struct buf *out,
                   bool take) {
  uint64_t len = log_front(&q->log, &first);
  if (buf_reserve(out, len))
    return -SBX_ENOMEM;
  log_read(&q->log, first, len, out);
  if (!take)
    return 0;
  announce_place(q, r); /* before the commit */
  FAULT("queue.get.before-commit");
  uint64_t *next = monitor_next(&r->get);
  next[GET_HEAD] = log_after(first, len);
  next[GET_ITEMS]++;
  monitor_commit(&r->get);
  FAULT("queue.get.after-commit");
  return 0;
}

static int peek_pipe(struct queue *q, struct queue_record *r, struct buf *out);

/* Take or look at the oldest item. -SBX_ETIMEDOUT when there is none, -SBX_ECLOSED when there will
 * be none. */
static int get_locked(struct queue *q, struct queue_record *r, struct buf *out, bool take) {
  uint64_t put[MONITOR_WORDS];
  bool closed = atomic_load(&r->closed); /* first: nothing is put after it is seen */
  monitor_read(&r->put, put);            /* the log's tail before pipe_writes: see queue.h */
  int rc = take ? get_pipe(q, r, out) : peek_pipe(q, r, out);
  if (rc != -SBX_EAGAIN)
    return rc;
  uint64_t first = log_first(monitor_state(&r->get)[GET_HEAD], put[PUT_BASE]);
  if (first != put[PUT_TAIL])
    return get_log(q, r, first, out, take);
  return closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
}

int queue_get(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  for (;;) {
    int rc = lock_get(b, r, op);
    if (rc)
      return rc;
    rc = get_locked(q, r, op->out, true);
    unlock_get(r);
    if (rc == 0)
      count_item(&my_record(b)->items_in);
    if (rc != -SBX_ETIMEDOUT || deadline_passed(op->deadline_ns))
      return rc;
    if ((rc = sleep_for(b, q, op)))
      return rc;
  }
}

/* -- peek and close -------------------------------------------------------------------------- */

/* tee(2) copies what is in a pipe and leaves it there; a pipe of our own receives the copy. */
static int peek_pipe(struct queue *q, struct queue_record *r, struct buf *out) {
  uint8_t record[RECORD_BYTES];
  int copy[2];
  if (r->transport == TRANSPORT_SHM || pipe_len(q->fds[FD_PIPE_READ]) == 0)
    return -SBX_EAGAIN;
  if (pipe2(copy, O_CLOEXEC | O_NONBLOCK))
    return error_from_errno(errno);
  ssize_t n = tee(q->fds[FD_PIPE_READ], copy[1], RECORD_BYTES, SPLICE_F_NONBLOCK);
  if (n == RECORD_BYTES)
    n = read(copy[0], record, sizeof record);
  close(copy[0]);
  close(copy[1]);
  return n == RECORD_BYTES ? append_record(record, out) : -SBX_ESYSTEM;
}

int queue_peek(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  int rc = lock_get(b, r, op);
  if (rc)
    return rc;
  rc = get_locked(q, r, op->out, false);
  unlock_get(r);
  return rc;
}

int queue_close(struct os_backend *b, struct queue *q, const struct op *op) {
  struct queue_record *r = record_of(b, q);
  int rc = lock_put(b, r, op);
  if (rc)
    return rc;
  rc = lock_get(b, r, op);
  if (rc == 0) {
    ring(q->fds[FD_GET_BELL], &r->get_bell); /* before the commit; for ever: see silence_bell */
    if (r->max)
      ring(q->fds[FD_PUT_BELL], &r->put_bell);
    atomic_store(&r->closed, 1);
    unlock_get(r);
  }
  unlock_put(r);
  return rc;
}

void queue_describe(struct os_backend *b, struct queue *q, struct queue_info *ret) {
  const struct queue_record *r = record_of(b, q);
  struct queue_state s = state_of(b, q);
  *ret = (struct queue_info){.id = q->serial,
                             .len = queue_len(&s),
                             .max = r->max,
                             .transport = (enum queue_transport)r->transport,
                             .closed = s.closed};
  if (ret->max && ret->len > ret->max)
    ret->len = ret->max; /* seen while an item was on its way */
  memcpy(ret->name, r->name, sizeof ret->name);
}
