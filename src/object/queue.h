/*
 * object/queue.h - the state machine of queues. Pure.
 *
 * The state is five words. The items themselves are carried by the backend; the machine only says
 * whether an op is enabled and what state it leaves behind. The OS backend has a fast path of its
 * own and asks the same questions through these functions; tests/unit/test_queue_model.c compares
 * the two.
 *
 * A queue without room (max is QUEUE_NO_ROOM) has one place all the same, for an item on offer, and a
 * put is two ops:
 *   PUT   the item is on offer from now on. A brief one (timeout 0, or an entry of a select) does
 *         this only if a reader waits in GET, a plain one as soon as nothing else is on offer
 *   MEET  waits until the item is taken. If time is up, if the queue is closed, or if a brief one
 *         finds that no reader waits any more, the item is withdrawn, in the same step: so it is
 *         either taken or withdrawn. A withdrawn item counts as taken, and as done
 * If the putter ends between the two, its item stays on offer: the next reader takes it.
 */
#ifndef SBX_OBJECT_QUEUE_H
#define SBX_OBJECT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "object/help.h"
#include "object/op.h"

struct queue_state {
  uint64_t put;    /* items put so far */
  uint64_t got;    /* items taken so far */
  uint64_t done;   /* items taken and marked as done */
  uint64_t max;    /* capacity; 0: unbounded; QUEUE_NO_ROOM: none, see above */
  uint64_t closed; /* 0 or 1 */
  uint64_t
      offer; /* QUEUE_NO_ROOM: the process whose item is on offer, as who_of; 0: there is none */
};

/* What an op of a queue without room asks for. */
struct queue_ask {
  enum op_kind kind;
  bool brief;       /* PUT, MEET */
  uint64_t who;     /* the process; not 0 */
  uint64_t readers; /* other processes that wait in GET, alone or in a select */
};

static inline uint64_t queue_len(const struct queue_state *s) { return s->put - s->got; }

/* Items put and not yet marked as done. */
static inline uint64_t queue_undone(const struct queue_state *s) { return s->put - s->done; }

static inline bool queue_meets(uint64_t max) { return max == QUEUE_NO_ROOM; }

/* How many items there may be, if that is bounded. */
static inline uint64_t queue_places(uint64_t max) { return queue_meets(max) ? 1 : max; }

static inline bool queue_is_full(const struct queue_state *s) {
  return s->max != 0 && queue_len(s) >= queue_places(s->max);
}

/* Is the op enabled, whether it would succeed or fail? If not, it waits. */
static inline bool queue_enabled(const struct queue_state *s, enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_PUT:
    return s->closed || !queue_is_full(s);
  case OP_QUEUE_GET:
    return s->closed || queue_len(s) > 0;
  case OP_QUEUE_JOIN:
    return queue_undone(s) == 0;
  default:
    return true; /* PEEK, TASK_DONE and CLOSE never wait */
  }
}

/* The same, of a queue without room. */
bool queue_met_enabled(const struct queue_state *s, const struct queue_ask *ask);

/* A process that reaches the queue could take an item (for PUT), put one or close the queue (for
 * GET), or mark items that it took as done (for JOIN). */
static inline bool queue_helps(enum op_kind kind, const struct bystander *other) {
  return helps_if_it_reaches(kind, other);
}

/* Canonical form: count from the first item that is not done. */
static inline void queue_canonical(struct queue_state *s) {
  s->put -= s->done;
  s->got -= s->done;
  s->done = 0;
}

/*
 * Perform an op that is enabled. Returns 0, -SBX_ECLOSED (put on a closed queue; get from a closed
 * queue that is drained), -SBX_ETIMEDOUT (peek at an empty queue) or -SBX_ETASKS (more items marked
 * done than taken). The state is unchanged on failure.
 */
int queue_apply(struct queue_state *s, enum op_kind kind);

/*
 * The same, of a queue without room; and of a MEET that is not enabled: its time is up. A MEET
 * returns 0: the item was taken; -SBX_ETIMEDOUT or -SBX_ECLOSED: it is withdrawn.
 */
int queue_met_apply(struct queue_state *s, const struct queue_ask *ask);

#endif
