/* sim/explore/walk.c - a schedule, step by step; see graph.h and token.h. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/graph.h"
#include "sim/explore/token.h"

uint32_t walk_step_of(const struct exploration *x, uint32_t state, uint32_t process) {
  const struct explore_step *steps = exploration_steps(x, state);
  for (uint32_t k = 0; k < x->states[state].count; k++)
    if (steps[k].process == process && !steps[k].kill)
      return k;
  return EXPLORE_NONE;
}

uint32_t walk_default(const struct exploration *x, const struct walk *w) {
  uint32_t same = w->last == EXPLORE_NONE ? EXPLORE_NONE : walk_step_of(x, w->state, w->last);
  return same == EXPLORE_NONE ? 0 : same; /* steps are in the order of the processes */
}

static int add(struct walk *w, uint32_t k) {
  if (w->len == w->cap) {
    uint32_t cap = w->cap ? 2 * w->cap : 64;
    uint32_t *grown = realloc(w->path, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    w->path = grown;
    w->cap = cap;
  }
  w->path[w->len++] = k;
  return 0;
}

static int note(const struct exploration *x, struct walk *w, uint32_t process, bool kill) {
  struct request r;
  int rc = exploration_request(x, exploration_history(x, w->state, process), &r);
  if (rc)
    return rc;
  const char *name = kill ? "KILL" : token_kind_name(r.kind);
  w->hash = token_hash(w->hash ? w->hash : TOKEN_HASH_NONE, &process, sizeof process);
  w->hash = token_hash(w->hash, name, strlen(name) + 1);
  request_close(&r);
  return 0;
}

int walk_take(const struct exploration *x, struct walk *w, uint32_t k) {
  const struct explore_step *step = &exploration_steps(x, w->state)[k];
  int rc = add(w, k);
  if (rc == 0)
    rc = note(x, w, step->process, step->kill);
  if (rc)
    return rc;
  w->state = step->to;
  w->last = step->kill ? w->last : step->process;
  w->again = w->state == w->mark_state && w->last == w->mark_last;
  if (w->length++ >= w->limit) {
    w->mark_state = w->state;
    w->mark_last = w->last;
    w->limit = 2 * w->limit + 1;
    w->length = 0;
  }
  return 0;
}

uint16_t walk_sum(const struct walk *w) { return (uint16_t)(w->hash ^ w->hash >> 16); }
