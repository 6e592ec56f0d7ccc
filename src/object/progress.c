/* object/progress.c - the state machine of progress; see progress.h. */
#include "object/progress.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return PROGRESS_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  s[PROGRESS_TOTAL] = o->max;
  s[PROGRESS_MAKER] = o->maker;
}

static bool is_closed(const uint64_t *s, const struct sync_world *w) {
  return (s[PROGRESS_STATE] & PROGRESS_CLOSED) ||
         (s[PROGRESS_MAKER] && world_gone(w, s[PROGRESS_MAKER]));
}

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  (void)s;
  (void)step;
  (void)w;
  return true;
}

/* The count after a step of `by`: never below 0, never above PROGRESS_MOST. */
static uint64_t count_after(uint64_t count, int64_t by) {
  uint64_t distance = by < 0 ? -(uint64_t)by : (uint64_t)by;
  if (by < 0)
    return distance < count ? count - distance : 0;
  return distance < PROGRESS_MOST - count ? count + distance : PROGRESS_MOST;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  bool closed = is_closed(s, w);
  switch (step->kind) {
  case OP_PROGRESS_ADD:
    if (closed)
      return -SBX_ECLOSED;
    s[PROGRESS_STATE] = count_after(s[PROGRESS_STATE], (int64_t)step->count);
    return 0;
  case OP_PROGRESS_SET:
    if (closed)
      return -SBX_ECLOSED;
    s[PROGRESS_STATE] = step->count < PROGRESS_MOST ? step->count : PROGRESS_MOST;
    return 0;
  case OP_PROGRESS_CLOSE:
    if (closed)
      return SYNC_SAME;
    s[PROGRESS_STATE] |= PROGRESS_CLOSED;
    return 0;
  default:
    return -SBX_EINVAL;
  }
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  (void)how;
  if (s[PROGRESS_MAKER] != step->who || (s[PROGRESS_STATE] & PROGRESS_CLOSED))
    return false;
  s[PROGRESS_STATE] |= PROGRESS_CLOSED;
  return true;
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  if (!is_closed(s, w))
    return;
  s[PROGRESS_STATE] |= PROGRESS_CLOSED;
  s[PROGRESS_MAKER] = 0;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  ret->count = progress_count(s[PROGRESS_STATE]);
  ret->max = s[PROGRESS_TOTAL];
  ret->set = is_closed(s, w);
}

const struct sync_machine progress_machine = {
    .type = OBJECT_PROGRESS,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .leave = leave,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
