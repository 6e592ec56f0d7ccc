/*
 * object/process.h - what a process means to others, without any I/O.
 *
 * A process is made by spawn, runs, and ends once; a join is enabled from then on, for everybody
 * and repeatedly.
 */
#ifndef SBX_OBJECT_PROCESS_H
#define SBX_OBJECT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

/* In the order of a life; never backwards. */
enum process_phase {
  PHASE_FREE,    /* nobody's record */
  PHASE_CLAIMED, /* its spawner is making it */
  PHASE_RUNNING,
  PHASE_EXITED, /* it published its result and is leaving */
  PHASE_ENDED   /* it is gone, and how is known */
};

struct process_state {
  enum process_phase phase;
  int exit_code; /* when ended by leaving */
  int signal;    /* when ended by a signal, else 0 */
};

static inline bool process_enabled(const struct process_state *s, enum op_kind kind) {
  return kind != OP_PROCESS_JOIN || s->phase == PHASE_ENDED;
}

/* How it stands, for a person; whether it is stopped is not part of the machine. It is running as
 * long as a join would wait. */
static inline enum process_status process_status_of(const struct process_state *s) {
  if (s->phase < PHASE_ENDED)
    return PROCESS_RUNNING;
  if (s->signal)
    return PROCESS_KILLED;
  return s->exit_code ? PROCESS_FAILED : PROCESS_DONE;
}

#endif
