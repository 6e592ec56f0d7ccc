/*
 * object/event.h - the state machine of events: a flag to wait for.
 *
 * Setting it releases every process that waits at that moment, even if the flag is cleared before
 * they look.
 */
#ifndef SBX_OBJECT_EVENT_H
#define SBX_OBJECT_EVENT_H

#include "object/sync.h"

enum event_word {
  EVENT_FLAG,
  EVENT_BOUND, /* waiters with a ticket up to this bound have been released */
  EVENT_WORDS
};

#endif
