/*
 * object/barrier.h - the state machine of barriers: n parties wait until all of them have arrived.
 *
 * A process that calls wait joins the wait queue and gets a ticket. The last of n arrivals moves a
 * bound, which lets all waiters go. Each is told its place in the order of arrival, from 1 to n.
 * The barrier breaks, for its waiters and for every later caller until a reset,
 *   - when a party gives up (a timeout, an interrupt),
 *   - when a waiting party dies,
 *   - when a process that has taken part before was killed or ended with an error,
 *   - when nobody is left who could still arrive: every living process that holds a handle of the
 *     barrier waits without a deadline, and no message on its way contains one.
 *
 * A barrier may have an action: the last to arrive runs it before the others go on, and says when it is
 * done (PASS). An actor that ends, or breaks the barrier, breaks it for all. Who arrives meanwhile is in
 * the next round; should that be complete before the action is done, the actor runs it again, for them.
 *
 * The outcome of a wait depends only on its ticket and four bounds, so it does not matter how late
 * a party looks:
 *
 *      OLDEST      FROM       TO      RELEASED
 *   broken | released | broken | released | still waiting
 */
#ifndef SBX_OBJECT_BARRIER_H
#define SBX_OBJECT_BARRIER_H

#include "object/sync.h"

enum barrier_word {
  BARRIER_PARTIES,
  BARRIER_ARRIVED, /* in the current round */
  BARRIER_BROKEN,  /* 1: broken until a reset */
  BARRIER_OLDEST,  /* after a second break, everything before the first counts as broken */
  BARRIER_FROM,
  BARRIER_TO,
  BARRIER_RELEASED,
  BARRIER_DUE,    /* while an action runs: those up to it go on when it is done */
  BARRIER_ACTOR,  /* the process that runs it; 0: none. It may be gone */
  BARRIER_ACTION, /* 1: each round has one */
  BARRIER_COUNT,  /* words in use from here on: the members, as many as there is room for */
  BARRIER_FIRST,
  BARRIER_MEMBERS = SYNC_WORDS - BARRIER_FIRST
};

#endif
