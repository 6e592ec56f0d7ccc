/*
 * sim/sim_internal.h - the simulated backend: ops, and the way in and out of a process (sim.c), and the rest (sim_self.c).
 */
#ifndef SBX_SIM_SIM_INTERNAL_H
#define SBX_SIM_SIM_INTERNAL_H

#include <stdio.h>

#include "sim/sim.h"

/* A handle, in the memory of the process that holds it. */
struct object {
  struct object_ref ref;
};

/* What belongs to the present process besides its Lua state: on its stack, so in its image. */
struct present {
  struct backend base; /* as it was when the process stopped: what its Lua state has set there */
  struct op *op;       /* that it asks for */
  unsigned interrupts; /* that it was not told yet */
  bool leaving;
  bool timed;  /* it was told the time since it has waited: deadlines are new */
  size_t used; /* bytes of the arena, when it asked last */
};

enum event { EVENT_ANSWER, EVENT_INTERRUPT };

struct sim {
  struct backend base;
  struct sim_options options;
  struct images *images;
  struct world *world;
  uint32_t index; /* of the present process */
  uint64_t serial;
  struct buf request;
  unsigned questions; /* to the present process, while it runs */
  enum sim_stop stop;
  int exit_code;
  /* what it is told when it goes on */
  enum event event;
  const struct answer *answer;
  /* the life of main */
  int (*body)(struct backend *b, void *ctx);
  void *body_ctx;
  /* the standard streams of the processes, and those of the program */
  FILE *streams[2], *outside[2];
  volatile int running;
  char interrupted_at
      [WHERE_MAX]; /* where a process was, the last time that an interrupt found it running */
};

static inline struct sim *sim_of(struct backend *b) { return (struct sim *)b; }

static inline struct present *present(const struct sim *s) { return *image_word(s->images); }

/* In the process: stop it, and let the driver go on. Returns when it is told to go on, too. */
void sim_yield(struct sim *s, enum sim_stop why);

/* A handle of the present process; `ctx` is not used. NULL: no memory. */
struct object *sim_object(void *ctx, const struct object_ref *ref);

extern const struct self_ops sim_self_ops;
extern const struct run_ops sim_run_ops;

#endif
