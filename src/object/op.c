/* object/op.c - the table of ops and the one function that performs them; see op.h. */
#include "object/op.h"

#include "base/error.h"

const struct op_description op_descriptions[OP_COUNT] = {
    [OP_NONE] = {.type = OBJECT_NONE, .verb = "none"},
#define OP(kind, type_, blocks_, verb_, past_, reads_, writes_)                                    \
  [OP_##kind] = {.type = OBJECT_##type_,                                                           \
                 .blocks = (blocks_) != 0,                                                         \
                 .reads = (reads_) | ((blocks_) ? ON_CLOCK : 0),                                   \
                 .writes = (writes_),                                                              \
                 .verb = verb_,                                                                    \
                 .past = past_},
#include "object/ops.def"
};

/* Apart, so that an op that nobody observes has no registers to save. */
__attribute__((noinline)) static int perform_observed(struct backend *b, struct op *op) {
  if (b->observe_begin)
    b->observe(b->observer, op, OP_BEGIN, 0);
  int rc = b->objects->perform(b, op);
  return b->observe(b->observer, op, OP_END, rc);
}

/* Is it an op in which the process could wait for others, or by which there would be two? */
static bool may_wait(enum op_kind kind) {
  const struct op_description *d = op_describe(kind);
  return (d->blocks && d->type != OBJECT_NONE && kind != OP_PROCESS_AWAIT) || kind == OP_SELECT ||
         kind == OP_PROCESS_SPAWN;
}

int perform(struct backend *b, struct op *op) {
  if (b->asking && may_wait(op->kind))
    return -SBX_EASKED;
  return b->observe ? perform_observed(b, op) : b->objects->perform(b, op);
}
