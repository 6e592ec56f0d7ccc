/* object/event.c - the state machine of events; see event.h. */
#include "object/event.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return EVENT_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  (void)s;
  (void)o;
}

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  (void)w;
  return step->kind != OP_EVENT_WAIT || s[EVENT_FLAG] ||
         (step->ticket && step->ticket <= s[EVENT_BOUND]);
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  switch (step->kind) {
  case OP_EVENT_WAIT:
    return 0;
  case OP_EVENT_SET:
    s[EVENT_FLAG] = 1;
    s[EVENT_BOUND] = w->ops->newest(w->ctx);
    step->wake = (uint64_t)SYNC_ALL;
    return 0;
  case OP_EVENT_CLEAR:
    s[EVENT_FLAG] = 0;
    return 0;
  default:
    return -SBX_EINVAL;
  }
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  s[EVENT_BOUND] = world_rank(w, s[EVENT_BOUND]);
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  (void)w;
  ret->set = s[EVENT_FLAG];
}

const struct sync_machine event_machine = {
    .type = OBJECT_EVENT,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
