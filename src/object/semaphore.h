/*
 * object/semaphore.h - what a semaphore means: a number of units that are taken and given back.
 *
 * Anybody may give units back, so a semaphore serves as a signal, too: made with none, what is
 * given was never taken. But who takes a unit and is gone without giving it back would leave one
 * too few for ever. So the state notes who has taken how many; the units of a process that was
 * killed, or left with an error, come back, and whoever gets the first of them is told that it was
 * abandoned. Never so many that there are more than at the beginning: units that the living have
 * count, and so do those that others gave back instead.
 *
 * Noted are as many processes as there is room for (SEMAPHORE_HOLDERS); the units of others do not
 * come back.
 */
#ifndef SBX_OBJECT_SEMAPHORE_H
#define SBX_OBJECT_SEMAPHORE_H

#include "object/sync.h"

enum semaphore_word {
  SEMAPHORE_VALUE,
  SEMAPHORE_MAX,     /* 0: no limit */
  SEMAPHORE_INITIAL, /* at the beginning */
  SEMAPHORE_COUNT,   /* words in use from here on: who << 8 | units */
  SEMAPHORE_FIRST,
  SEMAPHORE_HOLDERS = SYNC_WORDS - SEMAPHORE_FIRST
};

#endif
