/* sim/explore/graph.h - the graph of an exploration; private to sim/explore. */
#ifndef SBX_SIM_EXPLORE_GRAPH_H
#define SBX_SIM_EXPLORE_GRAPH_H

#include <string.h>

#include "sim/explore/explore.h"
#include "sim/explore/history.h"
#include "sim/world.h"

/* A schedule, step by step. Begins as WALK_BEGIN. */
struct walk {
  uint32_t state, last;     /* where it is; who took the last step, EXPLORE_NONE: nobody */
  uint32_t *path, len, cap; /* the steps, each as its number in its state; owned */
  uint32_t hash;            /* of the steps */
  bool again;               /* it has come back */
  uint32_t mark_state, mark_last, length, limit; /* Brent's way to find that */
};

#define WALK_BEGIN ((struct walk){.last = EXPLORE_NONE, .mark_state = EXPLORE_NONE})

/* Strongly connected components of the states. */
struct components {
  uint32_t *of;    /* of each state: its component; they are numbered from the ends on */
  uint32_t *order; /* the states, those of a component together, from the ends on */
  uint32_t count;
};

/* A circle in which a process waits for ever, although there is a way out. */
struct explore_circle {
  uint32_t *state; /* owned: its states; NULL: there is none */
  uint32_t count, victim;
  bool livelock; /* the process waits for others to end, and so nobody gets anywhere */
};

enum { TOLD_FAILURES = 64 };

struct exploration {
  struct explore_options options;
  struct histories h;
  struct intern *keys; /* states as bytes: number of a state + 1 */
  struct explore_state *states;
  uint32_t state_count, state_cap;
  struct explore_step *steps;
  uint32_t step_count, step_cap;
  uint32_t kill_steps; /* of the steps: kills */
  uint32_t processes, first_history;
  int choice;                      /* which op of a select is taken; -1: the first */
  struct request late, *late_subs; /* of asked_by */
  struct request **requests;       /* of histories, opened */
  uint32_t request_cap;
  struct world *world; /* for whoever wants one */
  struct buf key, text;
  bool ends_are_steps; /* ends of processes are steps */
  bool asks_status;    /* and must be: somebody asks how processes stand */
  bool counts_done;    /* states say which items of a queue were marked as done */
  bool asks_done;      /* and must: somebody marks them, or waits for it */
  bool reads_clock;    /* somebody reads the clock */
  bool read_now;       /* in the step that is being made */
  bool asks_late; /* somebody has a deadline from before it has waited; `timed`: so that matters */
  bool timed;     /* somebody waited for a time */
  uint32_t notes; /* of enum explore_note */
  bool found;     /* a state that ends badly, with an error, a deadlock or a lock held */
  bool harmless;  /* as of struct explore_sum */
  uint32_t dive_len;              /* steps of the longest dive */
  uint64_t draws;                 /* so many numbers were drawn for dives */
  struct explore_endless endless; /* process "": none */
  volatile int asked;             /* a process was interrupted, since somebody wants it to stop */
  enum explore_stop stop;
  double began, seconds;
  bool circles;
  struct explore_circle circle;
  /* A process, and whose failure its join_all told first. */
  uint32_t told_failures[TOLD_FAILURES][2];
  uint32_t told_count;
  uint8_t *places; /* cure.c: where histories are; 0: not known yet */
  uint32_t place_cap;
  bool cure_used, cure_unsure; /* as in struct explore_sum */
  struct explore_outcome *outcomes;
  uint32_t outcome_count;
  struct walk walk; /* of the token that is followed */
  enum explore_differs differs;
  uint32_t cannot; /* who was to go on */
};

/* The processes in the bytes of a state: of each the time that it has waited, then the history. */
struct state_parts {
  const uint8_t *world;
  size_t len;                      /* of the world's bytes */
  const uint8_t *ages, *histories; /* int64_t, uint32_t; not aligned */
  uint32_t count, kills;           /* kills: so many were killed */
};
void graph_state_parts(const struct exploration *x, uint32_t state, struct state_parts *ret);

static inline uint32_t state_history(const struct state_parts *p, uint32_t i) {
  uint32_t history;
  memcpy(&history, p->histories + i * sizeof history, sizeof history);
  return history;
}

/* The request of a history, opened; NULL: no memory. */
const struct request *graph_request(struct exploration *x, uint32_t history);

/* Does it ask how other processes stand, or change that? */
bool graph_asks_status(const struct request *r);

/* -- walk.c -------------------------------------------------------------------------------------- */

/* The step of a state that is taken if nothing is said: its number. The state has steps. */
uint32_t walk_default(const struct exploration *x, const struct walk *w);

/* The number of the step of a process, the first if a select has several; EXPLORE_NONE: it cannot go
 * on. */
uint32_t walk_step_of(const struct exploration *x, uint32_t state, uint32_t process);

/* Take step number `k`; sets `again`. -SBX_ENOMEM */
int walk_take(const struct exploration *x, struct walk *w, uint32_t k);

uint16_t walk_sum(const struct walk *w);

/* `set`: only steps between states of equal numbers count; NULL: all. The arrays are the caller's. */
int graph_components(const struct exploration *x, const uint32_t *set, struct components *c);

/* Look for a circle in which a process waits for ever: x->circle. */
int graph_starve(struct exploration *x);

/* Kills were asked for, and none was a choice, though processes that may be killed took steps. That
 * cannot be: whatever makes it so, the verdict is not that of an exploration with kills. */
bool graph_misses_kills(const struct exploration *x);

/* Count the ways, and say how each state ends. */
int graph_judge(struct exploration *x);

#endif
