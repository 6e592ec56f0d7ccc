/*
 * sim/explore/making.h - building the graph, state by state; private to sim/explore.
 *
 * A state is loaded from its bytes, one process takes a step, what is no step is done at once, and the
 * bytes of what has become of it are a state, new or not.
 */
#ifndef SBX_SIM_EXPLORE_MAKING_H
#define SBX_SIM_EXPLORE_MAKING_H

#include "sim/explore/graph.h"

enum { NO_CHOICE = -1 }; /* x->choice: the first of a select, or no select */

struct making {
  struct world *w;
  uint32_t *histories; /* of each process; cap of them */
  int64_t *ages;       /* the time that each has waited in an op with a deadline; cap */
  uint32_t count, cap;
  uint32_t kills; /* so many were killed */
  bool stuck;     /* as in struct explore_state */
};

/* -- state.c: 0 or -SBX_ENOMEM ------------------------------------------------------------------- */

int making_room(struct making *m, uint32_t count);
/* The beginning: main alone, with this history, and nothing left of a state that was made before. */
void making_begin(struct making *m, uint32_t history);
int making_load(const struct exploration *x, uint32_t state, struct making *m);
/* Its bytes: x->key. */
int making_write(struct exploration *x, struct making *m);
/* Its number; it may have been there before. */
int making_add(struct exploration *x, struct making *m, uint32_t *ret);

/* One more step of the state that was looked at last. */
int graph_add_step(struct exploration *x, const struct explore_step *step);

/* -- steps.c ------------------------------------------------------------------------------------- */

bool making_left(const struct exploration *x, const struct making *m, uint32_t i);

/* What process `i` asks, with the deadlines that it has by now. Valid until the next call; NULL: no
 * memory. */
const struct request *making_asks(struct exploration *x, const struct making *m, uint32_t i);

/* A process has stopped, with its history: it asks, or has left. */
int making_settle(struct exploration *x, struct making *m, uint32_t i);

/* The number of an answer as a text; 0: no memory. */
uint32_t making_answer(struct exploration *x, const struct answer *a, enum op_kind kind);

/* Process `i`, whose history was `before`, gets an answer, and goes on to what it asks next. */
int making_follow(struct exploration *x, struct making *m, uint32_t before, uint32_t i,
                  uint32_t answer);

/* Process `i` takes a step. `ret_answer`: 0 if its op is not over. */
int making_step(struct exploration *x, struct making *m, uint32_t i, uint32_t *ret_answer);

/* Find the steps of a state, and the states that they lead to. */
int graph_look(struct exploration *x, uint32_t state, struct making *m);

/* -- cure.c -------------------------------------------------------------------------------------- */

/* making_step, or more than one step if the cure makes them one. `ret_blocked`: it cannot be taken, and
 * what was made is worth nothing. */
int cure_step(struct exploration *x, struct making *m, uint32_t i, uint32_t *ret_answer,
              bool *ret_blocked);
/* Nobody can go on in a state in which a step was blocked: if somebody waits for a time, that might pass. */
void cure_stopped(struct exploration *x, const struct making *m);
/* Process `i` is about to ask: it may ask for something else first. -SBX_ENOMEM */
int cure_reorder(struct exploration *x, struct making *m, uint32_t i);
/* A history gets an answer: was that foreseen? */
void cure_answered(struct exploration *x, uint32_t history, uint32_t answer);

/* -- dive.c -------------------------------------------------------------------------------------- */

/* Follow some interleavings to their ends, until there are `most` states; none once a bad end is known. -SBX_ENOMEM */
int graph_dive(struct exploration *x, struct making *m, uint32_t most);

/* -- bound.c ------------------------------------------------------------------------------------- */

/* Look at the states that can be reached with at most x->options.preemptions; sets x->stop if there
 * are others. */
int graph_search_bounded(struct exploration *x, struct making *m);
/* explore.c: is it time to stop, for this or another reason? `looked`: states looked at so far. */
bool graph_stops(struct exploration *x, uint32_t looked);

/* -- close.c ------------------------------------------------------------------------------------- */

bool making_can(struct exploration *x, struct making *m, uint32_t i);

/* Do what is no step, until nothing is left but steps; and when nobody can go on, let time pass. */
int making_close(struct exploration *x, struct making *m);

#endif
