/*
 * object/compose.h - ops that are several steps: what each step is, and which comes next. Pure.
 *
 * A wait for a condition is a wait in two lines, one after the other:
 *
 *    ENTER -> UNLOCK -> AWAIT -> RELOCK -> over      notified, or out of time
 *                         |
 *                         +----> TRY_RELOCK -> over  interrupted: it is not going to touch what the
 *                                                    lock protects, so it does not wait for the
 * lock
 *
 * It enters the condition BEFORE it releases the lock: so a process that gets the lock then, and
 * notifies, finds it.
 *
 * A select looks at its ops in order, and does the first that can go on. If none can it sleeps, and
 * then begins again with the first; at its deadline it looks for the last time. Each look is a step
 * of its own: what others do between two looks, it may miss until the next round.
 */
#ifndef SBX_OBJECT_COMPOSE_H
#define SBX_OBJECT_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "object/op.h"

enum condition_step {
  CONDITION_ENTER,
  CONDITION_UNLOCK,
  CONDITION_AWAIT,
  CONDITION_RELOCK,
  CONDITION_TRY_RELOCK,
  CONDITION_OVER,
};

/* A wait for a condition under way; zeroed at first. */
struct condition_wait {
  enum condition_step step; /* what it is to do now */
  int result;               /* of the wait, so far */
};

/* What a step does: an op of the condition, or of its lock. */
enum op_kind condition_step_kind(enum condition_step step);

/* The step returned `rc`: 0 or -SBX_*. ENTER counts as 0 when the process stands in line. */
void condition_next(struct condition_wait *w, int rc);

/* Instead of a result. */
enum { SELECT_SLEEPS = 1, SELECT_LOOKS = 2 };

/* A select under way; zeroed at first. */
struct select_scan {
  uint32_t at; /* the op to be looked at now */
  bool last;   /* its time is over: it does not sleep again */
};

/*
 * The op that the scan is at returned `rc`, -SBX_ETIMEDOUT if it cannot go on now. Returns `rc` if
 * that was the one, -SBX_ETIMEDOUT when the time is over, SELECT_LOOKS when the next of `count` is
 * to be looked at, SELECT_SLEEPS when all were looked at in vain: `at` is 0 then.
 */
int select_next(struct select_scan *scan, uint32_t count, int rc);

#endif
