/*
 * object/event.h - what an event means: a flag to wait for.
 *
 * Setting it lets everybody go who waits at that moment, even if it is cleared before they look.
 */
#ifndef SBX_OBJECT_EVENT_H
#define SBX_OBJECT_EVENT_H

#include "object/sync.h"

enum event_word {
  EVENT_FLAG,
  EVENT_BOUND, /* who has a ticket up to it was let go */
  EVENT_WORDS
};

#endif
