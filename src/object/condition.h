/*
 * object/condition.h - what a condition means: waiting to be notified.
 *
 * Only the waiting is the condition's; its lock is an object of its own, and that one must be held
 * to wait and to notify is seen to by whoever performs the ops (os/sync/condition.c).
 *
 * A wait enters, and so has a ticket. To notify n is to move the bound to the ticket of the n-th
 * who lives and waits beyond it. So it is one store, whoever dies; and those who were killed, or
 * gave up, use up none of it.
 */
#ifndef SBX_OBJECT_CONDITION_H
#define SBX_OBJECT_CONDITION_H

#include "object/sync.h"

enum condition_word {
  CONDITION_BOUND, /* who has a ticket up to it was notified */
  CONDITION_WORDS
};

#endif
