/*
 * sim/explore/cure.c - the script as it would be with a mistake mended; see struct explore_cure.
 *
 * One step: the process that does the first op of some lines goes on until it leaves them, as one
 * step. It can take that only if each of the ops can be done: nobody waits in the middle.
 *
 * Lock order: a process that takes several locks one after the other is followed beforehand, up to the
 * last of them. In place of each of these histories comes one that asks for the locks in their order;
 * the last leads to the history that has all of them. Nothing but sleeping may be done between.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/making.h"

static bool has(const struct exploration *x, enum explore_cure_kind kind) {
  return x->options.cure && x->options.cure->kind == kind;
}

/* -- some lines in one step ---------------------------------------------------------------------- */

/* Where a process is; in lines number `k` of the cure, 4 * k is added. */
enum place {
  UNKNOWN,
  OUTSIDE,
  INSIDE,
  FIRST /* INSIDE, about to do the op with which they begin */
};

static uint8_t find_place(struct exploration *x, uint32_t history) {
  char where[WHERE_MAX];
  exploration_where(x, history, where);
  char *colon = strrchr(where, ':');
  if (!colon)
    return OUTSIDE;
  *colon = '\0';
  int line = atoi(colon + 1);
  for (uint32_t k = 0; k < CURE_LINES; k++) {
    const struct explore_lines *l = &x->options.cure->lines[k];
    if (strcmp(where, l->source) != 0 || line < l->first || line > l->last)
      continue;
    const struct request *r = line == l->first ? graph_request(x, history) : NULL;
    return (uint8_t)(4 * k + (r && r->kind == l->begins ? FIRST : INSIDE));
  }
  return OUTSIDE;
}

static uint8_t place_of(struct exploration *x, uint32_t history) {
  if (history >= x->place_cap) {
    uint32_t cap = 2 * history + 64;
    uint8_t *grown = realloc(x->places, cap);
    if (!grown)
      return UNKNOWN;
    memset(grown + x->place_cap, UNKNOWN, cap - x->place_cap);
    x->places = grown;
    x->place_cap = cap;
  }
  if (x->places[history] == UNKNOWN)
    x->places[history] = find_place(x, history);
  return x->places[history];
}

/* OUTSIDE, too, if the process is not about to do an op of the script. */
static uint8_t place(struct exploration *x, const struct making *m, uint32_t i) {
  const struct request *r = making_left(x, m, i) ? NULL : graph_request(x, m->histories[i]);
  bool asks = r && r->kind != OP_PROCESS_AWAIT && r->kind != OP_PROCESS_END;
  return asks ? place_of(x, m->histories[i]) : OUTSIDE;
}

/* Can its op be done now, without waiting? To begin a wait for a condition is an end. */
static bool can_be_done(struct exploration *x, struct making *m, uint32_t i) {
  const struct request *r = making_asks(x, m, i);
  if (!r)
    return false;
  x->cure_unsure |= r->kind == OP_SELECT;
  enum world_can can = world_can(m->w, i, r);
  if (can == WORLD_ENDS || r->kind == OP_CONDITION_WAIT || r->kind == OP_BARRIER_WAIT)
    return can != WORLD_WAITS;
  struct request now = *r;
  now.deadline_ns = INT64_MIN; /* to get in line is to wait */
  if (world_can(m->w, i, &now) == WORLD_GOES)
    return true;
  x->cure_unsure |= r->deadline_ns != SBX_FOREVER; /* time might pass in the middle */
  return false;
}

int cure_step(struct exploration *x, struct making *m, uint32_t i, uint32_t *ret_answer,
              bool *ret_blocked) {
  enum { MOST = 10000 };
  uint8_t first = has(x, CURE_ONE_STEP) ? place(x, m, i) : OUTSIDE;
  bool whole = first % 4 == FIRST;
  int rc = making_step(x, m, i, ret_answer);
  uint32_t answer = *ret_answer;
  x->choice = NO_CHOICE;
  *ret_blocked = false;
  for (int n = 0; whole && rc == 0 && answer && place(x, m, i) == first - FIRST + INSIDE; n++) {
    x->cure_used = true;
    x->cure_unsure |= n == MOST;
    *ret_blocked = n == MOST || !can_be_done(x, m, i);
    if (*ret_blocked)
      break;
    rc = making_step(x, m, i, &answer);
  }
  return rc;
}

void cure_stopped(struct exploration *x, const struct making *m) {
  for (uint32_t i = 0; i < m->count; i++) {
    const struct request *r = making_left(x, m, i) ? NULL : making_asks(x, m, i);
    x->cure_unsure |= r && world_deadline(m->w, i, r) != SBX_FOREVER;
  }
}

/* -- locks in their order ------------------------------------------------------------------------ */

enum { CHAIN = 16 };

/* Histories one after the other: the process takes a lock, or sleeps. */
struct chain {
  uint32_t history[CHAIN + 1], answer[CHAIN];
  uint32_t lock[CHAIN]; /* which of the histories take one */
  uint32_t count, locks;
};

static uint32_t lock_of(struct exploration *x, uint32_t history) {
  const struct history *h = history_of(&x->h, history);
  const struct request *r = h->image ? graph_request(x, history) : NULL;
  bool takes = r && r->kind == OP_LOCK_ACQUIRE && r->deadline_ns == SBX_FOREVER;
  return takes ? r->object.slot : EXPLORE_NONE;
}

static bool sleeps(struct exploration *x, uint32_t history) {
  const struct history *h = history_of(&x->h, history);
  const struct request *r = h->image ? graph_request(x, history) : NULL;
  return r && r->kind == OP_CLOCK_SLEEP;
}

/* -SBX_ENOMEM */
static int follow_chain(struct exploration *x, uint32_t history, uint32_t i, uint64_t serial,
                        struct chain *c) {
  const struct answer done = {0};
  uint32_t last = 0; /* behind the last lock */
  *c = (struct chain){.history = {history}};
  for (uint32_t n = 0; n < CHAIN; n++) {
    bool takes = lock_of(x, c->history[n]) != EXPLORE_NONE;
    if (!takes && !sleeps(x, c->history[n]))
      break;
    c->answer[n] = making_answer(x, &done, graph_request(x, c->history[n])->kind);
    if (!c->answer[n])
      return -SBX_ENOMEM;
    c->history[n + 1] = history_follow(&x->h, c->history[n], c->answer[n], i, serial);
    if (!c->history[n + 1])
      return -SBX_ENOMEM;
    if (takes) {
      c->lock[c->locks++] = n;
      last = n + 1;
    }
  }
  c->count = last;
  return 0;
}

/* Which of the locks comes n-th in their order, that in which they were made. */
static uint32_t lock_in_order(struct exploration *x, const struct chain *c, uint32_t n) {
  for (uint32_t k = 0; k < c->locks; k++) {
    uint32_t before = 0, lock = lock_of(x, c->history[c->lock[k]]);
    for (uint32_t j = 0; j < c->locks; j++) {
      uint32_t other = lock_of(x, c->history[c->lock[j]]);
      before += other < lock || (other == lock && j < k);
    }
    if (before == n)
      return c->history[c->lock[k]];
  }
  return c->history[c->lock[n]];
}

int cure_reorder(struct exploration *x, struct making *m, uint32_t i) {
  struct world_process p;
  struct chain c;
  uint32_t history = m->histories[i], after;
  if (!has(x, CURE_LOCK_ORDER) || (history_of(&x->h, history)->held & HISTORY_REORDERED) ||
      lock_of(x, history) == EXPLORE_NONE)
    return 0;
  world_process(m->w, i, &p);
  int rc = follow_chain(x, history, i, p.serial, &c);
  bool in_order = true;
  for (uint32_t n = 0; n < c.locks && rc == 0; n++)
    in_order &= lock_in_order(x, &c, n) == c.history[c.lock[n]];
  if (rc || in_order)
    return rc;
  x->cure_used = true;
  after = c.history[c.count];
  for (uint32_t n = c.count, lock = c.locks; n-- > 0;) {
    bool takes = lock > 0 && c.lock[lock - 1] == n;
    uint32_t asks = takes ? lock_in_order(x, &c, --lock) : c.history[n];
    after = history_instead(&x->h, c.history[n], asks, c.answer[n], after);
    if (!after)
      return -SBX_ENOMEM;
  }
  m->histories[i] = after;
  return 0;
}

void cure_answered(struct exploration *x, uint32_t history, uint32_t answer) {
  const struct history *h = history_of(&x->h, history);
  if ((h->held & HISTORY_REORDERED) && !history_is_followed(&x->h, history, answer))
    x->cure_unsure = true;
}
