/* object/barrier.c - the state machine of barriers; see barrier.h. */
#include "object/barrier.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  uint64_t n = BARRIER_FIRST + s[BARRIER_COUNT] + 1; /* an arrival adds at most one */
  return n < SYNC_WORDS ? (uint32_t)n : SYNC_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  s[BARRIER_PARTIES] = o->count;
  s[BARRIER_ACTION] = o->action;
}

/* -- members ----------------------------------------------------------------------------------- */

static int64_t find_member(const uint64_t *s, uint64_t who) {
  for (uint64_t i = 0; i < s[BARRIER_COUNT]; i++)
    if (s[BARRIER_FIRST + i] == who)
      return (int64_t)i;
  return -1;
}

static void remove_member(uint64_t *s, uint64_t i) {
  s[BARRIER_FIRST + i] = s[BARRIER_FIRST + --s[BARRIER_COUNT]];
}

static bool member_gone(const uint64_t *s, const struct sync_world *w) {
  if (s[BARRIER_ACTOR] && world_gone(w, s[BARRIER_ACTOR]))
    return true;
  for (uint64_t i = 0; i < s[BARRIER_COUNT]; i++)
    if (world_gone(w, s[BARRIER_FIRST + i]))
      return true;
  return false;
}

/* -- rounds ------------------------------------------------------------------------------------ */

/* Tickets of the current round are above this bound. */
static uint64_t round_start(const uint64_t *s) {
  return s[BARRIER_TO] > s[BARRIER_RELEASED] ? s[BARRIER_TO] : s[BARRIER_RELEASED];
}

/* Tickets of those who arrived since the last round was complete are above this one. */
static uint64_t arrivals_start(const uint64_t *s) {
  return s[BARRIER_ACTOR] ? s[BARRIER_DUE] : round_start(s);
}

/* 1: the round is complete; 0: still waiting; -SBX_EBROKEN. */
static int outcome(const uint64_t *s, uint64_t ticket) {
  if (ticket > round_start(s))
    return 0;
  bool broken =
      ticket <= s[BARRIER_OLDEST] || (ticket > s[BARRIER_FROM] && ticket <= s[BARRIER_TO]);
  return broken ? -SBX_EBROKEN : 1;
}

static void break_round(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  s[BARRIER_OLDEST] = s[BARRIER_TO];
  s[BARRIER_FROM] = round_start(s);
  s[BARRIER_TO] = w->ops->newest(w->ctx);
  s[BARRIER_ARRIVED] = s[BARRIER_ACTOR] = s[BARRIER_DUE] = 0;
  step->wake = (uint64_t)SYNC_ALL;
}

/* Is there anybody to be told that it is broken? */
static bool has_round(const uint64_t *s) { return s[BARRIER_ARRIVED] > 0 || s[BARRIER_ACTOR]; }

/* A waiter that an earlier round has let go, and that has not left the line yet, will be back. */
static bool must_break(const uint64_t *s, const struct sync_world *w) {
  uint64_t waiting = w->ops->count(w->ctx, arrivals_start(s));
  return s[BARRIER_ARRIVED] > waiting || member_gone(s, w) ||
         (s[BARRIER_ARRIVED] > 0 && w->ops->count(w->ctx, 0) == waiting &&
          !w->ops->outsiders(w->ctx));
}

static int break_now(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  break_round(s, step, w);
  s[BARRIER_BROKEN] = 1;
  step->result = -SBX_EBROKEN;
  return 0;
}

/* -- ops --------------------------------------------------------------------------------------- */

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  if (step->kind != OP_BARRIER_WAIT || step->ticket == 0)
    return true;
  return outcome(s, step->ticket) != 0 || must_break(s, w);
}

/* The process that arrived last is to run the action: it is told 0 instead of a place. */
static int act(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  s[BARRIER_ACTOR] = step->who;
  s[BARRIER_DUE] = w->ops->newest(w->ctx);
  s[BARRIER_ARRIVED] = 0;
  step->count = 0;
  return 0;
}

/* The action is done. */
static int pass(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (s[BARRIER_ACTOR] != step->who)
    return -SBX_EBROKEN;
  s[BARRIER_RELEASED] = s[BARRIER_DUE];
  s[BARRIER_ACTOR] = s[BARRIER_DUE] = 0;
  step->count = s[BARRIER_PARTIES];
  step->wake = (uint64_t)SYNC_ALL;
  return s[BARRIER_ARRIVED] == s[BARRIER_PARTIES] ? act(s, step, w) : 0;
}

static int arrive(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (s[BARRIER_ACTOR] == step->who)
    return -SBX_EACTING;
  if (s[BARRIER_BROKEN])
    return -SBX_EBROKEN;
  if (s[BARRIER_ARRIVED] > w->ops->count(w->ctx, arrivals_start(s)) || member_gone(s, w))
    return break_now(s, step, w);
  if (s[BARRIER_ARRIVED] == s[BARRIER_PARTIES])
    return -SBX_EPARTIES; /* a round is complete, and the action of the one before is not done */
  if (find_member(s, step->who) < 0 && s[BARRIER_COUNT] < BARRIER_MEMBERS)
    s[BARRIER_FIRST + s[BARRIER_COUNT]++] = step->who;
  step->count = ++s[BARRIER_ARRIVED];
  if (s[BARRIER_ARRIVED] < s[BARRIER_PARTIES] || s[BARRIER_ACTOR])
    return w->ops->enter(w->ctx) ? SYNC_ENTERED : -SBX_ECROWD;
  if (s[BARRIER_ACTION])
    return act(s, step, w);
  s[BARRIER_RELEASED] = w->ops->newest(w->ctx);
  s[BARRIER_ARRIVED] = 0;
  step->wake = (uint64_t)SYNC_ALL;
  return 0;
}

static int wait(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (step->ticket == 0)
    return arrive(s, step, w);
  int rc = outcome(s, step->ticket);
  if (rc == 0)
    return break_now(s, step, w);
  return rc < 0 ? rc : 0;
}

static int reset(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (has_round(s))
    break_round(s, step, w);
  s[BARRIER_BROKEN] = 0;
  for (uint64_t i = s[BARRIER_COUNT]; i-- > 0;)
    if (world_gone(w, s[BARRIER_FIRST + i]))
      remove_member(s, i);
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  switch (step->kind) {
  case OP_BARRIER_WAIT:
    return wait(s, step, w);
  case OP_BARRIER_PASS:
    return pass(s, step, w);
  case OP_BARRIER_RESET:
    return reset(s, step, w);
  case OP_BARRIER_ABORT:
    if (has_round(s))
      break_round(s, step, w);
    s[BARRIER_BROKEN] = 1;
    return 0;
  default:
    return -SBX_EINVAL;
  }
}

static bool give_up(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (step->kind != OP_BARRIER_WAIT || step->ticket <= round_start(s))
    return false; /* the round has been decided already */
  break_round(s, step, w);
  s[BARRIER_BROKEN] = 1;
  return true;
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  int64_t i = find_member(s, step->who);
  if (s[BARRIER_ACTOR] == step->who) { /* in the middle of the action */
    s[BARRIER_ACTOR] = SYNC_ABANDONED;
    step->wake = (uint64_t)SYNC_ALL;
    return true;
  }
  if (i < 0 || how == END_OF_CODE)
    return false;
  if (how == END_FAILED) {
    s[BARRIER_FIRST + i] = SYNC_ABANDONED;
    step->wake = (uint64_t)SYNC_ALL;
  } else {
    remove_member(s, (uint64_t)i);
  }
  return true;
}

static uint32_t watch(const uint64_t *s, uint64_t ret[SYNC_WORDS]) {
  for (uint64_t i = 0; i < s[BARRIER_COUNT]; i++)
    ret[i] = s[BARRIER_FIRST + i];
  ret[s[BARRIER_COUNT]] = s[BARRIER_ACTOR];
  return (uint32_t)s[BARRIER_COUNT] + (s[BARRIER_ACTOR] != 0);
}

/* Bounds are only ever compared with tickets and with each other, so ranks serve as well. */
static void canonical(uint64_t *s, const struct sync_world *w) {
  for (int word = BARRIER_OLDEST; word <= BARRIER_DUE; word++)
    s[word] = world_rank(w, s[word]);
  if (s[BARRIER_OLDEST] > s[BARRIER_FROM]) /* the range that starts at FROM covers it */
    s[BARRIER_OLDEST] = s[BARRIER_FROM];
  if (s[BARRIER_ACTOR] && world_gone(w, s[BARRIER_ACTOR]))
    s[BARRIER_ACTOR] = SYNC_ABANDONED;
  bool gone = false;
  for (uint64_t i = s[BARRIER_COUNT]; i-- > 0;)
    if (world_gone(w, s[BARRIER_FIRST + i])) {
      remove_member(s, i);
      gone = true;
    }
  if (gone)
    s[BARRIER_FIRST + s[BARRIER_COUNT]++] = SYNC_ABANDONED;
  sync_sort(&s[BARRIER_FIRST], s[BARRIER_COUNT]);
  for (uint64_t i = s[BARRIER_COUNT]; i < BARRIER_MEMBERS; i++)
    s[BARRIER_FIRST + i] = 0;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  ret->holder = s[BARRIER_ACTOR] && !world_gone(w, s[BARRIER_ACTOR]) ? s[BARRIER_ACTOR] : 0;
  ret->count = s[BARRIER_ARRIVED];
  ret->max = s[BARRIER_PARTIES];
  ret->set = s[BARRIER_BROKEN];
}

const struct sync_machine barrier_machine = {
    .type = OBJECT_BARRIER,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .give_up = give_up,
    .leave = leave,
    .watch = watch,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
