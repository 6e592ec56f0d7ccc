/* os/queue/queue_peek.c - the oldest items of a queue, left where they are; see queue.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/queue/queue.h"
#include "os/queue/queue_internal.h"

enum { RECORDS_MAX = 2048 }; /* more than any pipe holds that /proc/sys/fs/pipe-max-size allows */

/* What is looked at: `left` items more, and room for each behind its length. */
struct peek {
  struct os_backend *b;
  const struct op *op;
  uint64_t left;
};

static int add_length(struct peek *p, uint64_t len) {
  p->left--;
  return buf_append(p->op->out, &len, sizeof len);
}

/* An item, `len` bytes, was added behind its length: without its trailer, if it is marked. */
static int finish_item(struct peek *p, uint64_t len, bool marked) {
  struct buf *out = p->op->out;
  size_t start = out->len - len;
  uint64_t number, left;
  int rc = marked ? carry_read(p->b, out, p->op->refs, len, &number) : 0;
  if (rc)
    return rc;
  left = out->len - start;
  memcpy(out->data + start - sizeof left, &left, sizeof left);
  return 0;
}

static int add_record(struct peek *p, const uint8_t record[RECORD_BYTES]) {
  uint32_t len;
  memcpy(&len, record, sizeof len);
  if (len > RECORD_ITEM_MAX)
    return -SBX_EDATA;
  int rc = add_length(p, len);
  return rc ? rc : buf_append(p->op->out, record + RECORD_HEAD, len);
}

static int add_records(struct peek *p, int fd) {
  uint8_t record[RECORD_BYTES];
  int rc = 0;
  while (rc == 0 && p->left > 0 && read(fd, record, sizeof record) == RECORD_BYTES)
    rc = add_record(p, record);
  return rc;
}

/* tee(2) copies what a pipe holds into another, and takes nothing. */
static int peek_pipe(const struct queue *q, struct peek *p) {
  int copy[2];
  uint64_t records = p->left < RECORDS_MAX ? p->left : RECORDS_MAX;
  if (q->fds[FD_PIPE_READ] < 0 || records == 0)
    return 0;
  if (pipe2(copy, O_CLOEXEC | O_NONBLOCK))
    return error_call("pipe2", errno);
  ssize_t n = tee(q->fds[FD_PIPE_READ], copy[1], records * RECORD_BYTES, SPLICE_F_NONBLOCK);
  int rc = n > 0 ? add_records(p, copy[0]) : 0;
  close(copy[0]);
  close(copy[1]);
  if (n <= 0)
    FAULT("queue.peek.pipe-empty");
  return rc;
}

/* Entries from `first` to `tail`. */
static int peek_log(const struct queue *q, uint64_t first, uint64_t tail, struct peek *p) {
  int rc = 0;
  while (rc == 0 && p->left > 0 && first < tail) {
    uint64_t len = log_front(&q->log, &first);
    rc = add_length(p, len);
    if (rc == 0)
      rc = buf_reserve(p->op->out, len);
    if (rc == 0) {
      log_read(&q->log, first, len, p->op->out);
      rc = finish_item(p, len, log_is_marked(&q->log, first));
    }
    first = log_after(first, len);
  }
  return rc;
}

/* With redeliver: what came back, then what was never taken. */
static int peek_hands(struct peek *p, struct queue *q, uint64_t most) {
  struct queue_record *r = record_of(p->b, q);
  const struct queue_hands h = queue_hands_now(p->b, q);
  struct queue_state s = queue_now(p->b, q);
  uint64_t put[SIDE_SHOWN];
  int rc = queue_apply(&s, OP_QUEUE_PEEK);
  side_read(&r->put, put);
  for (uint32_t i = 0; i < h.count && rc == 0; i++)
    if (h.list[i].who == 0)
      rc = peek_log(q, h.list[i].at, h.list[i].at + 1, p);
  if (rc == 0)
    rc = peek_log(q, log_first(side_own(&r->get)[GET_NEXT], put[PUT_BASE]), put[PUT_TAIL], p);
  return rc || p->left < most ? rc : -SBX_ETIMEDOUT;
}

/*
 * In the order in which they would be taken. The log's tail is read before the pipe is looked at:
 * what was in the log by then is younger than what the pipe holds, and as long as there is
 * something in it nothing is put into the pipe. Caller holds the get side.
 */
int queue_peek_locked(struct os_backend *b, struct queue *q, struct queue_record *r,
                      const struct op *op) {
  uint64_t most = (uint64_t)op->number;
  struct peek p = {.b = b, .op = op, .left = most};
  uint64_t put[SIDE_SHOWN], *seen = r->get.seen, head = side_shown(&r->get)[GET_HEAD];
  bool closed = atomic_load(&r->closed); /* first: nothing is put after it is seen */
  if (q->hands)
    return peek_hands(&p, q, most);
  bool pipe_is_empty = log_first(head, seen[SEEN_BASE]) < seen[SEEN_TAIL];
  side_read(&r->put, put);
  int rc = pipe_is_empty ? 0 : peek_pipe(q, &p);
  if (rc == 0)
    rc = peek_log(q, log_first(head, put[PUT_BASE]), put[PUT_TAIL], &p);
  if (rc == 0 && p.left == most)
    rc = closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
  return rc;
}

/* tee(2) copies what is in a pipe and leaves it there; a pipe of our own receives the copy. */
int queue_peek_pipe(struct queue *q, struct queue_record *r, const struct op *op) {
  uint8_t record[RECORD_BYTES];
  int copy[2];
  if (atomic_load(&r->put.pipe) == atomic_load(&r->get.pipe)) /* empty, or none */
    return -SBX_EAGAIN;
  if (pipe2(copy, O_CLOEXEC | O_NONBLOCK))
    return error_call("pipe2", errno);
  ssize_t n = tee(q->fds[FD_PIPE_READ], copy[1], RECORD_BYTES, SPLICE_F_NONBLOCK);
  bool empty = n < 0 && errno == EAGAIN;
  if (n == RECORD_BYTES)
    n = read(copy[0], record, sizeof record);
  close(copy[0]);
  close(copy[1]);
  if (empty)
    return -SBX_EAGAIN;
  return n == RECORD_BYTES ? queue_append_record(record, op) : -SBX_ESYSTEM;
}

int queue_peek(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  int rc = lock_get(b, r, op);
  if (rc)
    return rc;
  if (op->number > 0)
    rc = queue_peek_locked(b, q, r, op);
  else
    rc = queue_get_locked(b, q, r, op, false);
  unlock_get(r);
  return rc;
}
