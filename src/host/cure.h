/*
 * host/cure.h - is what a report advises a cure? What was explored is explored again, as if the advice
 * had been followed.
 *
 * Exploring uses fixed addresses, so that happens in another process, which begins as this one was
 * before it explored: cures_open forks one, which waits to be asked.
 */
#ifndef SBX_HOST_CURE_H
#define SBX_HOST_CURE_H

#include "host/explore_failures.h"
#include "look/story.h"

struct cures;

/* What to change. */
struct cure {
  enum story_check check;
  struct explore_cure made; /* its kind is CURE_NONE if the change is made in the text */
  uint32_t count;           /* of its lines */
  uint32_t states_max;      /* to look at */
};

struct cure_result {
  bool known; /* it could be made, and all of it as it is meant */
  enum explore_stop stop;
  uint32_t states, preemptions;
  double ways, bad_ways; /* as in struct explore_sum */
  bool fails;            /* there is a failure of any kind */
};

/* Explore with a cure, in a process of its own that ends afterwards. `ret` may stay as it is, all 0. */
typedef void cure_run(void *ctx, const struct cure *c, struct cure_result *ret);

/* For a cure_run: what the exploration of the cure says. */
void cure_sum(const struct cure *c, const struct exploration *x, struct cure_result *ret);

/* For a cure_run: the text of a file in which the cure is made, without a terminating zero; the caller's. NULL: it
 * is not to be made in the text, or cannot be there. */
char *cure_text(const struct cure *c, const char *path, size_t *ret_len);

/* To be called before exploring; `ctx` as it is now. NULL: no memory, and nothing is checked. */
struct cures *cures_open(cure_run *run, void *ctx);
void cures_close(struct cures *c); /* NULL does nothing */

/* Check what is advised against the failure, if that can be done, and have it said in the story. NULL does nothing; an
 * interrupt (simulated_stop) ends this check, and all later ones. */
void cures_check(struct cures *c, struct exploration *x, const struct failure *f, struct told *t);

#endif
