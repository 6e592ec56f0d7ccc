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

/*
 * How a process ends. One that leaves by itself does four things, in this order; one that is killed
 * does none of them, and only ENDED is told by its reaper:
 *   1. its code is over: machines `leave` with END_OF_CODE
 *   2. its children are over, and how it ends is known: machines `leave` with END_WELL or
 * END_FAILED
 *   3. EXITED: its result can be read; it is "gone" (object/sync.h)
 *   4. ENDED: joins are enabled
 */
static inline void process_exit(struct process_state *s, int exit_code) {
  s->phase = PHASE_EXITED;
  s->exit_code = exit_code;
}
/* `signal`: 0, or what ended it. */
static inline void process_end(struct process_state *s, int signal) {
  s->phase = PHASE_ENDED;
  s->signal = signal;
}

/* The same state written the same way: nothing is known of the end before it. */
static inline void process_canonical(struct process_state *s) {
  if (s->phase < PHASE_EXITED || s->signal)
    s->exit_code = 0;
  if (s->phase < PHASE_ENDED)
    s->signal = 0;
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
