/*
 * object/pipe.c - the state machine of a pipe's ends; see pipe.h.
 *
 * An end has no state that changes: what is sent is in two queues, and the end only names them. The
 * machine exists so that ends are held, sent and dropped like all other objects without
 * descriptors.
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
  return -SBX_EINVAL; /* its ops act on the queues: os/queue/pipe.c */
}

/* The words say where the queues are, which is not part of the meaning. */
static void canonical(uint64_t *s, const struct sync_world *w) {
  (void)w;
  for (int word = 0; word < END_WORDS; word++)
    s[word] = 0;
}

int pipe_apply(enum op_kind kind, struct queue_state *in, struct queue_state *out, bool heard) {
  switch (kind) {
  case OP_PIPE_SEND:
    return heard || out->closed ? queue_apply(out, OP_QUEUE_PUT) : -SBX_EGONE;
  case OP_PIPE_RECV:
    return queue_len(in) > 0 ? queue_apply(in, OP_QUEUE_GET) : -SBX_ECLOSED;
  case OP_PIPE_POLL:
    return queue_len(in) > 0 ? 0 : -SBX_ECLOSED;
  case OP_PIPE_CLOSE:
    in->closed = out->closed = 1;
    return 0;
  default:
    return -SBX_EINVAL;
  }
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
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
