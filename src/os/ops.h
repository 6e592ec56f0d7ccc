/*
 * os/ops.h - what the OS backend does for each op: one row of a table.
 */
#ifndef SBX_OS_OPS_H
#define SBX_OS_OPS_H

#include "os/shared/self.h"
#include "os/shared/wait.h"

struct os_op {
  /* Carry the op out, waiting until its deadline. Returns 0 or -SBX_*; see the function. */
  int (*perform)(struct os_backend *b, struct op *op);

  /*
   * As one of the ops of a select; only of an op that can block.
   *   try_now  perform it if that is possible at once. -SBX_ETIMEDOUT: it is not; -SBX_EINVAL: the
   *            op cannot be waited for together with others
   *   arm      name what wakes the process when try_now may succeed. 0, -SBX_EINTERRUPTED, or
   *            -SBX_ETIMEDOUT: a lock could not be had, so look again soon
   *   disarm   undo what arm did. NULL: nothing is to be undone
   */
  int (*try_now)(struct os_backend *b, struct op *op);
  int (*arm)(struct os_backend *b, struct op *op, struct wait_set *w);
  void (*disarm)(struct os_backend *b, struct op *op);
};

extern const struct os_op os_op_rows[OP_COUNT];

/* The row of a kind; of a kind that does not exist, one that returns -SBX_EINVAL. */
static inline const struct os_op *os_op_of(enum op_kind kind) {
  return &os_op_rows[kind < OP_COUNT ? kind : OP_NONE];
}

#endif
