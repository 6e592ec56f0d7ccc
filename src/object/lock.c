/* object/lock.c - the state machine of locks; see lock.h. */
#include "object/lock.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return LOCK_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) { s[LOCK_RECURSIVE] = o->recursive; }

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  uint64_t owner = s[LOCK_OWNER];
  if (step->kind != OP_LOCK_ACQUIRE || owner == 0)
    return true;
  if (owner == step->who)
    return s[LOCK_RECURSIVE] || step->patient;
  return world_gone(w, owner);
}

static int acquire(uint64_t *s, struct sync_step *step) {
  uint64_t levels = step->count ? step->count : 1;
  if (s[LOCK_OWNER] == step->who) {
    if (!s[LOCK_RECURSIVE])
      return -SBX_EHELD;
    s[LOCK_DEPTH] += levels;
    return 0;
  }
  step->abandoned = s[LOCK_OWNER] != 0;
  s[LOCK_OWNER] = step->who;
  s[LOCK_DEPTH] = levels;
  return 0;
}

static int release(uint64_t *s, struct sync_step *step) {
  uint64_t levels = step->count ? step->count : 1;
  if (s[LOCK_OWNER] != step->who)
    return -SBX_ENOTHELD;
  if (levels > s[LOCK_DEPTH])
    levels = s[LOCK_DEPTH];
  step->count = levels;
  s[LOCK_DEPTH] -= levels;
  if (s[LOCK_DEPTH] == 0) {
    s[LOCK_OWNER] = 0;
    step->wake = 1;
  }
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  (void)w;
  switch (step->kind) {
  case OP_LOCK_ACQUIRE:
    return acquire(s, step);
  case OP_LOCK_RELEASE:
    return release(s, step);
  default:
    return -SBX_EINVAL;
  }
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  (void)how;
  if (s[LOCK_OWNER] != step->who)
    return false;
  s[LOCK_OWNER] = SYNC_ABANDONED;
  step->wake = 1;
  return true;
}

static uint32_t watch(const uint64_t *s, uint64_t ret[SYNC_WORDS]) {
  ret[0] = s[LOCK_OWNER];
  return s[LOCK_OWNER] != 0;
}

static enum op_kind taken_by(const uint64_t *s, uint64_t who) {
  return s[LOCK_OWNER] == who ? OP_LOCK_ACQUIRE : OP_NONE;
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  if (s[LOCK_OWNER] != 0 && world_gone(w, s[LOCK_OWNER]))
    s[LOCK_OWNER] = SYNC_ABANDONED;
  if (s[LOCK_OWNER] <= SYNC_ABANDONED)
    s[LOCK_DEPTH] = 0;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  uint64_t owner = s[LOCK_OWNER];
  ret->recursive = s[LOCK_RECURSIVE];
  if (owner == 0)
    return;
  ret->set = world_gone(w, owner); /* abandoned */
  ret->holder = owner;
  ret->depth = s[LOCK_DEPTH];
}

const struct sync_machine lock_machine = {
    .type = OBJECT_LOCK,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .leave = leave,
    .watch = watch,
    .watch_only = true,
    .taken_by = taken_by,
    .helps = helps_if_it_owns,
    .canonical = canonical,
    .describe = describe,
    .in_order = true,
};
