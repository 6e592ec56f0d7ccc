/*
 * object/fair.h - the fairness of a line, with the clock as an argument.
 *
 * A process that finds an object free takes it, even if others wait, since a hand-over costs two
 * switches. But nobody overtakes the first in line once that one has waited for FAIR_WAIT_NS and is
 * able to act; a process that is stopped, or gone, holds up nobody.
 *
 * The rule says only which process may go on now. It holds for machines that are `in_order`
 * (object/sync.h), and not for an op that sync_passes_line.
 */
#ifndef SBX_OBJECT_FAIR_H
#define SBX_OBJECT_FAIR_H

#include <stdbool.h>
#include <stdint.h>

enum { FAIR_WAIT_NS = 5 * 1000 * 1000 };

/* The process with the lowest ticket in a line, among the living. */
struct fair_first {
  uint64_t ticket; /* 0: the line is empty */
  bool self;       /* it is the process that asks */
};

/* Does the first in line stand before a process with the ticket `mine` (0: none) at all? */
static inline bool fair_stands_before(const struct fair_first *first, uint64_t mine) {
  return first->ticket != 0 && !first->self && (mine == 0 || mine > first->ticket);
}

/* Has a process that stands in line since `since_ns` waited for so long that it must be let go? */
static inline bool fair_is_due(int64_t since_ns, int64_t now_ns) {
  return now_ns - since_ns >= FAIR_WAIT_NS;
}

#endif
