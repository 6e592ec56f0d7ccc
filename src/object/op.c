/* object/op.c - the table of ops and the one function that performs them; see op.h. */
#include "object/op.h"

static const struct op_description descriptions[OP_COUNT] = {
    [OP_NONE] = {OBJECT_NONE, false, "none"},
#define OP(kind, type, blocks, verb) [OP_##kind] = {OBJECT_##type, (blocks) != 0, verb},
#include "object/ops.def"
};

const struct op_description *op_describe(enum op_kind kind) {
  return &descriptions[kind < OP_COUNT ? kind : OP_NONE];
}

int perform(struct backend *b, struct op *op) {
  if (b->observe)
    b->observe(b->observer, op, OP_BEGIN, 0);
  int rc = b->ops->perform(b, op);
  if (b->observe)
    b->observe(b->observer, op, OP_END, rc);
  return rc;
}
