/* os/outside.c - see outside.h. */
#include "os/outside.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "os/objects.h"
#include "os/ops.h"
#include "os/shared/wait.h"

static bool is_outside(const struct object *o) { return o && o->slot == OUTSIDE_SLOT; }

/* An op of a select that is about something here; NULL: the k-th is not. */
static struct op *here(const struct op *op, uint32_t k) {
  return op->kind == OP_SELECT && !is_outside(op->subs[k].object) ? &op->subs[k] : NULL;
}

static int arm_here(struct os_backend *b, const struct op *op, struct wait_set *w) {
  int rc = 0;
  for (uint32_t k = 0; k < op->sub_count && rc == 0; k++) {
    struct op *sub = here(op, k);
    const struct os_op *row = sub ? os_op_of(sub->kind) : NULL;
    if (!row || !row->arm)
      continue;
    rc = row->arm(b, sub, w);
    if (rc == -SBX_ETIMEDOUT) {
      wait_set_slice(w);
      rc = 0;
    }
  }
  return rc;
}

static void disarm_here(struct os_backend *b, const struct op *op) {
  for (uint32_t k = 0; k < op->sub_count && b->lines > 0; k++) {
    struct op *sub = here(op, k);
    const struct os_op *row = sub ? os_op_of(sub->kind) : NULL;
    if (row && row->disarm)
      row->disarm(b, sub);
  }
}

/*
 * As reports shall have it: without objects that they would look for here, and with a deadline, since what cannot
 * end here may be ended from outside.
 */
static struct op as_told(const struct op *op) {
  struct op told = *op;
  told.object = NULL;
  told.sub_count = 0;
  if (told.kind == OP_SELECT)
    told.subs = NULL;
  if (told.deadline_ns == SBX_FOREVER)
    told.deadline_ns = SBX_FOREVER - 1;
  return told;
}

int outside_sleep(void *ctx, const struct op *op, int fd, int64_t until_ns) {
  struct os_backend *b = ctx;
  struct op told = as_told(op);
  struct wait_set w;
  wait_set_init(&w, op->deadline_ns);
  wait_set_until(&w, until_ns);
  if (fd >= 0)
    wait_set_add(&w, fd, false);
  int rc = arm_here(b, op, &w);
  if (rc == 0)
    rc = wait_set_sleep(b, &told, &w);
  else
    wait_set_release(&w);
  disarm_here(b, op);
  ((struct op *)(uintptr_t)op)->since_ns = told.since_ns;
  return rc;
}

void outside_spare(void *ctx) {
  struct control *c = ((struct os_backend *)ctx)->control;
  for (int i = 0; i < SPARED_MAX; i++) {
    int32_t none = 0;
    if (atomic_compare_exchange_strong(&c->spared[i], &none, (int32_t)getpid()))
      return;
  }
}

int outside_make(void *ctx, enum object_type type, uint32_t slot, uint64_t serial,
                 struct object **ret) {
  (void)ctx;
  return object_new(type, slot, serial, ret);
}

void outside_drop(void *ctx, struct object *o) {
  (void)ctx;
  free(o);
}
