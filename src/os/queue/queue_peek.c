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
  uint32_t head;
  memcpy(&head, record, sizeof head);
  uint32_t len = head & ~(uint32_t)RECORD_MARK;
  if (len > RECORD_ITEM_MAX)
    return -SBX_EDATA;
  int rc = add_length(p, len);
  if (rc == 0)
    rc = buf_append(p->op->out, record + RECORD_HEAD, len);
  return rc ? rc : finish_item(p, len, head != len);
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
  bool pipe_is_empty = log_first(head, seen[SEEN_BASE]) < seen[SEEN_TAIL];
  side_read(&r->put, put);
  int rc = pipe_is_empty ? 0 : peek_pipe(q, &p);
  if (rc == 0)
    rc = peek_log(q, log_first(head, put[PUT_BASE]), put[PUT_TAIL], &p);
  if (rc == 0 && p.left == most)
    rc = closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
  return rc;
}
