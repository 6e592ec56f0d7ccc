/*
 * object/fair.h - fairness of a wait queue, with the clock as an argument.
 *
 * A process that finds an object free takes it even if others wait, since a hand-over costs two
 * context switches. But nobody overtakes the first waiter once it has waited for FAIR_WAIT_NS and
 * is able to act. A waiter that is stopped or gone holds up nobody.
 *
 * The rule only says which process may go on now. It applies to machines that are `in_order`
 * (object/sync.h), except for ops that sync_passes_line lets pass.
 */
#ifndef SBX_OBJECT_FAIR_H
#define SBX_OBJECT_FAIR_H

#include <stdbool.h>
#include <stdint.h>

enum { FAIR_WAIT_NS = 5 * 1000 * 1000 };

/* The living process with the lowest ticket in a wait queue. */
struct fair_first {
  uint64_t ticket; /* 0: the queue is empty */
  bool self;       /* it is the calling process */
};

/* Is the first waiter ahead of a process with the ticket `mine` (0: none)? */
static inline bool fair_stands_before(const struct fair_first *first, uint64_t mine) {
  return first->ticket != 0 && !first->self && (mine == 0 || mine > first->ticket);
}

/* Has a process that waits since `since_ns` waited long enough to go before all others? */
static inline bool fair_is_due(int64_t since_ns, int64_t now_ns) {
  return now_ns - since_ns >= FAIR_WAIT_NS;
}

#endif
