/*
 * sim/explore/bound.c - the search with a bound of preemptions; see making.h.
 *
 * A place is a state and the process that took the last step. All places that cost 0 preemptions are
 * found, then those that cost 1, and so on; a state is looked at when its first place is.
 */
#include <stdlib.h>

#include "base/error.h"
#include "sim/explore/making.h"

struct place {
  uint32_t state, last; /* last: EXPLORE_NONE: nobody */
};

struct places {
  struct place *list; /* owned */
  uint32_t count, cap;
};

struct bounded {
  struct exploration *x;
  struct intern *seen;        /* places that were taken out of a list */
  struct places now, preempt; /* of this number of preemptions, of one more */
  uint32_t looked;
};

static int add(struct places *p, struct place place) {
  if (p->count == p->cap) {
    uint32_t cap = p->cap ? 2 * p->cap : 1024;
    struct place *grown = realloc(p->list, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    p->list = grown;
    p->cap = cap;
  }
  p->list[p->count++] = place;
  return 0;
}

static int leave(struct bounded *b, struct place from) {
  const struct explore_state *s = &b->x->states[from.state];
  const struct explore_step *steps = exploration_steps(b->x, from.state);
  bool could =
      from.last != EXPLORE_NONE && walk_step_of(b->x, from.state, from.last) != EXPLORE_NONE;
  int rc = 0;
  for (uint32_t k = 0; k < s->count && rc == 0; k++) {
    struct place to = {steps[k].to, steps[k].kill ? from.last : steps[k].process};
    bool preempts = could && !steps[k].kill && steps[k].process != from.last;
    rc = add(preempts ? &b->preempt : &b->now, to);
  }
  return rc;
}

/* All places of one number of preemptions; the order of the list decides nothing. */
static int search_level(struct bounded *b, struct making *m) {
  int rc = 0;
  while (b->now.count > 0 && rc == 0 && !graph_stops(b->x, b->looked)) {
    struct place at = b->now.list[--b->now.count];
    bool is_new;
    if (!intern_put(b->seen, &at, sizeof at, &is_new))
      return -SBX_ENOMEM;
    if (!is_new)
      continue;
    if (!b->x->states[at.state].looked_at) {
      rc = graph_look(b->x, at.state, m);
      b->looked++;
    }
    if (rc == 0)
      rc = leave(b, at);
  }
  return rc;
}

static bool has_more(const struct bounded *b) {
  for (uint32_t i = 0; i < b->preempt.count; i++)
    if (!intern_find(b->seen, &b->preempt.list[i], sizeof *b->preempt.list))
      return true;
  return false;
}

int graph_search_bounded(struct exploration *x, struct making *m) {
  struct bounded b = {.x = x, .seen = intern_new()};
  int rc = b.seen ? add(&b.now, (struct place){0, EXPLORE_NONE}) : -SBX_ENOMEM;
  for (uint32_t level = 0; rc == 0 && x->stop == STOP_COMPLETE; level++) {
    rc = search_level(&b, m);
    if (rc || b.now.count > 0 || !has_more(&b))
      break;
    if (level == x->options.preemptions)
      x->stop = STOP_BOUND;
    struct places done = b.now;
    b.now = b.preempt;
    b.preempt = done;
    b.preempt.count = 0;
  }
  intern_free(b.seen);
  free(b.now.list);
  free(b.preempt.list);
  return rc;
}
