/*
 * os/queue/queue_internal.h - what the files of the queue share: locks, bells, its state, waiting. No
 * other file includes it; the protocol is told in queue.h.
 */
#ifndef SBX_OS_QUEUE_QUEUE_INTERNAL_H
#define SBX_OS_QUEUE_QUEUE_INTERNAL_H

#include "object/hands.h"
#include "os/queue/queue.h"

/* As queue_look, with redeliver: what is in the hands of processes that are gone has come back, even if no op has
 * given it back so far. Without a lock; some moment has to do. */
struct queue_state queue_hands_look(const struct os_backend *b, const struct queue *q);

static inline struct queue_record *record_of(const struct os_backend *b, const struct queue *q) {
  return &b->control->queues[q->slot];
}

/*
 * The state as the object layer knows it. For a holder of put it is exact or shows more items than
 * there are; for a holder of get it is exact or shows fewer.
 */
static inline struct queue_state queue_now(const struct os_backend *b, const struct queue *q) {
  return q->hands ? queue_hands_look(b, q)
                  : queue_look(record_of(b, q), q->fds[FD_PIPE_READ], NULL);
}

/* 0, -SBX_ETIMEDOUT, -SBX_EINTERRUPTED. */
static inline int lock_put(struct os_backend *b, struct queue_record *r, const struct op *op) {
  return wait_mutex(b, &r->put.mutex, RANK_QUEUE_PUT, op);
}

static inline int lock_get(struct os_backend *b, struct queue_record *r, const struct op *op) {
  return wait_mutex(b, &r->get.mutex, RANK_QUEUE_GET, op);
}

static inline void unlock_put(struct queue_record *r) {
  mutex_unlock(&r->put.mutex, RANK_QUEUE_PUT);
}

static inline void unlock_get(struct queue_record *r) {
  mutex_unlock(&r->get.mutex, RANK_QUEUE_GET);
}

/* A system call, and then `rung`. */
void bell_ring(int fd, _Atomic uint32_t *rung);

/* P3b: an item is about to be committed to the log. Holder of put. */
static inline void ring_readers(const struct queue *q, struct queue_record *r) {
  if (!atomic_load_explicit(&r->put.rung, memory_order_relaxed))
    bell_ring(q->fds[FD_GET_BELL], &r->put.rung);
}

/* G3a, G5b: a place is about to become free, in a bounded queue. Holder of get. */
static inline void ring_writers(const struct queue *q, struct queue_record *r) {
  if (r->max && !atomic_load_explicit(&r->get.rung, memory_order_relaxed))
    bell_ring(q->fds[FD_PUT_BELL], &r->get.rung);
}

/* The writer's view of the log, and its words as the next state of the put side. */
static inline struct log_writer writer_of(const uint64_t shown[SIDE_SHOWN],
                                          const uint64_t own[SIDE_OWN]) {
  return (struct log_writer){.tail = shown[PUT_TAIL],
                             .base = shown[PUT_BASE],
                             .reserved = own[PUT_RESERVED],
                             .freed = own[PUT_FREED],
                             .turn = own[PUT_TURN],
                             .jump = own[PUT_JUMP],
                             .warm = own[PUT_WARM]};
}

static inline void writer_becomes_next(struct queue_record *r, const struct log_writer *w) {
  uint64_t *shown = side_next_shown(&r->put), *own = side_next_own(&r->put);
  shown[PUT_ITEMS] = side_shown(&r->put)[PUT_ITEMS];
  shown[PUT_TAIL] = w->tail;
  shown[PUT_BASE] = w->base;
  own[PUT_RESERVED] = w->reserved;
  own[PUT_FREED] = w->freed;
  own[PUT_TURN] = w->turn;
  own[PUT_JUMP] = w->jump;
  own[PUT_WARM] = w->warm;
}

/*
 * The number of an item: of those put into the log (or got from it) and the writes to the pipe so
 * far, itself included. With each put one of the two grows. A write whose writer was killed counts,
 * whether or not it happened, so a number may be left out. A reader of the log knows the writes from
 * its last look: there is none while the log is not empty (P2).
 */
static inline uint64_t item_number(uint64_t items, uint64_t writes) {
  return items + (writes + 1) / 2;
}

/* Does anybody want to know the numbers of items: a trace, or a put that waits for its get? */
static inline bool numbers_items(const struct os_backend *b, const struct queue_record *r) {
  return __builtin_expect(b->base.observe || queue_meets(r->max), false);
}

static inline struct log_writer writer_now(const struct queue_record *r) {
  return writer_of(side_shown(&r->put), side_own(&r->put));
}

/* Items that a bounded queue must hold for its reader to let some gather (spin_linger). */
enum { STREAM_LEAST = 64 };

/* -- queue_carry.c: items that carry handles --------------------------------------------------- */

/* The end of a marked item. */
struct carried {
  uint64_t number; /* among those of the queue, from 1 */
  uint64_t count;  /* handles before it */
};

/* The op's item carries handles: the same op with its trailer behind the item (`space`, to be
 * released), and its number; from now on the queue names them. Holder of put. 0, -SBX_ENOMEM,
 * -SBX_ENAMES */
int carry_begin(struct os_backend *b, const struct queue *q, const struct op *op, struct op *ret,
                struct buf *space);
/* It was put (rc 0), or not. Holder of put. */
void carry_end(struct os_backend *b, const struct queue *q, const struct op *op, int rc);

/* Does an op put an item that carries handles? */
static inline bool carries(const struct op *op) { return op->refs && op->refs->count; }

/*
 * A marked item, `len` bytes, was read to the end of op->out: cut the trailer off, hold what it
 * names, and append that to op->refs->taken. `ret_number` for carry_gone. -SBX_ENOMEM: the item is
 * then cut off, too.
 */
int carry_read(struct os_backend *b, struct buf *out, const struct op_refs *refs, size_t len,
               uint64_t *ret_number);

/* The number in the trailer of a marked item. */
uint64_t carry_number(const uint8_t *item, size_t len);

/* The item with this number is not in the queue any more; nor are those before it. Holder of get.
 */
static inline void carry_gone(struct queue_record *r, uint64_t number) {
  if (number > atomic_load(&r->carry_gone))
    atomic_store(&r->carry_gone, number);
}

/* A wait of one op: how it watches, and whether the bell has woken it. */
struct queue_wait {
  struct spin_wait awake;
  uint64_t was[2]; /* if `watching`: what has to change for another attempt to be worth it */
  bool watching;
  bool heard;
  bool streaming; /* the caller takes item after item, and does nothing else */
};

static inline struct queue_wait queue_wait_begin(struct queue *q, enum op_kind kind) {
  return (struct queue_wait){.awake.spin = kind == OP_QUEUE_GET ? &q->get_spin : &q->put_spin};
}

/*
 * The op (put or get) could not go on: wait awake if that pays, else asleep. Returns 0 (look again;
 * also at the deadline), or what a lock returned, -SBX_EINTERRUPTED.
 */
int queue_wait(struct os_backend *b, struct queue *q, const struct op *op, struct queue_wait *w);

/* Take or look at the oldest item, G1 to G5. Caller holds the get side. -SBX_ETIMEDOUT when there is
 * none, -SBX_ECLOSED when there will be none, -SBX_ENOMEM, -SBX_ELENT. */
int queue_get_locked(struct os_backend *b, struct queue *q, struct queue_record *r, struct op *op,
                     bool take);

/* A record of the pipe: its item is appended to op->out. 0 or -SBX_ENOMEM */
int queue_append_record(const uint8_t record[RECORD_BYTES], const struct op *op);

/* -- queue_meet.c: queues without room --------------------------------------------------------- */

/* A reader in the line of those that wait in get; starts with LINE_NOWHERE. */
struct queue_place {
  int place;
  bool came; /* with the last look */
};

/* The put side, then the get side. As lock_put; on failure neither is held. */
int queue_lock_both(struct os_backend *b, struct queue *q, const struct op *op);

/* Is the put enabled? Holder of both. */
bool queue_met_may_put(struct os_backend *b, const struct queue *q, const struct op *op);

/* Something is about to change: signal the putters that wait in MEET, or in a select. Holder of get. */
void queue_met_tell(const struct os_backend *b, const struct queue *q);

/* A get has looked, and waits or is over: into the line of readers, or out. Holder of get. */
void queue_met_line_up(struct os_backend *b, const struct queue *q, bool waits,
                       struct queue_place *here);

/* A get gives up; in the second function the lock could not be had. Both return `rc`. */
int queue_met_leave(struct os_backend *b, const struct queue *q, const struct queue_place *here,
                    int rc);
int queue_met_lost(struct os_backend *b, const struct queue_place *here, int rc);

/* As queue_arm, of a queue without room; and the way back. */
int queue_met_arm(struct os_backend *b, struct op *op, struct wait_set *w);

/* The item on offer is taken, and thrown away: one commit. Holder of get. */
void queue_withdraw_locked(struct os_backend *b, struct queue *q, struct queue_record *r);

/* As op.number of a TASK_DONE, besides those of object/queue.h: all that the process has in hand comes back. */
enum { QUEUE_GIVE_BACK = 2 };

/* -- queue_hands.c: redeliver ------------------------------------------------------------------ */

/* Map the table of a queue that has one: q->fds[FD_HANDS]. `fresh`: it is a new file. 0 or a code */
int queue_hands_map(struct queue *q, bool fresh);
void queue_hands_unmap(struct queue *q);

/* What is in hands, as H1 leaves it. Holder of get. */
struct queue_hands queue_hands_now(struct os_backend *b, struct queue *q);

/* As side_touch of the get side. Its holder. */
void queue_hands_touch(struct os_backend *b, struct queue *q);

/* As queue_get_locked. Also -SBX_EHAND, -SBX_EHANDS. */
int queue_hands_get(struct os_backend *b, struct queue *q, struct queue_record *r, struct op *op,
                    bool take);

/* The oldest that the process has in hand, or all that it has: given up. Takes the lock of get; tells no joiners. */
int queue_hands_done(struct os_backend *b, struct queue *q, const struct op *op);

/* As perform_run, of GETs, which may begin with a TASK_DONE: how many are done, by one commit. Holder of get; tells no
 * joiners. */
uint32_t queue_hands_run(struct os_backend *b, struct queue *q, struct op *ops, uint32_t count);

/* A get is going to sleep: wake it when a process ends that has something in hand. From now on it stands in line (H4).
 * 0, or what the lock returned, and then it does not. */
int queue_hands_watch(struct os_backend *b, struct queue *q, const struct op *op,
                      struct wait_set *w);

/* -- queue_tasks.c ----------------------------------------------------------------------------- */

/* An item was marked by an op: wake those that wait in join, if it was the last one. */
void queue_tell_joiners(struct os_backend *b, struct queue *q, const struct op *op);

/* -- queue_peek.c ------------------------------------------------------------------------------ */

/* The oldest item of the pipe, as queue_get_locked looks at it. -SBX_EAGAIN: it is empty. */
int queue_peek_pipe(struct queue *q, struct queue_record *r, const struct op *op);

/* Up to op->number of the oldest items, each behind its length (uint64_t). 0, -SBX_ETIMEDOUT
 * (none), -SBX_ECLOSED, -SBX_ENOMEM, -SBX_EMFILE; on failure what was appended to op->out means
 * nothing. Caller holds the get side. */
int queue_peek_locked(struct os_backend *b, struct queue *q, struct queue_record *r,
                      const struct op *op);

#endif
