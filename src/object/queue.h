/*
 * object/queue.h - what a queue means, without any I/O.
 *
 * The state is five words. Items themselves are carried by the backend; the machine says only
 * whether an op can go on, and what it leaves behind. The OS backend has a hot path of its own and
 * asks the same questions through these functions; tests/unit/test_queue_model.c holds the two
 * against each other.
 */
#ifndef SBX_OBJECT_QUEUE_H
#define SBX_OBJECT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

struct queue_state {
  uint64_t put;    /* items ever put */
  uint64_t got;    /* items ever got */
  uint64_t done;   /* of those got, marked as done */
  uint64_t max;    /* capacity; 0: unbounded */
  uint64_t closed; /* 0 or 1 */
};

static inline uint64_t queue_len(const struct queue_state *s) { return s->put - s->got; }

/* Items that were put and not marked as done. */
static inline uint64_t queue_undone(const struct queue_state *s) { return s->put - s->done; }

static inline bool queue_is_full(const struct queue_state *s) {
  return s->max != 0 && queue_len(s) >= s->max;
}

/* Can the op go on now, be it to succeed or to fail? If not, it waits. */
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

/* The same state written the same way: items are counted from the first that is not done. */
static inline void queue_canonical(struct queue_state *s) {
  s->put -= s->done;
  s->got -= s->done;
  s->done = 0;
}

/*
 * Perform an op that is enabled. Returns 0, -SBX_ECLOSED (put on a closed queue; get from one that
 * is closed and drained), -SBX_ETIMEDOUT (peek at an empty one) or -SBX_ETASKS (more items done
 * than got). The state is unchanged on failure.
 */
int queue_apply(struct queue_state *s, enum op_kind kind);

#endif
