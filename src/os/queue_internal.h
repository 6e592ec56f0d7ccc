/*
 * os/queue_internal.h - what the files of the queue share: locks, bells, its state, waiting. Nobody
 * else includes it; the algorithm is told in queue.h.
 */
#ifndef SBX_OS_QUEUE_INTERNAL_H
#define SBX_OS_QUEUE_INTERNAL_H

#include "os/queue.h"

static inline struct queue_record *record_of(const struct os_backend *b, const struct queue *q) {
  return &b->control->queues[q->slot];
}

/*
 * The state as the object layer knows it. To who holds a lock it is exact, or errs to more items
 * than there are (put), or to fewer (get).
 */
static inline struct queue_state queue_now(const struct os_backend *b, const struct queue *q) {
  return queue_look(record_of(b, q), q->fds[FD_PIPE_READ], NULL);
}

/* 0, -SBX_ETIMEDOUT, -SBX_EINTERRUPTED. Who waits longer than a slice, since the holder is stopped,
 * says so. */
int lock_put(struct os_backend *b, struct queue_record *r, const struct op *op);
int lock_get(struct os_backend *b, struct queue_record *r, const struct op *op);
void unlock_put(struct queue_record *r);
void unlock_get(struct queue_record *r);

/* A put is about to be committed to the log, a place to become free. Holder of put, of get. */
void ring_readers(const struct queue *q, struct queue_record *r);
void ring_writers(const struct queue *q, struct queue_record *r);

/* The writer's view of the log, and its words as the next state of the put side. */
struct log_writer writer_of(const uint64_t shown[SIDE_SHOWN], const uint64_t own[SIDE_OWN]);
void writer_becomes_next(struct queue_record *r, const struct log_writer *w);

static inline struct log_writer writer_now(const struct queue_record *r) {
  return writer_of(side_shown(&r->put), side_own(&r->put));
}

/* A wait of one op: how it watches, and whether the bell has woken it. */
struct queue_wait {
  struct spin_wait awake;
  uint64_t was[2]; /* what queue_glance saw */
  bool heard;
};

struct queue_wait queue_wait_begin(struct queue *q, enum op_kind kind);

/* Before an attempt: note what has to change for another attempt to be worth it. */
void queue_glance(struct queue_wait *w, const struct queue_record *r, enum op_kind kind);

/*
 * The op (put or get) cannot go on: wait awake if that pays, else asleep. Returns 0 (look again;
 * also at the deadline), or what a lock returned, -SBX_EINTERRUPTED.
 */
int queue_wait(struct os_backend *b, struct queue *q, const struct op *op, struct queue_wait *w);

/* -- queue_peek.c ------------------------------------------------------------------------------ */

/* Up to `most` of the oldest items, each behind its length (uint64_t). 0, -SBX_ETIMEDOUT (none),
 * -SBX_ECLOSED, -SBX_ENOMEM, -SBX_EMFILE; on failure what was appended means nothing. Caller holds
 * the get side. */
int queue_peek_locked(struct queue *q, struct queue_record *r, uint64_t most, struct buf *out);

#endif
