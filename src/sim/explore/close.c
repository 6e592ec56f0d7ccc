/* sim/explore/close.c - what is done at once, since it is no step; and time. See making.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/making.h"

/* -- what is no step of its own ------------------------------------------------------------------ */

bool making_can(struct exploration *x, struct making *m, uint32_t i) {
  if (making_left(x, m, i))
    return false;
  const struct request *r = making_asks(x, m, i);
  return r && world_can(m->w, i, r) != WORLD_WAITS;
}

static bool holds_something(const struct making *m, uint32_t i) {
  struct forgotten f;
  uint32_t at = 0;
  return world_forgotten(m->w, i, &at, &f) || world_has_in_hand(m->w, i);
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
    if (r->number == 1 || slot == i || slot >= m->count)
      return true;
    world_process(m->w, slot, &p);
    x->asks_status |= p.phase != PHASE_ENDED;
    return p.phase == PHASE_ENDED;
  }
  return request_is_quiet(r);
}

/* A quiet process that can go on; EXPLORE_NONE: there is none. `ret_any`: somebody can go on. */
static uint32_t find_quiet(struct exploration *x, struct making *m, bool *ret_any) {
  *ret_any = false;
  for (uint32_t i = 0; i < m->count; i++)
    if (making_can(x, m, i)) {
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
    const struct request *r = making_left(x, m, i) ? NULL : making_asks(x, m, i);
    int64_t deadline = r ? world_deadline(m->w, i, r) : SBX_FOREVER;
    next = deadline < next ? deadline : next;
  }
  if (next == SBX_FOREVER)
    return false;
  x->timed = true;
  if (x->options.clock) {
    world_advance(m->w, next > now ? next : now);
    return true;
  }
  for (uint32_t i = 0; i < m->count; i++) {
    const struct request *r = making_left(x, m, i) ? NULL : making_asks(x, m, i);
    if (r)
      world_goes_by(m->w, i, r, next);
    int64_t until = r ? world_asked_until(m->w, i, r) : SBX_FOREVER;
    if (until > now &&
        until != SBX_FOREVER) /* one that is stopped may be late, and gets no later */
      m->ages[i] += next > now ? next - now : 0;
  }
  return true;
}

/* Has time brought the same state again? Then it does so for ever. Brent's way to find circles. */
struct circle {
  uint32_t length, limit, state; /* state: its bytes as a text; 0: none yet */
};

static int comes_back(struct exploration *x, struct making *m, struct circle *c, bool *ret) {
  int rc = making_write(x, m);
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
    if (making_left(x, m, i) || !world_interrupts(m->w, i))
      continue;
    m->histories[i] = history_interrupt(&x->h, m->histories[i], world_take_interrupts(m->w, i));
    const struct request *r = m->histories[i] ? making_asks(x, m, i) : NULL;
    if (!r)
      return -SBX_ENOMEM;
    if (!(history_of(&x->h, m->histories[i])->held & HISTORY_CANCELLED))
      continue;
    rc = world_cancel(m->w, i, r, &a);
    if (rc == 0)
      rc = making_follow(x, m, m->histories[i], i, making_answer(x, &a, r->kind));
    answer_release(&a);
  }
  return rc;
}

/* Process i goes on without an end that is seen: STOP_SPAWNS. */
static int give_up(struct exploration *x, const struct making *m, uint32_t i) {
  x->h.cut = 2;
  x->h.cut_after = m->histories[i];
  x->h.cut_index = i;
  return -SBX_ENOMEM;
}

/*
 * Do what is no step, until nothing is left but steps; and when nobody can go on, let time pass. Only a state that has come back
 * is stuck: a process that counts its sleeps may have an end.
 */
int making_close(struct exploration *x, struct making *m) {
  enum { TIMES = 100000, QUIET = 100000, PROCESSES = 2000 };
  uint32_t done = 0, passed = 0, last = 0;
  struct circle circle = {0};
  for (;;) {
    bool any;
    int told = deliver_interrupts(x, m);
    if (told)
      return told;
    uint32_t answer, quiet = find_quiet(x, m, &any);
    if (quiet != EXPLORE_NONE) {
      if (done++ == QUIET || m->count > PROCESSES || x->asked)
        return give_up(x, m, quiet);
      int rc = making_step(x, m, quiet, &answer);
      if (rc)
        return rc;
      last = quiet;
      continue;
    }
    if (any || making_left(x, m, 0) || !pass_time(x, m))
      return 0;
    int rc = comes_back(x, m, &circle, &m->stuck);
    if (rc || m->stuck)
      return rc;
    if (passed++ == TIMES)
      return give_up(x, m, last);
  }
}
