/*
 * sim/explore/explore.c - the search; see explore.h. The graph is built by state.c, steps.c and close.c,
 * and what is told of it is in judge.c.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"
#include "sim/explore/making.h"
#include "sim/explore/token.h"

enum { STATES_MAX = 2000000, DIVE_FROM = 65536 };

/* -- the search ---------------------------------------------------------------------------------- */

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t bytes_of(const struct exploration *x) {
  return intern_bytes(x->keys) + intern_bytes(x->h.texts) + intern_bytes(x->h.all) +
         sim_bytes(x->h.sim) + x->state_cap * sizeof *x->states + x->step_cap * sizeof *x->steps;
}

/* Must states say what time it is, and do not? */
static bool reads_clock(const struct exploration *x) {
  return (x->reads_clock || (x->asks_late && x->timed)) && !x->options.clock;
}

/* Somebody asks how processes stand, and their ends were no steps so far; or which items are done, and
 * states did not say that. */
static bool must_begin_again(const struct exploration *x) {
  return (x->asks_status && !x->ends_are_steps) || (x->asks_done && !x->counts_done);
}

static bool is_asked(const struct exploration *x) {
  const struct explore_progress so_far = {x->state_count, intern_count(x->h.all), x->found};
  return x->options.progress && x->options.progress(x->options.ctx, &so_far);
}

static uint32_t states_max(const struct exploration *x) {
  return x->options.states_max ? x->options.states_max : STATES_MAX;
}

bool graph_stops(struct exploration *x, uint32_t looked) {
  const struct explore_options *o = &x->options;
  size_t bytes = o->bytes_max ? o->bytes_max : (size_t)2 << 30;
  if (x->state_count > states_max(x))
    x->stop = STOP_STATES;
  else if (looked % 64 == 0 && bytes_of(x) > bytes)
    x->stop = STOP_BYTES;
  else if (looked % 64 == 0 && o->seconds_max > 0 && seconds_now() - x->began > o->seconds_max)
    x->stop = STOP_SECONDS;
  else if (looked % 256 == 0 && is_asked(x))
    x->stop = STOP_ASKED;
  return x->stop != STOP_COMPLETE || (!o->follow && (must_begin_again(x) || reads_clock(x)));
}

/* -- a process that never asks -------------------------------------------------------------------- */

static struct exploration *volatile under_way;

void explore_watch(bool stop) {
  enum { SECONDS = 5 };
  static uint32_t seen, ticks;
  struct exploration *x = under_way;
  if (x && stop)
    x->asked = 1;
  if (!x || !x->h.sim || !sim_runs(x->h.sim))
    return;
  ticks = seen == x->h.runs ? ticks + 1 : 0;
  seen = x->h.runs;
  if (!stop && ticks < SECONDS)
    return;
  x->h.cut = 1;
  sim_stop_running(x->h.sim);
}

void explore_note(enum explore_note note) {
  if (under_way)
    under_way->notes |= note;
}

const struct explore_endless *exploration_endless(const struct exploration *x) {
  return x->endless.process[0] ? &x->endless : NULL;
}

static void note_endless(struct exploration *x, const struct world *w) {
  struct explore_endless *e = &x->endless;
  struct object_ref ref = {.type = OBJECT_PROCESS, .slot = x->h.cut_index};
  struct world_process p;
  world_process(w, ref.slot, &p);
  ref.serial = p.serial;
  world_name(w, &ref, e->process, sizeof e->process);
  e->after = x->h.cut_after ? x->h.cut_after : EXPLORE_NONE;
  if (x->h.cut == 1)
    text_copy(e->where, sizeof e->where, sim_interrupted_at(x->h.sim));
  else if (e->after != EXPLORE_NONE)
    exploration_where(x, e->after, e->where);
  if (x->options.endless)
    *x->options.endless = *e;
}

/* Does the process that goes on and on ask for the time? */
static bool polls_clock(struct exploration *x, uint32_t history) {
  const struct request *r = history ? graph_request(x, history) : NULL;
  return r && (r->kind == OP_CLOCK_NOW || r->kind == OP_CLOCK_WALL);
}

static int search(struct exploration *x, struct making *m) {
  int rc = 0;
  if (x->options.bounded)
    return graph_search_bounded(x, m);
  uint32_t most = states_max(x), dive_from = most / 4 < DIVE_FROM ? most / 4 : DIVE_FROM;
  for (uint32_t s = 0; s < x->state_count && rc == 0 && !graph_stops(x, s); s++) {
    if (!x->states[s].looked_at)
      rc = graph_look(x, s, m);
    if (rc == 0 && x->state_count >= dive_from && x->state_count < most) {
      rc = graph_dive(x, m, x->state_count + (most - x->state_count) / 4);
      dive_from = 2 * x->state_count;
    }
  }
  return rc;
}

/* Which step of the present state the token wants; EXPLORE_NONE: one that is not there. */
static uint32_t wanted(struct exploration *x, uint32_t *turn) {
  const struct token *t = x->options.follow;
  if (*turn == t->count || t->turns[*turn].step != x->walk.len + 1)
    return walk_default(x, &x->walk);
  const struct token_turn *to = &t->turns[(*turn)++];
  const struct explore_step *steps = exploration_steps(x, x->walk.state);
  x->cannot = to->process;
  for (uint32_t k = 0, n = 0; k < x->states[x->walk.state].count; k++)
    if (steps[k].process == to->process && steps[k].kill == to->kill && n++ == to->choice)
      return k;
  return EXPLORE_NONE;
}

/* One path only. */
static int follow_token(struct exploration *x, struct making *m) {
  const struct token *t = x->options.follow;
  struct walk *w = &x->walk;
  uint32_t turn = 0, k = 0;
  int rc = 0;
  *w = WALK_BEGIN;
  uint32_t circle = EXPLORE_NONE; /* the state where it begins */
  while (rc == 0 && !graph_stops(x, w->len) && (turn < t->count || t->round || !w->again) &&
         (!t->round || w->len < t->loop + t->round)) {
    if (w->len == t->loop)
      circle = w->state;
    if (!x->states[w->state].looked_at)
      rc = graph_look(x, w->state, m);
    if (rc || x->states[w->state].count == 0)
      break;
    if ((k = wanted(x, &turn)) == EXPLORE_NONE)
      break;
    rc = walk_take(x, w, k);
  }
  if (x->stop == STOP_COMPLETE)
    x->stop = STOP_FOLLOWED;
  bool closes = !t->round || (w->len == t->loop + t->round && w->state == circle);
  w->again |= t->round && closes;
  x->differs = k == EXPLORE_NONE                  ? FOLLOW_CANNOT
               : turn < t->count                  ? FOLLOW_SHORT
               : !closes || walk_sum(w) != t->sum ? FOLLOW_SUM
                                                  : FOLLOW_WELL;
  return rc;
}

/* The first state: main has run up to its first step. */
static int add_first(struct exploration *x, struct making *m) {
  uint32_t state;
  making_begin(m, x->first_history);
  int rc = making_settle(x, m, 0);
  if (rc == 0)
    rc = making_close(x, m);
  return rc ? rc : making_add(x, m, &state);
}

static int begin(struct exploration *x, struct making *m, int (*body)(struct backend *b, void *ctx),
                 void *body_ctx) {
  int rc = making_room(m, 1);
  if (rc)
    return rc;
  enum sim_stop why = sim_begin(x->h.sim, body, body_ctx);
  if (x->h.cut)
    return EXPLORE_NOTHING;
  x->first_history = history_note(&x->h, 0, 0, 1, why);
  return x->first_history ? add_first(x, m) : -SBX_ENOMEM;
}

static struct world_options world_options_of(const struct exploration *x) {
  return (struct world_options){.seed = x->options.seed,
                                .wall_ns = SIM_WALL_NS,
                                .merge_relock = x->options.merge_relock,
                                .forgets_done = !x->counts_done};
}

static int open_all(struct exploration *x, struct making *m) {
  const struct world_options wo = world_options_of(x);
  const struct sim_options so = {.seed = x->options.seed,
                                 .time_stands = !x->options.clock,
                                 .tidy = true,
                                 .arena = x->options.arena,
                                 .print = histories_print,
                                 .forgot = histories_forgot,
                                 .ctx = &x->h};
  int rc = histories_open(&x->h);
  if (rc == 0 && !(x->keys = intern_new()))
    rc = -SBX_ENOMEM;
  if (rc == 0)
    rc = sim_open(&so, &x->h.sim);
  if (rc == 0)
    rc = world_new(&wo, &m->w);
  if (rc == 0)
    sim_set_world(x->h.sim, m->w);
  return rc;
}

/* Everything again, from the beginning. */
static int explore_again(struct exploration *x, struct making *m) {
  x->ends_are_steps |= x->asks_status;
  x->counts_done |= x->asks_done;
  const struct world_options wo = world_options_of(x);
  x->asks_status = x->asks_done = false;
  x->stop = STOP_COMPLETE;
  x->state_count = x->step_count = x->processes = x->kill_steps = x->dive_len = 0;
  x->found = x->harmless = false;
  x->draws = 0;
  intern_free(x->keys);
  x->keys = intern_new();
  world_free(m->w);
  m->w = NULL;
  int rc = x->keys ? world_new(&wo, &m->w) : -SBX_ENOMEM;
  if (rc)
    return rc;
  sim_set_world(x->h.sim, m->w);
  rc = add_first(x, m);
  return rc ? rc : search(x, m);
}

int explore(const struct explore_options *o, int (*body)(struct backend *b, void *ctx),
            void *body_ctx, struct exploration **ret) {
  struct making m = {0};
  struct exploration *x = calloc(1, sizeof *x);
  if (!x)
    return -SBX_ENOMEM;
  x->options = *o;
  x->choice = NO_CHOICE;
  x->counts_done = o->follow && o->follow->done;
  if (o->follow)
    x->options.kills = o->follow->kills;
  /* A kill just before its end is another end of a process. */
  x->ends_are_steps = o->follow ? o->follow->ends : o->kills > 0;
  x->began = seconds_now();
  int rc = open_all(x, &m);
  struct exploration *outer = under_way;
  under_way = x;
  if (rc == 0)
    rc = begin(x, &m, body, body_ctx);
  if (rc == 0)
    rc = o->follow ? follow_token(x, &m) : search(x, &m);
  while (rc == 0 && must_begin_again(x) && !o->follow && !reads_clock(x))
    rc = explore_again(x, &m);
  under_way = outer;
  if (rc && x->h.cut)
    note_endless(x, m.w);
  if (rc < 0 && x->h.cut) {
    x->stop = x->asked                         ? STOP_ASKED
              : x->h.cut == 1                  ? STOP_ENDLESS
              : polls_clock(x, x->h.cut_after) ? STOP_CLOCK
                                               : STOP_SPAWNS;
    rc = x->state_count > 0 ? 0 : EXPLORE_NOTHING;
  }
  if (rc == -SBX_ENOMEM && x->state_count > 0) { /* what was found is worth something */
    x->stop = STOP_BYTES;
    rc = 0;
  }
  if (rc == 0 && !o->follow && graph_misses_kills(x))
    x->stop = STOP_KILLS;
  if (rc == 0)
    rc = reads_clock(x) ? EXPLORE_READS_CLOCK : graph_judge(x);
  x->seconds = seconds_now() - x->began;
  x->world = m.w;
  if (rc == 0 && !o->follow)
    rc = graph_starve(x);
  free(m.histories);
  free(m.ages);
  if (rc) {
    exploration_free(x);
    return rc;
  }
  *ret = x;
  return 0;
}

void exploration_free(struct exploration *x) {
  if (!x)
    return;
  for (uint32_t i = 0; i < x->request_cap; i++)
    if (x->requests[i]) {
      request_close(x->requests[i]);
      free(x->requests[i]);
    }
  for (uint32_t i = 0; i < x->outcome_count; i++)
    free((void *)(uintptr_t)x->outcomes[i].text);
  free(x->circle.state);
  free(x->places);
  free(x->outcomes);
  free(x->walk.path);
  free(x->requests);
  free(x->late_subs);
  free(x->states);
  free(x->steps);
  intern_free(x->keys);
  sim_close(x->h.sim);
  histories_close(&x->h);
  world_free(x->world);
  buf_release(&x->key);
  buf_release(&x->text);
  free(x);
}
