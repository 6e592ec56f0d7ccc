/*
 * object/process.h - the state machine of processes, as other processes see them. Pure.
 *
 * A process is made by spawn, runs, and ends once. From then on a join is enabled, for every
 * process and repeatedly.
 */
#ifndef SBX_OBJECT_PROCESS_H
#define SBX_OBJECT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "object/help.h"
#include "object/op.h"

/* In the order of a life; a phase never goes back. */
enum process_phase {
  PHASE_FREE,    /* the record is unused */
  PHASE_CLAIMED, /* the spawner is making the process */
  PHASE_RUNNING,
  PHASE_EXITED, /* its result is published, and it is leaving */
  PHASE_ENDED   /* it is gone, and how it ended is known */
};

struct process_state {
  enum process_phase phase;
  int exit_code; /* if it left by itself */
  int signal;    /* the signal that ended it, else 0 */
};

static inline bool process_enabled(const struct process_state *s, enum op_kind kind) {
  return kind != OP_PROCESS_JOIN || s->phase == PHASE_ENDED;
}

/* A join goes on when the process itself ends; a search when any process spawns the one that is
 * sought. */
static inline bool process_helps(enum op_kind kind, const struct bystander *other) {
  return kind == OP_PROCESS_FIND || other->is_it;
}

/*
 * How a process ends. One that leaves by itself goes through four steps, in this order; one that is
 * killed through none of the first three, and its reaper records ENDED:
 *   1. its code has finished: machines `leave` with END_OF_CODE
 *   2. its children have ended, and how it ends is known: machines `leave` with END_WELL or
 *      END_FAILED
 *   3. EXITED: its result can be read; it is "gone" (object/sync.h)
 *   4. ENDED: joins are enabled
 */
static inline void process_exit(struct process_state *s, int exit_code) {
  s->phase = PHASE_EXITED;
  s->exit_code = exit_code;
}
/* `signal`: the signal that ended it, or 0. */
static inline void process_end(struct process_state *s, int signal) {
  s->phase = PHASE_ENDED;
  s->signal = signal;
}

/* Canonical form: words that mean nothing before the end are 0. */
static inline void process_canonical(struct process_state *s) {
  if (s->phase < PHASE_EXITED || s->signal)
    s->exit_code = 0;
  if (s->phase < PHASE_ENDED)
    s->signal = 0;
}

/* The status for a person. Whether a process is stopped is not part of the machine. It is "running"
 * as long as a join would wait. */
static inline enum process_status process_status_of(const struct process_state *s) {
  if (s->phase < PHASE_ENDED)
    return PROCESS_RUNNING;
  if (s->signal)
    return PROCESS_KILLED;
  return s->exit_code ? PROCESS_FAILED : PROCESS_DONE;
}

#endif
