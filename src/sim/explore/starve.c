/*
 * sim/explore/starve.c - circles with a way out in which a process waits for ever all the same.
 *
 * Of a process that cannot take a step in any state of a circle nobody can say that it is only
 * unlucky: however often its turn comes, it has nothing to do. Such a circle counts if it is fair to
 * the others: a process that can take a step in some of its states takes one in it. So for each
 * process: the states in which it has no step; their strongly connected components; while one is
 * unfair to somebody, it is looked at again without the states in which that one could have gone on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/graph.h"

struct starving {
  struct exploration *x;
  uint32_t *set; /* of each state: the part that it is in; 0: none */
  uint32_t victim;
};

static bool has_step(const struct exploration *x, uint32_t state, uint32_t process) {
  const struct explore_state *s = &x->states[state];
  for (uint32_t k = 0; k < s->count; k++)
    if (x->steps[s->first + k].process == process && !x->steps[s->first + k].kill)
      return true;
  return false;
}

/* Does it take a step in the part, and stay in it? */
static bool steps_inside(const struct starving *v, uint32_t state, uint32_t process) {
  const struct explore_state *s = &v->x->states[state];
  for (uint32_t k = 0; k < s->count; k++) {
    const struct explore_step *e = &v->x->steps[s->first + k];
    if (e->process == process && v->set[e->to] == v->set[state])
      return true;
  }
  return false;
}

/* The states of one component: take those out that make it unfair. Returns whether there were any;
 * *ret_steps: it has steps. */
static bool trim(struct starving *v, const uint32_t *member, uint32_t count, bool *ret_steps) {
  bool changed = false;
  *ret_steps = false;
  for (uint32_t u = 0; u < v->x->processes; u++) {
    bool inside = false, able = false;
    for (uint32_t i = 0; i < count; i++) {
      inside |= steps_inside(v, member[i], u);
      able |= has_step(v->x, member[i], u);
    }
    *ret_steps |= inside;
    for (uint32_t i = 0; i < count && able && !inside; i++)
      if (has_step(v->x, member[i], u)) {
        v->set[member[i]] = 0;
        changed = true;
      }
  }
  return changed;
}

/* Does nobody wait for a time, in a state of the circle? The clock stands in it. */
static bool has_deadline(const struct exploration *x, uint32_t state) {
  struct state_parts p;
  graph_state_parts(x, state, &p);
  for (uint32_t i = 0; i < p.count; i++) {
    struct request r;
    bool has = false;
    if (exploration_left(x, state_history(&p, i)))
      continue;
    if (exploration_request(x, state_history(&p, i), &r) == 0) {
      has = r.kind == OP_CLOCK_SLEEP || r.deadline_ns != SBX_FOREVER || r.kind == OP_SELECT;
      has &= !has_step(x, state, i);
      request_close(&r);
    }
    if (has)
      return true;
  }
  return false;
}

/* Does the process wait for ever in these states? *ret_only: only for the ends of others. */
static bool waits(struct exploration *x, uint32_t state, uint32_t process, bool *ret_only) {
  uint32_t history = exploration_history(x, state, process);
  struct world_process p;
  struct request r;
  if (history == EXPLORE_NONE || exploration_left(x, history) ||
      exploration_world(x, state, x->world) || has_deadline(x, state))
    return false;
  world_process(x->world, process, &p);
  if (p.daemon || p.phase == PHASE_ENDED || exploration_request(x, history, &r))
    return false;
  *ret_only = r.kind == OP_PROCESS_JOIN || r.kind == OP_PROCESS_AWAIT;
  request_close(&r);
  return true;
}

/* Is the clock read in the circle? Then it does not go on for ever. */
static bool reads_clock(const struct starving *v, const uint32_t *member, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct explore_state *s = &v->x->states[member[i]];
    for (uint32_t k = 0; k < s->count; k++) {
      const struct explore_step *e = &v->x->steps[s->first + k];
      if (e->clock && v->set[e->to] == v->set[member[i]])
        return true;
    }
  }
  return false;
}

static void keep_circle(struct starving *v, const uint32_t *member, uint32_t count, bool only) {
  struct explore_circle *c = &v->x->circle;
  if (c->state && !c->livelock)
    return;
  if (c->state && only)
    return;
  uint32_t *copy = malloc(count * sizeof *copy);
  if (!copy)
    return;
  memcpy(copy, member, count * sizeof *copy);
  free(c->state);
  *c =
      (struct explore_circle){.state = copy, .count = count, .victim = v->victim, .livelock = only};
}

/* One round: the components of the parts. Returns 1: states were taken out, look again. */
static int look_round(struct starving *v) {
  struct components c = {0};
  struct exploration *x = v->x;
  int rc = graph_components(x, v->set, &c);
  bool changed = false, steps, only;
  for (uint32_t i = 0; rc == 0 && i < x->state_count; i++)
    if (v->set[i])
      v->set[i] = c.of[i] + 1;
  for (uint32_t i = 0, n; rc == 0 && i < x->state_count; i += n) {
    for (n = 1; i + n < x->state_count && c.of[c.order[i + n]] == c.of[c.order[i]]; n++)
      continue;
    const uint32_t *member = &c.order[i];
    if (!v->set[*member])
      continue;
    if (trim(v, member, n, &steps))
      changed = true;
    else if (steps && !reads_clock(v, member, n) && waits(x, *member, v->victim, &only))
      keep_circle(v, member, n, only);
    else if (!steps)
      v->set[*member] = 0;
  }
  free(c.of);
  free(c.order);
  return rc ? rc : changed;
}

int graph_starve(struct exploration *x) {
  struct starving v = {.x = x, .set = calloc(x->state_count, sizeof *v.set)};
  int rc = v.set ? 0 : -SBX_ENOMEM;
  for (v.victim = 0; x->circles && rc == 0 && v.victim < x->processes; v.victim++) {
    for (uint32_t s = 0; s < x->state_count; s++)
      v.set[s] = x->states[s].count > 0 && x->states[s].end != EXPLORE_STUCK &&
                 x->states[s].looked_at && !has_step(x, s, v.victim);
    do
      rc = look_round(&v);
    while (rc == 1);
  }
  free(v.set);
  return rc;
}

/* -- the way into the circle, and once around ---------------------------------------------------- */

struct way {
  const struct exploration *x;
  bool *in;       /* the circle's states */
  uint32_t *from; /* of each state: the state before; EXPLORE_NONE: not reached */
  uint32_t *by;   /* the number of the step there */
  uint32_t *queue;
  uint32_t *path;
  uint32_t len, cap, at; /* at: the state that the path has come to */
};

static bool add(struct way *w, uint32_t step) {
  if (w->len == w->cap) {
    uint32_t cap = w->cap ? 2 * w->cap : 64;
    uint32_t *grown = realloc(w->path, cap * sizeof *grown);
    if (!grown)
      return false;
    w->path = grown;
    w->cap = cap;
  }
  w->path[w->len++] = step;
  return true;
}

/* Is it there: a state of the circle, the state `to`, or one with a step of `process` in the circle? */
static bool arrived(const struct way *w, uint32_t state, uint32_t to, uint32_t process,
                    uint32_t *ret_step) {
  const struct explore_state *s = &w->x->states[state];
  *ret_step = EXPLORE_NONE;
  if (process == EXPLORE_NONE)
    return to == EXPLORE_NONE ? w->in[state] : state == to;
  for (uint32_t k = 0; k < s->count; k++) {
    const struct explore_step *e = &w->x->steps[s->first + k];
    if (e->process == process && w->in[e->to]) {
      *ret_step = k;
      return true;
    }
  }
  return false;
}

static bool append(struct way *w, uint32_t state, uint32_t last) {
  uint32_t n = 0;
  for (uint32_t s = state; s != w->at; s = w->from[s])
    w->queue[n++] = w->by[s];
  while (n > 0)
    if (!add(w, w->queue[--n]))
      return false;
  w->at = state;
  if (last == EXPLORE_NONE)
    return true;
  w->at = w->x->steps[w->x->states[state].first + last].to;
  return add(w, last);
}

/* The shortest way on from where the path has come to. `inside`: without leaving the circle. */
static bool go(struct way *w, bool inside, uint32_t to, uint32_t process) {
  uint32_t head = 0, tail = 0, last;
  for (uint32_t i = 0; i < w->x->state_count; i++)
    w->from[i] = EXPLORE_NONE;
  w->from[w->at] = w->at;
  w->queue[tail++] = w->at;
  while (head < tail) {
    uint32_t state = w->queue[head++];
    const struct explore_state *s = &w->x->states[state];
    if (arrived(w, state, to, process, &last))
      return append(w, state, last);
    for (uint32_t k = 0; k < s->count; k++) {
      uint32_t next = w->x->steps[s->first + k].to;
      if (w->from[next] != EXPLORE_NONE || (inside && !w->in[next]))
        continue;
      w->from[next] = state;
      w->by[next] = k;
      w->queue[tail++] = next;
    }
  }
  return process != EXPLORE_NONE; /* it has no step in the circle */
}

static bool way_open(struct way *w, const struct exploration *x) {
  size_t n = x->state_count ? x->state_count : 1;
  *w = (struct way){.x = x, .in = calloc(n, 1), .from = malloc(3 * n * sizeof *w->from)};
  if (!w->in || !w->from)
    return false;
  w->by = w->from + n;
  w->queue = w->from + 2 * n;
  return true;
}

/* The path, or EXPLORE_NONE. */
static uint32_t way_close(struct way *w, bool ok, uint32_t **ret) {
  free(w->from);
  free(w->in);
  if (ok)
    *ret = w->path;
  else
    free(w->path);
  return ok ? w->len : EXPLORE_NONE;
}

/* From where the path has come to, in the circle, until all that have steps in it have taken one, and
 * back. */
static bool go_around(struct way *w) {
  uint32_t entry = w->at;
  bool ok = true;
  for (uint32_t u = 0; ok && u < w->x->processes; u++)
    ok = go(w, true, EXPLORE_NONE, u);
  return ok && go(w, true, entry, EXPLORE_NONE);
}

uint32_t exploration_circle(const struct exploration *x, uint32_t **ret, uint32_t *ret_loop,
                            uint32_t *ret_victim, bool *ret_livelock) {
  const struct explore_circle *c = &x->circle;
  struct way w;
  bool ok = way_open(&w, x) && c->state;
  for (uint32_t i = 0; ok && i < c->count; i++)
    w.in[c->state[i]] = true;
  ok = ok && go(&w, false, EXPLORE_NONE, EXPLORE_NONE);
  *ret_loop = w.len;
  *ret_victim = c->victim;
  *ret_livelock = c->livelock;
  return way_close(&w, ok && go_around(&w), ret);
}

/* All that can be reached is the circle. */
static void mark_reachable(struct way *w, uint32_t state) {
  uint32_t head = 0, tail = 0;
  w->in[state] = true;
  w->queue[tail++] = state;
  while (head < tail) {
    const struct explore_state *s = &w->x->states[w->queue[head++]];
    for (uint32_t k = 0; k < s->count; k++) {
      uint32_t to = w->x->steps[s->first + k].to;
      if (!w->in[to])
        w->queue[tail++] = to;
      w->in[to] = true;
    }
  }
}

uint32_t exploration_round(const struct exploration *x, uint32_t state, uint32_t **ret) {
  struct way w;
  bool ok = way_open(&w, x);
  if (ok)
    mark_reachable(&w, state);
  w.at = state;
  return way_close(&w, ok && go_around(&w), ret);
}
