/*
 * object/compose.h - ops that consist of several steps: the steps and their order. Pure.
 *
 * Waiting for a condition means waiting in two wait queues, one after the other:
 *
 *    ENTER -> UNLOCK -> AWAIT -> RELOCK -> over      notified, or timed out
 *                         |
 *                         +----> TRY_RELOCK -> over  interrupted: the caller is not going to touch
 *                                                    what the lock protects, so it does not wait
 *                                                    for the lock
 *
 * ENTER comes BEFORE UNLOCK: a process that acquires the lock in between and notifies must find the
 * waiter in the queue, or the notification would be lost.
 *
 * A select tries its ops in order and performs the first that is enabled. If none is, it sleeps and
 * then starts over with the first; at its deadline it tries once more. Each try is a step of its
 * own: what happens between two tries may go unnoticed until the next round.
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

/* A wait for a condition in progress; starts zeroed. */
struct condition_wait {
  enum condition_step step; /* the next step to take */
  int result;               /* the result of the wait so far */
};

/* The op that a step performs: one of the condition, or of its lock. */
enum op_kind condition_step_kind(enum condition_step step);

/* The step returned `rc`: 0 or -SBX_*. For ENTER, 0 means that the process is in the wait queue. */
void condition_next(struct condition_wait *w, int rc);

/* Returned instead of a result. */
enum { SELECT_SLEEPS = 1, SELECT_LOOKS = 2 };

/* A select in progress; starts zeroed. */
struct select_scan {
  uint32_t at; /* index of the op to try now */
  bool last;   /* the deadline has passed: do not sleep again */
};

/*
 * The op that the scan is at returned `rc`, which is -SBX_ETIMEDOUT if it is not enabled now.
 * Returns `rc` if the op was performed, SELECT_LOOKS if the next of `count` ops is to be tried,
 * SELECT_SLEEPS if all were tried in vain (`at` is 0 then), -SBX_ETIMEDOUT if they were and the
 * deadline has passed.
 */
int select_next(struct select_scan *scan, uint32_t count, int rc);

#endif
