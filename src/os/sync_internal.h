/*
 * os/sync_internal.h - how the files of os/sync see a record and the world around it.
 */
#ifndef SBX_OS_SYNC_INTERNAL_H
#define SBX_OS_SYNC_INTERNAL_H

#include "os/sync.h"

/* How to look. */
enum sync_look {
  LOOK_WAIT, /* if it cannot be done, join the line */
  LOOK_LAST, /* if it cannot be done, give up */
  LOOK_POLL, /* if it cannot be done, nothing happens */
  LOOK_ARM   /* join the line, unless it could be done */
};

/* An op under way. */
struct sync_call {
  struct os_backend *b;
  struct op *op; /* borrowed */
  struct sync_record *record;
  const struct sync_machine *machine;
  struct sync_step step;
  int place;      /* in line; LINE_NOWHERE */
  unsigned looks; /* so far */
};

/* It cannot be done now. */
enum { SYNC_WAITS = 2 };

void sync_begin(struct sync_call *call, struct os_backend *b, struct op *op);
/* Take the lock and look. Returns SYNC_WAITS; else it is over, and in line no more: 0,
 * -SBX_ETIMEDOUT (LOOK_LAST, or no lock), -SBX_EINTERRUPTED, what the machine says. */
int sync_look(struct sync_call *call, enum sync_look how);
/* Look and sleep, until it is over. */
int sync_finish(struct sync_call *call);
/* An interrupt: leave the line, without a result. */
void sync_cancel(struct sync_call *call);
/* Begin and finish. */
int sync_do(struct os_backend *b, struct op *op);

/* An op on a condition, be it of its lock. */
int condition_perform(struct os_backend *b, struct op *op);

/* What a machine's questions are answered from. */
struct sync_view {
  const struct control *control;
  const struct sync_record *record;
  bool thorough;
  struct sync_call *call; /* NULL: nobody's op, only a look */
};

extern const struct sync_world_ops sync_view_ops;

static inline struct sync_world sync_world_of(struct sync_view *v) {
  return (struct sync_world){.ops = &sync_view_ops, .ctx = v};
}

/* The current state; the monitor's holder only. */
static inline uint64_t *sync_state(struct sync_record *r) {
  return monitor_state_in(&r->monitor, r->state[0], SYNC_WORDS);
}

/* A copy of the state, without the lock. */
static inline void sync_read(const struct sync_record *r, uint64_t ret[SYNC_WORDS]) {
  monitor_read_in(&r->monitor, r->state[0], SYNC_WORDS, SYNC_WORDS, ret);
}

#endif
