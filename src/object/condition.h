/*
 * object/condition.h - the state machine of conditions: waiting to be notified.
 *
 * The condition is only the wait queue. Its lock is an object of its own; that the caller holds it
 * when it waits or notifies is checked by the code that performs the ops (os/sync/condition.c).
 *
 * A waiter joins the wait queue and gets a ticket. Notifying n waiters moves the bound to the
 * ticket of the n-th living waiter beyond it. So a notification is one store, whatever process dies
 * meanwhile, and waiters that were killed or gave up do not use it up.
 */
#ifndef SBX_OBJECT_CONDITION_H
#define SBX_OBJECT_CONDITION_H

#include "object/sync.h"

enum condition_word {
  CONDITION_BOUND, /* waiters with a ticket up to this bound have been notified */
  CONDITION_WORDS
};

#endif
