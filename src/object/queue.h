/*
 * object/queue.h - the state machine of queues. Pure.
 *
 * The state is a few words. The items themselves are carried by the backend; the machine only says
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
 *
 * A queue with redeliver keeps an item that was taken until its taker gives it up: by TASK_DONE, for one item or for
 * all that it has in hand (bindings do the latter before each GET), or by its good end. A taker that is known to be
 * dead, or ends with an error, gives its items back: they are the oldest again, in their old order
 * (object/hands.h). So
 *   done    counts the items that were given up; got - done are in hands
 *   GET     is refused (-SBX_EHAND) to a process that has something in hand, unless it asks for more of a batch, and
 *           would get something younger: so what a process has in hand is in the order in which it took it;
 *           of a closed queue it waits as long as something may come back
 *   max     an item in hand takes no place: one that comes back may make the queue longer than that
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
  uint64_t redeliver; /* 0 or 1 */
};

/* What an op asks for, and what it must know beside the state. */
struct queue_ask {
  enum op_kind kind;
  int number;       /* as in struct op */
  uint64_t who;     /* the process; not 0 */
  uint64_t readers; /* without room: other processes that wait in GET, alone or in a select */
  uint64_t mine;    /* redeliver, of object/hands.h: how many items the process has in hand */
  bool older;       /* redeliver: what it would get is older than something that it has in hand */
  bool full; /* redeliver: HANDS_MOST are in hands, or came back, and none of these is free */
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

/* With redeliver: how many items are in hands, and may come back. */
static inline uint64_t queue_in_hand(const struct queue_state *s) {
  return s->redeliver ? s->got - s->done : 0;
}

/* When its items are taken, will there be none any more? */
static inline bool queue_is_over(const struct queue_state *s) {
  return s->closed && queue_in_hand(s) == 0;
}

/* Is the op enabled, whether it would succeed or fail? If not, it waits. */
static inline bool queue_enabled(const struct queue_state *s, enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_PUT:
    return s->closed || !queue_is_full(s);
  case OP_QUEUE_GET:
    return queue_len(s) > 0 || queue_is_over(s);
  case OP_QUEUE_JOIN:
    return queue_undone(s) == 0;
  default:
    return true; /* PEEK, TASK_DONE and CLOSE never wait */
  }
}

/* The same, of any queue. */
bool queue_ask_enabled(const struct queue_state *s, const struct queue_ask *ask);

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
 * The same, of any queue; and of a MEET that is not enabled: its time is up. A MEET returns 0: the item was taken;
 * -SBX_ETIMEDOUT or -SBX_ECLOSED: it is withdrawn. With redeliver also -SBX_EHAND, -SBX_EHANDS. Which items are
 * then in whose hands, the caller writes down by object/hands.h: a TASK_DONE is about the oldest of its process.
 */
int queue_ask_apply(struct queue_state *s, const struct queue_ask *ask);

/* So many items came back. */
static inline void queue_came_back(struct queue_state *s, uint64_t count) { s->got -= count; }

#endif
