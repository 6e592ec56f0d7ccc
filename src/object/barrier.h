/*
 * object/barrier.h - what a barrier means: n parties wait until all of them are there.
 *
 * A wait enters, and so has a ticket; the last of n moves a bound, and all who wait go on. Each is
 * told its place in the order of arrival, from 1 to n. The barrier breaks, for those who wait and
 * for those who come until a reset,
 *   - when a party gives up (a timeout, an interrupt),
 *   - when a party that waits dies,
 *   - when a process that has taken part before was killed or left with an error,
 *   - when nobody is left who could still come: every living process that holds the barrier waits
 *     for ever, and no message names it.
 *
 * What has become of a wait is told by its ticket and four bounds, so that it does not matter how
 * late a party looks:
 *
 *      OLDEST      FROM       TO      RELEASED
 *   broken | released | broken | released | it waits
 */
#ifndef SBX_OBJECT_BARRIER_H
#define SBX_OBJECT_BARRIER_H

#include "object/sync.h"

enum barrier_word {
  BARRIER_PARTIES,
  BARRIER_ARRIVED, /* of this round */
  BARRIER_BROKEN,  /* 1: until a reset */
  BARRIER_OLDEST,  /* when it has broken twice, what was before the first counts as broken */
  BARRIER_FROM,
  BARRIER_TO,
  BARRIER_RELEASED,
  BARRIER_COUNT, /* words in use from here on: who has taken part, as many as there is room for */
  BARRIER_FIRST,
  BARRIER_MEMBERS = SYNC_WORDS - BARRIER_FIRST
};

#endif
