/*
 * object/lock.h - what a lock means: at most one process holds it.
 *
 * A holder that is gone loses it: the next to acquire gets it, and is told that it was abandoned.
 * A recursive lock counts how often its holder has acquired it. One that is not, asked for by its
 * holder, can never be given: an error at once, unless there is a deadline that will end the wait.
 */
#ifndef SBX_OBJECT_LOCK_H
#define SBX_OBJECT_LOCK_H

#include "object/sync.h"

enum lock_word { LOCK_OWNER, LOCK_DEPTH, LOCK_RECURSIVE, LOCK_WORDS };

#endif
