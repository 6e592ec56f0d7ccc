/*
 * object/semaphore.h - the state machine of semaphores: a number of units that are taken and given
 * back.
 *
 * Any process may give units back, so a semaphore also serves as a signal: it is made with no
 * units, and those given were never taken. But a process that takes a unit and ends without giving
 * it back would leave one too few for ever. So the state records how many units each process has
 * taken. The units of a process that was killed, or ended with an error, come back, and the process
 * that gets the first of them is told that it was abandoned. The number of units never grows beyond
 * the initial one this way: no more units are recorded as taken than are away. A unit that another
 * process gives back is taken off the record of one that is gone, else of the oldest; of a semaphore
 * that was made with no units nothing is recorded.
 *
 * As many holders are recorded as there is room for (SEMAPHORE_HOLDERS); the units of others do not
 * come back.
 */
#ifndef SBX_OBJECT_SEMAPHORE_H
#define SBX_OBJECT_SEMAPHORE_H

#include "object/sync.h"

enum semaphore_word {
  SEMAPHORE_VALUE,
  SEMAPHORE_MAX,     /* 0: no limit */
  SEMAPHORE_INITIAL, /* units at the beginning */
  SEMAPHORE_COUNT,   /* words in use from here on, each: process << 8 | units */
  SEMAPHORE_FIRST,
  SEMAPHORE_HOLDERS = SYNC_WORDS - SEMAPHORE_FIRST
};

#endif
