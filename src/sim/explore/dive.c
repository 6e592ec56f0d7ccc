/*
 * sim/explore/dive.c - single interleavings, followed to their ends before all are; see making.h.
 *
 * The search takes states in the order of their distance, so a long program may reach a limit before any interleaving
 * has ended. A dive goes to an end in the same graph. Each process has a priority, drawn at random; the highest of those
 * that can go on takes the next step. At a few steps, drawn too, it falls to the lowest. The first dive has no such step,
 * so it has the fewest preemptions.
 * (Burckhardt and others: A randomized scheduler with probabilistic guarantees of finding bugs, ASPLOS 2010)
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/mix.h"
#include "sim/explore/making.h"

enum { CHANGES_MAX = 3 };

struct dive {
  struct exploration *x;
  struct walk walk;
  uint64_t *priorities; /* owned; of each process; 0: not drawn yet */
  uint32_t cap;
  uint64_t lowest; /* priority of whoever fell last */
  uint32_t changes[CHANGES_MAX];
  uint32_t change_count;
};

static uint64_t draw(struct exploration *x) { return mix64(x->options.seed + ++x->draws); }

static int priority(struct dive *d, uint32_t process, uint64_t **ret) {
  if (process >= d->cap) {
    uint32_t cap = 2 * process + 16;
    uint64_t *grown = realloc(d->priorities, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    while (d->cap < cap)
      grown[d->cap++] = 0;
    d->priorities = grown;
  }
  *ret = &d->priorities[process];
  if (**ret == 0)
    **ret = draw(d->x) | UINT64_C(1) << 63; /* above all that fell */
  return 0;
}

/* The step of the highest process; if a select has several, one of them. */
static int choose(struct dive *d, uint32_t *ret) {
  const struct explore_state *s = &d->x->states[d->walk.state];
  const struct explore_step *steps = exploration_steps(d->x, d->walk.state);
  uint64_t best = 0;
  uint32_t equal = 0;
  for (uint32_t k = 0; k < s->count; k++) {
    uint64_t *p;
    int rc = steps[k].kill ? 0 : priority(d, steps[k].process, &p);
    if (rc)
      return rc;
    if (steps[k].kill || *p < best)
      continue;
    equal = *p == best ? equal + 1 : 1;
    best = *p;
    if (draw(d->x) % equal == 0)
      *ret = k;
  }
  return 0;
}

/* The one that would go on falls to the lowest, or, where processes may be killed, one of them is. */
static int change(struct dive *d, uint32_t *step) {
  const struct explore_state *s = &d->x->states[d->walk.state];
  const struct explore_step *steps = exploration_steps(d->x, d->walk.state);
  uint32_t kills = 0;
  for (uint32_t k = 0; k < s->count; k++)
    kills += steps[k].kill;
  if (kills > 0 && draw(d->x) % 2) {
    *step = s->count - 1 - (uint32_t)(draw(d->x) % kills); /* they come last */
    return 0;
  }
  d->priorities[steps[*step].process] = --d->lowest;
  return choose(d, step);
}

static bool changes_here(const struct dive *d) {
  bool here = d->walk.again; /* it goes round in a circle: let others go on */
  for (uint32_t i = 0; i < d->change_count; i++)
    here |= d->changes[i] == d->walk.len;
  return here;
}

/* Follow it to its end, or until there are `most` states. */
static int dive(struct dive *d, struct making *m, uint32_t most) {
  struct exploration *x = d->x;
  struct walk *w = &d->walk;
  int rc = 0;
  while (rc == 0 && x->state_count < most && w->len < most && !graph_stops(x, w->len)) {
    uint32_t step = 0;
    if (!x->states[w->state].looked_at)
      rc = graph_look(x, w->state, m);
    if (rc || x->states[w->state].count == 0)
      break;
    rc = choose(d, &step);
    if (rc == 0 && changes_here(d))
      rc = change(d, &step);
    if (rc == 0)
      rc = walk_take(x, w, step);
  }
  return rc;
}

int graph_dive(struct exploration *x, struct making *m, uint32_t most) {
  enum { DIVES = 16 };
  int rc = 0;
  for (uint32_t i = 0; i < DIVES && rc == 0 && !x->found && x->state_count < most; i++) {
    struct dive d = {.x = x, .walk = WALK_BEGIN, .lowest = UINT64_C(1) << 63};
    d.change_count = x->dive_len ? i % (CHANGES_MAX + 1) : 0;
    for (uint32_t k = 0; k < d.change_count; k++)
      d.changes[k] = (uint32_t)(draw(x) % x->dive_len);
    rc = dive(&d, m, most);
    if (d.walk.len > x->dive_len)
      x->dive_len = d.walk.len;
    free(d.priorities);
    free(d.walk.path);
  }
  return rc;
}
