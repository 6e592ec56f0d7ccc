/* object/op.c - the table of ops and the one function that performs them; see op.h. */
#include "object/op.h"

const struct op_description op_descriptions[OP_COUNT] = {
    [OP_NONE] = {OBJECT_NONE, false, "none", NULL},
#define OP(kind, type, blocks, verb, past) [OP_##kind] = {OBJECT_##type, (blocks) != 0, verb, past},
#include "object/ops.def"
};

int perform(struct backend *b, struct op *op) {
  if (b->observe)
    b->observe(b->observer, op, OP_BEGIN, 0);
  int rc = b->objects->perform(b, op);
  if (b->observe)
    b->observe(b->observer, op, OP_END, rc);
  return rc;
}
