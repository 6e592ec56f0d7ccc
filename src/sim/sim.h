/*
 * sim/sim.h - a backend whose processes are images in one operating-system process.
 *
 * The present process (image.h) runs until it performs an op: then it has asked, and whoever drives
 * the run decides what happens next: sim/run.h follows one schedule, sim/explore all. The driver has
 * the world (world.h); this is what lies between a Lua state and the driver.
 *
 *   driver                                   the present process
 *   sim_begin(main)             ---------->  runs ... perform(op): writes a request
 *   request, image              <----------  has asked
 *   world_step -> answer
 *   sim_answer(image, answer)   ---------->  perform returns; runs ...
 */
#ifndef SBX_SIM_SIM_H
#define SBX_SIM_SIM_H

#include "sim/image.h"
#include "sim/request.h"

struct sim;
struct world;

/* The time of day at the beginning of every simulated run: 2000-01-01 00:00 UTC. */
#define SIM_WALL_NS (INT64_C(946684800) * NS_PER_SECOND)

struct sim_options {
  uint64_t seed;
  bool time_stands; /* deadlines count from when they are asked for: the time is 0 to all but ops */
  bool
      tidy; /* processes forget garbage before they ask, so that loops come back to where they were */
  struct arena *arena; /* where the Lua state of main is, or will be made; borrowed */
  /* Called with what a process prints: 1 stdout, 2 stderr. */
  void (*print)(void *ctx, int stream, const char *text, size_t len);
  /* A process that ends has not released something, and has said so. NULL: not wanted. */
  void (*forgot)(void *ctx);
  void *ctx;
};

/* -SBX_ENOMEM */
int sim_open(const struct sim_options *o, struct sim **ret);
void sim_close(struct sim *s);

/* The world in which the next process runs, for what it asks besides ops: the time, its status. */
void sim_set_world(struct sim *s, struct world *w);

/* Why the present process does not run any more. */
enum sim_stop {
  SIM_ASKED,     /* it performs an op: sim_request */
  SIM_CANCELLED, /* it was interrupted, and wants no answer any more: its op is to be cancelled */
  SIM_LEFT       /* it has left: sim_exit_code */
};

/* Run main: `body` in a process of serial 1. Its return value is main's exit status. */
enum sim_stop sim_begin(struct sim *s, int (*body)(struct backend *b, void *ctx), void *ctx);

/*
 * Go on with the process of that image (0: the present one), number `index` in the world, which has asked: its op returns
 * the answer. `interrupts` (enum interrupt, or'ed; 0: none) arrive in it, too.
 */
enum sim_stop sim_answer(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
                         const struct answer *a, unsigned interrupts);

/* Interrupt it in its op, which has no answer yet. */
enum sim_stop sim_interrupt(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
                            unsigned interrupts);

/* What it asks; valid until a process runs again. */
const struct buf *sim_request(const struct sim *s);
int sim_exit_code(const struct sim *s);

/* The image of the process that has asked; 0: no memory. */
uint32_t sim_image(struct sim *s);
/* As images_keep. */
int sim_keep(struct sim *s, uint32_t *const images[], uint32_t n);
size_t sim_bytes(const struct sim *s);

/* "x.lua:7": where the process of an image is that has asked. */
void sim_where(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
               char where[WHERE_MAX]);

/* The op that the process of an image asks for; the process is present now. */
const struct op *sim_present_op(struct sim *s, uint32_t image, uint32_t index, uint64_t serial);

/* Its memory was changed by somebody who only looked: it is not the present one any more. */
void sim_touched(struct sim *s);

/* Is the present process running now? For handlers of signals. */
bool sim_runs(const struct sim *s);

/* Let an interrupt arrive in the process that runs, as Ctrl-C does: async-signal-safe. */
void sim_stop_running(struct sim *s);
/* Where a process was, "file:line", when an interrupt last found it running. */
const char *sim_interrupted_at(const struct sim *s);

#endif
