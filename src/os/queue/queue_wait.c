/* os/queue/queue_wait.c - the state and the bells of a queue, and how its ops wait: the steps W of
 * queue.h. */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/queue/queue_internal.h"
#include "os/shared/line.h"

/* -- state ------------------------------------------------------------------------------------ */

/* Items in a pipe, by any descriptor of it; 0 for -1. No system call if it is known to be empty. */
static uint64_t pipe_len(const struct queue_record *r, int pipe) {
  int bytes = 0;
  if (pipe < 0 || atomic_load(&r->put.pipe) == atomic_load(&r->get.pipe) ||
      ioctl(pipe, FIONREAD, &bytes))
    return 0;
  return (uint64_t)bytes / RECORD_BYTES;
}

static uint64_t log_bytes(const struct queue_record *r, const uint64_t put[SIDE_SHOWN],
                          const uint64_t own[SIDE_OWN], uint64_t head) {
  struct log_writer w = writer_of(put, own);
  uint64_t first = log_first(head, w.base);
  return first < w.tail ? log_in_use(r->log_bytes, &w, first) : 0;
}

struct queue_state queue_look(const struct queue_record *r, int pipe, uint64_t *ret_bytes) {
  struct queue_state s = {.max = r->max, .redeliver = r->redeliver};
  uint64_t put[SIDE_SHOWN], own[SIDE_OWN], get[SIDE_SHOWN], in_pipe = 0;
  s.closed = atomic_load_explicit(&r->closed, memory_order_acquire);
  for (int tries = 0; tries < 64; tries++) {
    uint64_t writes = atomic_load(&r->put.pipe);
    uint64_t got = side_read(&r->get, get);
    uint64_t put_generation = side_read_all(&r->put, put, ret_bytes ? own : NULL);
    in_pipe = pipe_len(r, pipe);
    if (put_generation == atomic_load(&r->put.generation) &&
        got == atomic_load(&r->get.generation) && writes == atomic_load(&r->put.pipe))
      break;
  }
  uint64_t by_pipe = atomic_load_explicit(&r->got_by_pipe, memory_order_acquire);
  s.put = put[PUT_ITEMS] + in_pipe;
  s.got = get[GET_ITEMS] < s.put ? get[GET_ITEMS] : s.put;
  s.put += by_pipe;
  s.got += by_pipe;
  s.done = r->redeliver ? get[GET_DONE] : atomic_load_explicit(&r->done, memory_order_acquire);
  if (ret_bytes)
    *ret_bytes = in_pipe * RECORD_BYTES + log_bytes(r, put, own, get[GET_HEAD]);
  return s;
}

/* -- bells ------------------------------------------------------------------------------------ */

void bell_ring(int fd, _Atomic uint32_t *rung) {
  const uint64_t one = 1;
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

/* -- waiting ---------------------------------------------------------------------------------- */

/* The side that rings the bell on which an op of this kind sleeps. */
static struct side *ringing_side(struct queue_record *r, enum op_kind kind) {
  return kind == OP_QUEUE_GET ? &r->put : &r->get;
}

/*
 * W1. Returns true when another attempt is worth it, false when it is time to sleep. What is watched
 * is noted before an attempt, but not before the first: its cache line belongs to the other side.
 */
static bool watch(struct os_backend *b, struct queue_record *r, const struct op *op,
                  struct queue_wait *w) {
  const struct side *other = ringing_side(r, op->kind);
  const _Atomic uint64_t *const words[2] = {&other->generation, &other->pipe};
  bool crowded = atomic_load(&b->control->alive) > spin_processors() + 1;
  bool again = !w->watching || spin_watch(&w->awake, words, w->was, crowded, op->deadline_ns);
  if (w->watching && again && w->streaming)
    spin_linger();
  w->watching = again;
  w->was[0] = atomic_load(words[0]);
  w->was[1] = atomic_load(words[1]);
  return again;
}

/* The log is empty: the next put knows, should this process be killed before its commit. */
static void note_empty(struct queue_record *r, const struct log_writer *w) {
  r->put.seen[SEEN_HEAD] = w->tail;
}

static void commit_writer(struct queue_record *r, const struct log_writer *w) {
  writer_becomes_next(r, w);
  side_commit(&r->put);
}

/* Both locks are held and the queue is empty: the next entry begins at the warm start of the log. */
static void rewind_log(struct os_backend *b, const struct queue *q, struct queue_record *r) {
  struct log_writer w = writer_now(r);
  b->queue_grown |= log_is_grown(&w);
  if (!log_wants_rewind(&q->log, &w))
    return;
  note_empty(r, &w);
  log_rewind(&q->log, &w);
  commit_writer(r, &w);
}

/* Whether it was empty, and so has no more memory than it keeps for good. */
static bool trim_log(const struct queue *q, struct queue_record *r) {
  uint64_t get[SIDE_SHOWN];
  struct log_writer w = writer_now(r);
  if (!log_is_grown(&w))
    return true;
  side_read(&r->get, get);
  if (log_first(get[GET_HEAD], w.base) != w.tail)
    return false;
  note_empty(r, &w);
  log_trim(&q->log, &w);
  commit_writer(r, &w);
  return true;
}

void queue_trim_all(struct os_backend *b) {
  b->queue_grown = false;
  for (struct queue *q = b->queues; q; q = q->next) {
    struct queue_record *r = record_of(b, q);
    if (q->refs == 0 || mutex_lock(&r->put.mutex, RANK_QUEUE_PUT, 0, NULL))
      continue;
    b->queue_grown |= !trim_log(q, r);
    unlock_put(r);
  }
}

/*
 * W2 and W3. A bell that was not rung, and did not wake this wait, need not be silenced. Returns 0
 * (sleep; or try again, which the bell tells), or what a lock returned.
 */
static int silence_bell(struct os_backend *b, struct queue *q, const struct op *op, int bell,
                        bool heard) {
  struct queue_record *r = record_of(b, q);
  struct side *ringing = ringing_side(r, op->kind);
  FAULT("queue.before-silence");
  int rc = lock_put(b, r, op);
  if (rc)
    return rc;
  rc = lock_get(b, r, op);
  if (rc == 0) {
    struct queue_state s = queue_now(b, q);
    if (!queue_enabled(&s, op->kind)) {
      if (heard || atomic_load(&ringing->rung))
        silence(bell, &ringing->rung);
      atomic_store(&ringing->asleep, 1);
    }
    if (queue_len(&s) == 0 && queue_in_hand(&s) == 0)
      rewind_log(b, q, r);
    unlock_get(r);
  }
  unlock_put(r);
  return rc;
}

/* W2 to W4, up to the sleep. */
static int arm(struct os_backend *b, struct queue *q, const struct op *op, bool heard,
               struct wait_set *w) {
  bool put = op->kind == OP_QUEUE_PUT;
  int bell = q->fds[put ? FD_PUT_BELL : FD_GET_BELL];
  int rc = silence_bell(b, q, op, bell, heard);
  if (rc)
    return rc;
  wait_set_add(w, bell, false);
  if (!put && q->fds[FD_PIPE_READ] >= 0)
    wait_set_add(w, q->fds[FD_PIPE_READ], false);
  return !put && q->hands ? queue_hands_watch(b, q, op, w) : 0;
}

int queue_arm(struct os_backend *b, struct op *op, struct wait_set *w) {
  if (queue_meets(record_of(b, op->object->queue)->max)) {
    int rc = queue_met_arm(b, op, w);
    if (rc || op->kind == OP_QUEUE_PUT)
      return rc;
  }
  return arm(b, op->object->queue, op, true, w); /* nobody knows what woke it last */
}

int queue_wait(struct os_backend *b, struct queue *q, const struct op *op, struct queue_wait *w) {
  struct wait_set set;
  if (watch(b, record_of(b, q), op, w))
    return 0;
  wait_set_init(&set, op->deadline_ns);
  int rc = arm(b, q, op, w->heard, &set);
  if (rc)
    return rc;
  rc = wait_fds(b, op, set.fds, set.n, set.deadline_ns);
  w->heard = set.fds[0].revents & POLLIN;
  wait_set_release(&set);
  if (q->hands && b->lines > 0)
    line_vanish(b); /* H4: it is going to look */
  return rc == -SBX_ETIMEDOUT ? 0 : rc;
}
