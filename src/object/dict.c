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
  return step->kind == OP_DICT_AWAIT ? updater_sees_news(s, step) : updater_lets(s, step, w);
}

static int change(uint64_t *s, struct sync_step *step) {
  int rc = updater_pass(s, step);
  if (rc)
    return rc;
  s[UPDATER] = 0; /* the updater is gone */
  if (step->kind == OP_DICT_CAS && !step->op->value->same)
    return SYNC_SAME;
  updater_news(step);
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  int rc;
  (void)w;
  switch (step->kind) {
  case OP_DICT_GET:
  case OP_DICT_ALL:
    return SYNC_SAME;
  case OP_DICT_AWAIT:
    rc = updater_may_watch(s, step);
    return rc ? rc : SYNC_SAME;
  case OP_DICT_UPDATE:
    return updater_begin(s, step);
  case OP_DICT_KEEP:
    return updater_end(s, step);
  case OP_DICT_REPLACE:
    rc = updater_end(s, step);
    if (rc == 0)
      updater_news(step);
    return rc;
  case OP_DICT_SET:
  case OP_DICT_ADD:
  case OP_DICT_CAS:
    return change(s, step);
  default:
    return -SBX_EINVAL;
  }
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  (void)how;
  return updater_leave(s, step);
}

static enum op_kind taken_by(const uint64_t *s, uint64_t who) {
  return s[UPDATER] == who ? OP_DICT_UPDATE : OP_NONE;
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
    .taken_by = taken_by,
    .second = updater_second,
    .helps = updater_helps,
    .canonical = canonical,
    .describe = describe,
    .in_order = true,
};
