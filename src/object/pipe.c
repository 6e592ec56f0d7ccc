/*
 * object/pipe.c - an end of a pipe as an object; see pipe.h.
 *
 * It has no state that changes: what is sent is in two queues, and an end only says which. The row
 * is there so that ends are held, sent and dropped as all objects without descriptors are.
 */
#include "object/pipe.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return END_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  (void)s;
  (void)o;
}

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  (void)s;
  (void)step;
  (void)w;
  return true;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  (void)s;
  (void)step;
  (void)w;
  return -SBX_EINVAL; /* its ops are those of the queues: os/pipe.c */
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  (void)s;
  (void)w;
  (void)ret;
}

const struct sync_machine pipe_machine = {
    .type = OBJECT_PIPE,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .describe = describe,
};
