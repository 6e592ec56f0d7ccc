/*
 * sim/run.h - a simulated run that follows one schedule.
 *
 * Nothing takes time: the clock moves, to the next deadline, when no process can take a step.
 */
#ifndef SBX_SIM_RUN_H
#define SBX_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim.h"

struct snapshot;

enum run_end {
  RUN_OVER,     /* main has ended: status */
  RUN_DEADLOCK, /* nobody can ever go on */
  RUN_STOPPED   /* from outside: run_stop, or no memory: rc */
};

struct run_outcome {
  enum run_end end;
  int status;      /* world_exit_status; of a deadlock, too */
  int rc;          /* RUN_STOPPED: 0 or -SBX_* */
  int64_t time_ns; /* of the clock */
  uint64_t steps;
};

struct run_options {
  uint64_t seed;
  bool random; /* who goes on is drawn by the seed; else all in turn */
  struct arena *arena;
  /* Called with whole lines: 1 stdout, 2 stderr. */
  void (*write)(void *ctx, int stream, const char *text, size_t len);
  /* Called at a deadlock, with who waits for what. NULL: not wanted. */
  void (*deadlock)(void *ctx, const struct snapshot *s);
  void *ctx;
};

/* Run `body` as main. -SBX_ENOMEM: nothing ran. */
int run_simulated(const struct run_options *o, int (*body)(struct backend *b, void *ctx),
                  void *body_ctx, struct run_outcome *ret);

/* End the run that is under way: the present process is interrupted, and no other goes on.
 * Async-signal-safe. */
void run_stop(void);

#endif
