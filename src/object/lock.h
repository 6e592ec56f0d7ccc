/*
 * object/lock.h - the state machine of locks: at most one process holds a lock.
 *
 * A holder that is gone loses the lock: the next acquire gets it and returns "abandoned". A
 * recursive lock counts how often its holder has acquired it. A lock that is not recursive can
 * never be granted to its own holder again: such an acquire is an error at once, unless it has a
 * deadline, which will end the wait.
 */
#ifndef SBX_OBJECT_LOCK_H
#define SBX_OBJECT_LOCK_H

#include "object/sync.h"

enum lock_word { LOCK_OWNER, LOCK_DEPTH, LOCK_RECURSIVE, LOCK_WORDS };

#endif
