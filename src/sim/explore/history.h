/*
 * sim/explore/history.h - what each process does next, by the answers that it got; private to
 * sim/explore.
 *
 * A history is a process that has asked for an op: its image, its request, and what it has printed.
 * Histories that are equal in these are one, whatever the answers were that led there. Each answer to
 * a history leads to another one, and is run in Lua once.
 */
#ifndef SBX_SIM_EXPLORE_HISTORY_H
#define SBX_SIM_EXPLORE_HISTORY_H

#include "sim/intern.h"
#include "sim/sim.h"

enum history_flag {
  HISTORY_HELD = 1,      /* it asked to end, and held something */
  HISTORY_CANCELLED = 2, /* an interrupt ended its op: that is to be cancelled */
  HISTORY_REORDERED = 4  /* it is made by history_instead */
};

struct history {
  uint32_t image;   /* 0: it has left */
  uint32_t request; /* text; of one that has left its exit status */
  uint32_t printed; /* text: of the last piece, and the number of those before; 0: nothing */
  uint32_t index;   /* of the process */
  uint64_t serial;
  uint64_t held; /* of enum history_flag */
};

struct histories {
  struct sim *sim;
  struct intern *texts; /* requests, answers, what is printed */
  struct intern *all;   /* of struct history: its number is that of the history, from 1 */
  uint64_t *keys;       /* history << 32 | answer: which history follows; open addressing */
  uint32_t *next;
  uint32_t slots, used;
  /* while a process runs */
  uint32_t printed;
  uint64_t held;
  bool no_memory;
  volatile uint32_t runs; /* how often a process ran */
  volatile int cut;       /* 1: the one that runs was interrupted: it has no history;
                              2: it goes on without a step */
  uint32_t cut_after;     /* the history before; 0: main had none yet */
  uint32_t cut_index;     /* of the process */
};

int histories_open(struct histories *h);
void histories_close(struct histories *h);

/* Of struct sim_options. */
void histories_print(void *ctx, int stream, const char *text, size_t len);
void histories_forgot(void *ctx);

static inline const struct history *history_of(const struct histories *h, uint32_t n) {
  return (const void *)intern_get(h->all, n, NULL);
}

/* The history of the process that has just stopped, which was `before` (0: main's first). 0: no
 * memory. */
uint32_t history_note(struct histories *h, uint32_t before, uint32_t index, uint64_t serial,
                      enum sim_stop why);

/* The history that follows when an interrupt arrives at a process that asks. 0: no memory. */
uint32_t history_interrupt(struct histories *h, uint32_t before, unsigned interrupts);

/* The history of the process when it was killed after this one: it has left. 0: no memory. */
uint32_t history_killed(struct histories *h, uint32_t before);

/*
 * The history that follows when process `index` gets an answer (a text of answer_write) to that
 * history, run in Lua if it is new. The index differs from the history's own for a process that is
 * just spawned; its answer names it, so that no two have the same. 0: no memory.
 */
uint32_t history_follow(struct histories *h, uint32_t before, uint32_t answer, uint32_t index,
                        uint64_t serial);

/* A history as `like`, but that asks for what `asks` does; with that answer it leads to `after`. Its
 * image must be able to go on with that. 0: no memory. */
uint32_t history_instead(struct histories *h, uint32_t like, uint32_t asks, uint32_t answer,
                         uint32_t after);

/* Is it known what follows after this answer? */
bool history_is_followed(const struct histories *h, uint32_t before, uint32_t answer);

#endif
