/* object/dict.c - the state machine of dicts; see dict.h. */
#include "object/dict.h"

#include "object/updater.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return DICT_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  (void)s;
  (void)o;
}

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  return updater_lets(s, step, w);
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  int rc;
  (void)w;
  switch (step->kind) {
  case OP_DICT_GET:
  case OP_DICT_ALL:
    return SYNC_SAME;
  case OP_DICT_UPDATE:
    return updater_begin(s, step);
  case OP_DICT_KEEP:
  case OP_DICT_REPLACE:
    return updater_end(s, step);
  case OP_DICT_SET:
    rc = updater_pass(s, step);
    if (rc == 0)
      s[UPDATER] = 0; /* the updater is gone */
    return rc;
  default:
    return -SBX_EINVAL;
  }
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  (void)how;
  return updater_leave(s, step);
}

static void canonical(uint64_t *s, const struct sync_world *w) { updater_canonical(s, w); }

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  (void)w;
  ret->holder = s[UPDATER];
  ret->count = s[DICT_COUNT];
}

const struct sync_machine dict_machine = {
    .type = OBJECT_DICT,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .leave = leave,
    .watch = updater_watch,
    .watch_only = true,
    .helps = helps_if_it_owns,
    .canonical = canonical,
    .describe = describe,
    .in_order = true,
};
