/* os/outside.c - see outside.h. */
#include "os/outside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "os/objects.h"
#include "os/ops.h"
#include "os/process/failure.h"
#include "os/process/process.h"
#include "os/shared/results.h"
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

int outside_sleep(void *ctx, const struct op *op, const int *fds, uint32_t count,
                  int64_t until_ns) {
  struct os_backend *b = ctx;
  struct wait_set w;
  wait_set_init(&w, op->deadline_ns);
  wait_set_until(&w, until_ns);
  for (uint32_t i = 0; i < count; i++)
    if (fds[i] >= 0)
      wait_set_add(&w, fds[i], false);
  int rc = arm_here(b, op, &w);
  if (rc == 0)
    rc = wait_set_sleep(b, op, &w);
  else
    wait_set_release(&w);
  disarm_here(b, op);
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

static struct object process_at(const struct object_ref *p) {
  return (struct object){.type = OBJECT_PROCESS, .slot = p->slot, .serial = p->serial};
}

int outside_outcome(void *ctx, const struct object_ref *p, struct process_info *ret,
                    struct buf *left, bool *ret_bound) {
  struct os_backend *b = ctx;
  struct object o = process_at(p);
  int rc = p->slot < PROCESS_SLOTS ? process_describe(b, &o, ret) : -SBX_EGONE;
  bool lives = rc == 0 && (ret->status == PROCESS_RUNNING || ret->status == PROCESS_STOPPED);
  if (rc || lives || !left || !ret->has_result)
    return rc;
  struct buf refs = {0};
  rc = results_read(b, p->slot, left, &refs);
  for (size_t at = 0; rc == 0 && at < refs.len; at += sizeof(struct object_ref)) {
    struct object_ref ref;
    memcpy(&ref, refs.data + at, sizeof ref);
    *ret_bound |= ref.type != OBJECT_PROCESS;
  }
  buf_release(&refs);
  return rc == 0 && !control_process_stamp(b->control, p->slot, p->serial) ? -SBX_EGONE : rc;
}

int outside_signal(void *ctx, const struct object_ref *p, int number) {
  struct object o = process_at(p);
  struct op op = {.kind = OP_PROCESS_SIGNAL, .object = &o, .number = number};
  return p->slot < PROCESS_SLOTS ? process_signal(ctx, &op) : -SBX_EGONE;
}

void outside_noted(void *ctx, const struct object_ref *p, bool looked) {
  struct control *c = ((struct os_backend *)ctx)->control;
  if (p->slot >= PROCESS_SLOTS)
    return;
  if (looked)
    failure_looked(c, p);
  else if (control_process_stamp(c, p->slot, p->serial)) /* many join: none but the first counts */
    failure_joined(c, p);
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
