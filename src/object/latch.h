/*
 * object/latch.h - the state machine of latches: a count that only goes down; at 0 everybody goes on.
 *
 * A latch opens once and stays open, so a waiter needs no place in an order: it goes on whenever it
 * finds the count at 0. Counting down beyond 0 changes nothing.
 */
#ifndef SBX_OBJECT_LATCH_H
#define SBX_OBJECT_LATCH_H

#include "object/sync.h"

enum latch_word { LATCH_COUNT, LATCH_WORDS };

#endif
