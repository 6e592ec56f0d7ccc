/* sim/explore/explore.c - building the graph; see explore.h. What is told of it is in judge.c. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "sim/explore/graph.h"
#include "sim/explore/token.h"

enum { STATES_MAX = 2000000 };

/* -- states as bytes ----------------------------------------------------------------------------- */

/* A state that is being made. */
struct making {
  struct world *w;
  uint32_t *histories; /* of each process; cap of them */
  int64_t *ages;       /* the time that each has waited in an op with a deadline; cap */
  uint32_t count, cap;
  bool stuck; /* as in struct explore_state */
};

static int make_room(struct making *m, uint32_t count) {
  if (count <= m->cap)
    return 0;
  uint32_t *grown = realloc(m->histories, 2 * count * sizeof *grown);
  if (grown)
    m->histories = grown;
  int64_t *ages = grown ? realloc(m->ages, 2 * count * sizeof *ages) : NULL;
  if (!ages)
    return -SBX_ENOMEM;
  m->ages = ages;
  m->cap = 2 * count;
  return 0;
}

void graph_state_parts(const struct exploration *x, uint32_t state, struct state_parts *ret) {
  size_t len;
  const uint8_t *bytes = intern_get(x->keys, state + 1, &len), *end = bytes + len;
  uint32_t count;
  memcpy(&count, end - sizeof count, sizeof count);
  end -= sizeof count + count * sizeof(uint32_t);
  *ret = (struct state_parts){
      .world = bytes, .histories = end, .ages = end - count * sizeof(int64_t), .count = count};
  ret->len = (size_t)(ret->ages - bytes);
}

static int load(const struct exploration *x, uint32_t state, struct making *m) {
  struct state_parts p;
  graph_state_parts(x, state, &p);
  int rc = make_room(m, p.count);
  if (rc)
    return rc;
  memcpy(m->histories, p.histories, p.count * sizeof *m->histories);
  memcpy(m->ages, p.ages, p.count * sizeof *m->ages);
  m->count = p.count;
  m->stuck = false;
  return world_load(m->w, p.world, p.len);
}

static int write_state(struct exploration *x, struct making *m) {
  x->key.len = 0;
  int rc = world_save(m->w, &x->key);
  if (rc == 0)
    rc = buf_append(&x->key, m->ages, m->count * sizeof *m->ages);
  if (rc == 0)
    rc = buf_append(&x->key, m->histories, m->count * sizeof *m->histories);
  return rc ? rc : buf_append(&x->key, &m->count, sizeof m->count);
}

static int add_state(struct exploration *x, struct making *m, uint32_t *ret) {
  bool is_new;
  int rc = write_state(x, m);
  if (rc)
    return rc;
  uint32_t id = intern_put(x->keys, x->key.data, x->key.len, &is_new);
  if (!id)
    return -SBX_ENOMEM;
  *ret = id - 1;
  if (!is_new)
    return 0;
  if (x->state_count == x->state_cap) {
    uint32_t cap = x->state_cap ? 2 * x->state_cap : 1024;
    struct explore_state *grown = realloc(x->states, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    x->states = grown;
    x->state_cap = cap;
  }
  x->states[x->state_count++] = (struct explore_state){.end = EXPLORE_OPEN, .stuck = m->stuck};
  if (m->count > x->processes)
    x->processes = m->count;
  return 0;
}

static int add_step(struct exploration *x, uint32_t process, uint32_t to, uint32_t answer) {
  if (x->step_count == x->step_cap) {
    uint32_t cap = x->step_cap ? 2 * x->step_cap : 4096;
    struct explore_step *grown = realloc(x->steps, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    x->steps = grown;
    x->step_cap = cap;
  }
  x->steps[x->step_count++] =
      (struct explore_step){.to = to, .answer = answer, .process = (uint16_t)process};
  return 0;
}

/* -- processes ----------------------------------------------------------------------------------- */

static bool has_left(const struct exploration *x, const struct making *m, uint32_t i) {
  struct world_process p;
  if (history_of(&x->h, m->histories[i])->image == 0)
    return true;
  world_process(m->w, i, &p);
  return p.phase == PHASE_ENDED;
}

/* The request of a history, opened once. */
const struct request *graph_request(struct exploration *x, uint32_t history) {
  if (history >= x->request_cap) {
    uint32_t cap = 2 * history + 64;
    struct request **grown = realloc(x->requests, cap * sizeof(struct request *));
    if (!grown)
      return NULL;
    memset(grown + x->request_cap, 0, (cap - x->request_cap) * sizeof(struct request *));
    x->requests = grown;
    x->request_cap = cap;
  }
  if (!x->requests[history]) {
    struct request *r = malloc(sizeof *r);
    if (r && exploration_request(x, history, r)) {
      free(r);
      r = NULL;
    }
    x->requests[history] = r;
  }
  return x->requests[history];
}

/* What process `i` asks, with the deadlines that it has by now. Valid until the next call. */
static const struct request *asked_by(struct exploration *x, const struct making *m, uint32_t i) {
  const struct request *r = graph_request(x, m->histories[i]);
  if (!r || m->ages[i] == 0)
    return r;
  x->late = *r;
  if (r->deadline_ns != SBX_FOREVER)
    x->late.deadline_ns -= m->ages[i];
  if (r->sub_count == 0)
    return &x->late;
  struct request *subs = realloc(x->late_subs, r->sub_count * sizeof *subs);
  if (!subs)
    return NULL;
  x->late_subs = x->late.subs = subs;
  for (uint32_t k = 0; k < r->sub_count; k++) {
    subs[k] = r->subs[k];
    if (subs[k].kind == OP_CLOCK_SLEEP && subs[k].deadline_ns != SBX_FOREVER)
      subs[k].deadline_ns -= m->ages[i];
  }
  return &x->late;
}

/* A process has stopped, with this history: it asks, or has left. */
static int settle(struct exploration *x, struct making *m, uint32_t i) {
  const struct history *h = history_of(&x->h, m->histories[i]);
  if (h->image == 0) {
    int32_t status;
    memcpy(&status, intern_get(x->h.texts, h->request, NULL), sizeof status);
    world_exit(m->w, i, status, 0);
    return 0;
  }
  const struct request *r = graph_request(x, m->histories[i]);
  if (!r)
    return -SBX_ENOMEM;
  x->asks_done |= r->kind == OP_QUEUE_TASK_DONE || r->kind == OP_QUEUE_JOIN;
  return world_ask(m->w, i, r);
}

static uint32_t answer_text(struct exploration *x, const struct answer *a, enum op_kind kind) {
  x->text.len = 0;
  if (answer_write(a, kind, &x->text))
    return 0;
  return intern_put(x->h.texts, x->text.data, x->text.len, NULL);
}

static int follow(struct exploration *x, struct making *m, uint32_t before, uint32_t i,
                  uint32_t answer) {
  struct world_process p;
  world_process(m->w, i, &p);
  uint32_t after = answer ? history_follow(&x->h, before, answer, i, p.serial) : 0;
  if (!after)
    return -SBX_ENOMEM;
  m->histories[i] = after;
  m->ages[i] = 0;
  return settle(x, m, i);
}

/* The spawned process is its parent, told so. */
static int be_born(struct exploration *x, struct making *m, uint32_t parent,
                   const struct answer *told) {
  struct answer a = *told;
  uint32_t i = m->count;
  int rc = make_room(m, i + 1);
  if (rc)
    return rc;
  m->ages[m->count++] = 0;
  a.number = 0;
  return follow(x, m, m->histories[parent], i, answer_text(x, &a, OP_PROCESS_SPAWN));
}

enum { NO_CHOICE = -1 };

/* -- the choice of a select ---------------------------------------------------------------------- */

static struct request *late_subs(struct exploration *x, uint32_t count) {
  struct request *subs = realloc(x->late_subs, count * sizeof *subs);
  if (subs)
    x->late_subs = subs;
  return subs;
}

/* The select with the chosen op before the others: it is the one that is done. */
static const struct request *chosen_first(struct exploration *x, const struct request *r) {
  struct request chosen = r->subs[x->choice];
  const struct request *from = r->subs == x->late_subs ? NULL : r->subs;
  struct request *subs = late_subs(x, r->sub_count);
  if (!subs)
    return NULL;
  if (from)
    memcpy(subs, from, r->sub_count * sizeof *subs);
  subs[x->choice] = subs[0];
  subs[0] = chosen;
  if (r != &x->late)
    x->late = *r;
  x->late.subs = subs;
  return &x->late;
}

/* Could a select of process `i` take its op k now, if it tried no other? */
static bool is_ready(struct exploration *x, struct making *m, uint32_t i, uint32_t k) {
  const struct request *r = asked_by(x, m, i);
  if (!r)
    return false;
  struct request one = *r;
  one.subs = &r->subs[k];
  one.sub_count = 1;
  one.deadline_ns = SBX_FOREVER;
  return world_can(m->w, i, &one) == WORLD_GOES;
}

/* The next op, from `k` on, that a select may choose. NO_CHOICE: there is none, or nothing to choose,
 * since it is no select, or one that takes the first. */
static int next_choice(struct exploration *x, struct making *m, uint32_t i, uint32_t k) {
  const struct request *r = graph_request(x, m->histories[i]);
  if (!r || r->kind != OP_SELECT || r->count == 1)
    return NO_CHOICE;
  for (; k < r->sub_count; k++)
    if (is_ready(x, m, i, k))
      return (int)k;
  return NO_CHOICE;
}

/* Process `i` takes a step. `ret_answer`: 0 if its op is not over. */
static int take_step(struct exploration *x, struct making *m, uint32_t i, uint32_t *ret_answer) {
  struct answer a = {0};
  const struct request *r = asked_by(x, m, i);
  *ret_answer = 0;
  if (r && x->choice != NO_CHOICE)
    r = chosen_first(x, r);
  if (!r)
    return -SBX_ENOMEM;
  if (op_describe(r->kind)->type == OBJECT_PROCESS)
    x->asks_status |= graph_asks_status(r);
  x->reads_clock |= r->kind == OP_CLOCK_NOW || r->kind == OP_CLOCK_WALL;
  int rc = world_step(m->w, i, r, &a);
  if (rc == WORLD_GOES_ON)
    return 0;
  if (rc == 0 && x->choice != NO_CHOICE)
    a.number = (int)x->choice;
  if (rc == 0 && (*ret_answer = answer_text(x, &a, r->kind)) == 0)
    rc = -SBX_ENOMEM;
  if (rc == 0 && r->kind == OP_PROCESS_SPAWN && a.rc == 0)
    rc = be_born(x, m, i, &a);
  if (rc == 0 && !has_left(x, m, i))
    rc = follow(x, m, m->histories[i], i, *ret_answer);
  answer_release(&a);
  return rc;
}

/* -- what is no step of its own ------------------------------------------------------------------ */

static bool can(struct exploration *x, struct making *m, uint32_t i) {
  if (has_left(x, m, i))
    return false;
  const struct request *r = asked_by(x, m, i);
  return r && world_can(m->w, i, r) != WORLD_WAITS;
}

static bool holds_something(const struct making *m, uint32_t i) {
  struct forgotten f;
  uint32_t at = 0;
  return world_forgotten(m->w, i, &at, &f);
}

/* Is it done at once, as soon as it can be? */
static bool is_quiet(struct exploration *x, const struct making *m, uint32_t i) {
  const struct request *r = graph_request(x, m->histories[i]);
  if (!r)
    return false;
  if (r->kind == OP_PROCESS_AWAIT) /* the end of its code: it lets go of locks */
    return !holds_something(m, i);
  if (r->kind == OP_PROCESS_END)
    return !x->ends_are_steps && !holds_something(m, i);
  if (r->kind == OP_PROCESS_LOOK) {
    struct world_process p;
    uint32_t slot = r->object.slot;
    if (r->number || slot == i || slot >= m->count)
      return true;
    world_process(m->w, slot, &p);
    x->asks_status |= p.phase != PHASE_ENDED;
    return p.phase == PHASE_ENDED;
  }
  return graph_is_quiet(r);
}

/* A quiet process that can go on; EXPLORE_NONE: there is none. `ret_any`: somebody can go on. */
static uint32_t find_quiet(struct exploration *x, struct making *m, bool *ret_any) {
  *ret_any = false;
  for (uint32_t i = 0; i < m->count; i++)
    if (can(x, m, i)) {
      *ret_any = true;
      if (is_quiet(x, m, i))
        return i;
    }
  return EXPLORE_NONE;
}

/* Let time pass until somebody can go on. False: nobody waits for a time. */
static bool pass_time(struct exploration *x, struct making *m) {
  int64_t next = SBX_FOREVER, now = world_now(m->w);
  for (uint32_t i = 0; i < m->count; i++) {
    const struct request *r = has_left(x, m, i) ? NULL : asked_by(x, m, i);
    int64_t deadline = r ? world_deadline(m->w, i, r) : SBX_FOREVER;
    next = deadline < next ? deadline : next;
  }
  if (next == SBX_FOREVER)
    return false;
  if (x->options.clock) {
    world_advance(m->w, next > now ? next : now);
    return true;
  }
  for (uint32_t i = 0; i < m->count; i++) {
    const struct request *r = has_left(x, m, i) ? NULL : graph_request(x, m->histories[i]);
    if (r && world_deadline(m->w, i, r) != SBX_FOREVER)
      m->ages[i] += next > now ? next - now : 0;
  }
  return true;
}

/* Has time brought the same state again? Then it does so for ever. Brent's way to find circles. */
struct circle {
  uint32_t length, limit, state; /* state: its bytes as a text; 0: none yet */
};

static int comes_back(struct exploration *x, struct making *m, struct circle *c, bool *ret) {
  int rc = write_state(x, m);
  if (rc)
    return rc;
  *ret = c->state && intern_find(x->h.texts, x->key.data, x->key.len) == c->state;
  if (*ret || c->length++ < c->limit)
    return 0;
  c->state = intern_put(x->h.texts, x->key.data, x->key.len, NULL);
  c->limit = 2 * c->limit + 1;
  c->length = 0;
  return c->state ? 0 : -SBX_ENOMEM;
}

/* An interrupt that is under way arrives at once. */
static int deliver_interrupts(struct exploration *x, struct making *m) {
  int rc = 0;
  for (uint32_t i = 0; i < m->count && rc == 0; i++) {
    struct answer a = {0};
    if (has_left(x, m, i) || !world_interrupts(m->w, i))
      continue;
    m->histories[i] = history_interrupt(&x->h, m->histories[i], world_take_interrupts(m->w, i));
    const struct request *r = m->histories[i] ? asked_by(x, m, i) : NULL;
    if (!r)
      return -SBX_ENOMEM;
    if (!(history_of(&x->h, m->histories[i])->held & HISTORY_CANCELLED))
      continue;
    rc = world_cancel(m->w, i, r, &a);
    if (rc == 0)
      rc = follow(x, m, m->histories[i], i, answer_text(x, &a, r->kind));
    answer_release(&a);
  }
  return rc;
}

/* Do what is no step, until nothing is left but steps; and when nobody can go on, let time pass. */
static int close_state(struct exploration *x, struct making *m) {
  enum { MOST = 100000 }; /* times; a process that counts its sleeps never comes back */
  enum { QUIET = 100000, PROCESSES = 2000 };
  uint32_t done = 0;
  struct circle circle = {0};
  for (uint32_t passed = 0; passed < MOST;) {
    bool any;
    int told = deliver_interrupts(x, m);
    if (told)
      return told;
    uint32_t answer, quiet = find_quiet(x, m, &any);
    if (quiet != EXPLORE_NONE) {
      if (done++ == QUIET || m->count > PROCESSES || x->asked) {
        x->h.cut = 2;
        x->h.cut_after = m->histories[quiet];
        return -SBX_ENOMEM;
      }
      int rc = take_step(x, m, quiet, &answer);
      if (rc)
        return rc;
      continue;
    }
    if (any || has_left(x, m, 0) || !pass_time(x, m))
      return 0;
    passed++;
    int rc = comes_back(x, m, &circle, &m->stuck);
    if (rc || m->stuck)
      return rc;
  }
  m->stuck = true;
  return 0;
}

/* -- the search ---------------------------------------------------------------------------------- */

static enum explore_end end_of(struct exploration *x, const struct making *m) {
  struct world_process p;
  bool held = false;
  if (!has_left(x, m, 0))
    return EXPLORE_DEADLOCK;
  world_process(m->w, 0, &p);
  if (p.exit_code != 0 || p.signal)
    return EXPLORE_ERROR;
  const uint8_t *report;
  size_t len;
  uint32_t at = 0;
  if (world_report(m->w, &at, &report, &len)) /* a failure that nobody looked at */
    return EXPLORE_ERROR;
  for (uint32_t i = 0; i < m->count; i++)
    held |= history_of(&x->h, m->histories[i])->held & HISTORY_HELD;
  return held ? EXPLORE_HELD : EXPLORE_WELL;
}

/* Find the steps of a state. */
static int look_step(struct exploration *x, struct making *m, uint32_t i) {
  uint32_t answer, to;
  int rc = take_step(x, m, i, &answer);
  x->choice = NO_CHOICE;
  if (rc == 0)
    rc = close_state(x, m);
  if (rc == 0)
    rc = add_state(x, m, &to);
  return rc ? rc : add_step(x, i, to, answer);
}

/* The steps of process `i`: one, or one for each op that a select may choose. */
static int look_at_process(struct exploration *x, uint32_t state, struct making *m, uint32_t i) {
  int rc = load(x, state, m);
  if (rc || !can(x, m, i))
    return rc;
  int choice = next_choice(x, m, i, 0);
  do {
    int after = choice == NO_CHOICE ? NO_CHOICE : next_choice(x, m, i, (uint32_t)choice + 1);
    x->choice = choice;
    rc = look_step(x, m, i);
    choice = after;
    if (rc == 0 && choice != NO_CHOICE)
      rc = load(x, state, m);
  } while (rc == 0 && choice != NO_CHOICE);
  return rc;
}

static int look_at(struct exploration *x, uint32_t state, struct making *m) {
  uint32_t first = x->step_count;
  int rc = load(x, state, m);
  if (rc)
    return rc;
  uint32_t count = m->count;
  bool over = has_left(x, m, 0) || x->states[state].stuck;
  for (uint32_t i = 0; i < count && !over && rc == 0; i++)
    rc = look_at_process(x, state, m, i);
  struct explore_state *s = &x->states[state];
  s->looked_at = rc == 0;
  s->first = first;
  s->count = x->step_count - first;
  if (rc == 0 && s->count == 0) {
    rc = load(x, state, m);
    s->end = s->stuck ? EXPLORE_STUCK : (uint8_t)end_of(x, m);
  }
  return rc;
}

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t bytes_of(const struct exploration *x) {
  return intern_bytes(x->keys) + intern_bytes(x->h.texts) + intern_bytes(x->h.all) +
         sim_bytes(x->h.sim) + x->state_cap * sizeof *x->states + x->step_cap * sizeof *x->steps;
}

/* Is it time to stop? */
static bool stops(struct exploration *x, uint32_t looked) {
  const struct explore_options *o = &x->options;
  uint32_t most = o->states_max ? o->states_max : STATES_MAX;
  size_t bytes = o->bytes_max ? o->bytes_max : (size_t)2 << 30;
  if (x->state_count > most)
    x->stop = STOP_STATES;
  else if (looked % 64 == 0 && bytes_of(x) > bytes)
    x->stop = STOP_BYTES;
  else if (looked % 64 == 0 && o->seconds_max > 0 && seconds_now() - x->began > o->seconds_max)
    x->stop = STOP_SECONDS;
  else if (looked % 256 == 0 && o->progress &&
           o->progress(o->ctx, x->state_count, intern_count(x->h.all)))
    x->stop = STOP_ASKED;
  return x->stop != STOP_COMPLETE;
}

static bool reads_clock(const struct exploration *x) { return x->reads_clock && !x->options.clock; }

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

uint32_t exploration_endless(const struct exploration *x) {
  return x->h.cut_after ? x->h.cut_after : EXPLORE_NONE;
}

/* Somebody asks how processes stand, and their ends were no steps so far; or which items are done, and
 * states did not say that. */
static bool must_begin_again(const struct exploration *x) {
  return (x->asks_status && !x->ends_are_steps) || (x->asks_done && !x->counts_done);
}

static int search(struct exploration *x, struct making *m) {
  int rc = 0;
  for (uint32_t s = 0;
       s < x->state_count && rc == 0 && !must_begin_again(x) && !reads_clock(x) && !stops(x, s);
       s++)
    rc = look_at(x, s, m);
  return rc;
}

/* Which step of the present state the token wants; EXPLORE_NONE: one that is not there. */
static uint32_t wanted(struct exploration *x, uint32_t *turn) {
  const struct token *t = x->options.follow;
  if (*turn == t->count || t->turns[*turn].step != x->walk.len + 1)
    return walk_default(x, &x->walk);
  x->cannot = t->turns[(*turn)++].process;
  return walk_step_of(x, x->walk.state, x->cannot);
}

/* One path only. */
static int follow_token(struct exploration *x, struct making *m) {
  const struct token *t = x->options.follow;
  struct walk *w = &x->walk;
  uint32_t turn = 0, k = 0;
  int rc = 0;
  *w = WALK_BEGIN;
  while (rc == 0 && !stops(x, w->len) && (turn < t->count || !w->again)) {
    if (!x->states[w->state].looked_at)
      rc = look_at(x, w->state, m);
    if (rc || x->states[w->state].count == 0)
      break;
    if ((k = wanted(x, &turn)) == EXPLORE_NONE)
      break;
    rc = walk_take(x, w, k);
  }
  if (x->stop == STOP_COMPLETE)
    x->stop = STOP_FOLLOWED;
  x->differs = k == EXPLORE_NONE       ? FOLLOW_CANNOT
               : turn < t->count       ? FOLLOW_SHORT
               : walk_sum(w) != t->sum ? FOLLOW_SUM
                                       : FOLLOW_WELL;
  return rc;
}

/* The first state: main has run up to its first step. */
static int add_first(struct exploration *x, struct making *m) {
  uint32_t state;
  m->count = 1;
  m->ages[0] = 0;
  m->histories[0] = x->first_history;
  int rc = settle(x, m, 0);
  if (rc == 0)
    rc = close_state(x, m);
  return rc ? rc : add_state(x, m, &state);
}

static int begin(struct exploration *x, struct making *m, int (*body)(struct backend *b, void *ctx),
                 void *body_ctx) {
  int rc = make_room(m, 1);
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
  x->state_count = x->step_count = x->processes = 0;
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
  x->ends_are_steps = o->follow && o->follow->ends;
  x->counts_done = o->follow && o->follow->done;
  x->began = seconds_now();
  int rc = open_all(x, &m);
  struct exploration *outer = under_way;
  under_way = x;
  if (rc == 0)
    rc = begin(x, &m, body, body_ctx);
  if (rc == 0)
    rc = o->follow ? follow_token(x, &m) : search(x, &m);
  while (rc == 0 && must_begin_again(x) && !o->follow)
    rc = explore_again(x, &m);
  under_way = outer;
  if (rc < 0 && x->h.cut) {
    x->stop = x->asked ? STOP_ASKED : x->h.cut == 2 ? STOP_SPAWNS : STOP_ENDLESS;
    rc = x->state_count > 0 ? 0 : EXPLORE_NOTHING;
  }
  if (rc == -SBX_ENOMEM && x->state_count > 0) { /* what was found is worth something */
    x->stop = STOP_BYTES;
    rc = 0;
  }
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
