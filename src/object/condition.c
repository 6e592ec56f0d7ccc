/* object/condition.c - the state machine of conditions; see condition.h. */
#include "object/condition.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return CONDITION_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  (void)s;
  (void)o;
}

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  (void)w;
  return step->kind != OP_CONDITION_WAIT || step->ticket == 0 || step->ticket <= s[CONDITION_BOUND];
}

static int wait(struct sync_step *step, const struct sync_world *w) {
  if (step->ticket)
    return 0;
  return w->ops->enter(w->ctx) ? SYNC_ENTERED : -SBX_ECROWD;
}

static int notify(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  uint64_t bound = s[CONDITION_BOUND], last = w->ops->nth(w->ctx, bound, step->count);
  if (last == 0)
    return 0; /* nobody waits: the notification is lost */
  step->wake = step->count;
  step->wake_after = bound;
  s[CONDITION_BOUND] = last;
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  switch (step->kind) {
  case OP_CONDITION_WAIT:
    return wait(step, w);
  case OP_CONDITION_NOTIFY:
    return notify(s, step, w);
  default:
    return -SBX_EINVAL;
  }
}

/* A waiter that was notified is interrupted before it could go on: pass its notification on. */
static bool give_up(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (step->kind != OP_CONDITION_WAIT || step->ticket == 0 || step->ticket > s[CONDITION_BOUND])
    return false;
  step->count = 1;
  notify(s, step, w);
  return step->wake > 0;
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  s[CONDITION_BOUND] = world_rank(w, s[CONDITION_BOUND]);
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  ret->waiting = w->ops->count(w->ctx, s[CONDITION_BOUND]);
}

const struct sync_machine condition_machine = {
    .type = OBJECT_CONDITION,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .give_up = give_up,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
