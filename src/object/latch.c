/* object/latch.c - the state machine of latches; see latch.h. */
#include "object/latch.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return LATCH_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) { s[LATCH_COUNT] = o->count; }

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  (void)w;
  return step->kind != OP_LATCH_WAIT || s[LATCH_COUNT] == 0;
}

/* Returns in step->count what is left. */
static int down(uint64_t *s, struct sync_step *step) {
  uint64_t n = step->count < s[LATCH_COUNT] ? step->count : s[LATCH_COUNT];
  s[LATCH_COUNT] -= n;
  step->count = s[LATCH_COUNT];
  if (n == 0)
    return SYNC_SAME;
  if (s[LATCH_COUNT] == 0)
    step->wake = (uint64_t)SYNC_ALL;
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  (void)w;
  switch (step->kind) {
  case OP_LATCH_WAIT:
    return SYNC_SAME;
  case OP_LATCH_DOWN:
    return down(s, step);
  default:
    return -SBX_EINVAL;
  }
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  (void)s;
  (void)w;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  (void)w;
  ret->count = s[LATCH_COUNT];
}

const struct sync_machine latch_machine = {
    .type = OBJECT_LATCH,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
