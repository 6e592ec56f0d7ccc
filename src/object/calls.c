/* object/calls.c - see calls.h. */
#include "object/calls.h"

#include "base/child_code.h"

/* -- making -------------------------------------------------------------------------------------- */

static int make(struct backend *b, struct op *op, struct object **ret) {
  int rc = perform(b, op);
  if (rc == 0)
    *ret = op->object;
  return rc;
}

int op_queue_new(struct backend *b, const struct queue_options *o, struct object **ret) {
  return make(
      b,
      &(struct op){
          .kind = OP_QUEUE_NEW, .new_queue = o, .locate = o->locate, .locate_ctx = o->locate_ctx},
      ret);
}

int op_pipe_new(struct backend *b, struct pipe_request *pipe) {
  return perform(b, &(struct op){.kind = OP_PIPE_NEW,
                                 .new_pipe = pipe,
                                 .locate = pipe->locate,
                                 .locate_ctx = pipe->locate_ctx});
}

/* The kinds of a type's NEW and LOOK. */
static const struct {
  enum op_kind new, look;
} sync_kinds[OBJECT_TYPES] = {
    [OBJECT_LOCK] = {OP_LOCK_NEW, OP_LOCK_LOOK},
    [OBJECT_SEMAPHORE] = {OP_SEMAPHORE_NEW, OP_SEMAPHORE_LOOK},
    [OBJECT_EVENT] = {OP_EVENT_NEW, OP_EVENT_LOOK},
    [OBJECT_CONDITION] = {OP_CONDITION_NEW, OP_CONDITION_LOOK},
    [OBJECT_BARRIER] = {OP_BARRIER_NEW, OP_BARRIER_LOOK},
    [OBJECT_VALUE] = {OP_VALUE_NEW, OP_VALUE_LOOK},
    [OBJECT_DICT] = {OP_DICT_NEW, OP_DICT_LOOK},
    [OBJECT_PROGRESS] = {OP_PROGRESS_NEW, OP_PROGRESS_LOOK},
    [OBJECT_LATCH] = {OP_LATCH_NEW, OP_LATCH_LOOK},
    [OBJECT_RWLOCK] = {OP_RWLOCK_NEW, OP_RWLOCK_LOOK},
    [OBJECT_ARRAY] = {OP_ARRAY_NEW, OP_ARRAY_LOOK},
};

int op_sync_new(struct backend *b, const struct sync_options *o, struct object **ret) {
  return make(b,
              &(struct op){.kind = sync_kinds[o->type].new,
                           .new_sync = o,
                           .data = o->elements,
                           .len = o->elements ? o->count * sizeof(uint64_t) : 0,
                           .locate = o->locate,
                           .locate_ctx = o->locate_ctx},
              ret);
}

/* -- reading ------------------------------------------------------------------------------------- */

int op_queue_look(struct backend *b, struct object *q, struct queue_info *ret) {
  return perform(b, &(struct op){.kind = OP_QUEUE_LOOK, .object = q, .queue_info = ret});
}

int op_pipe_look(struct backend *b, struct object *end, struct queue_info *ret) {
  return perform(b, &(struct op){.kind = OP_PIPE_LOOK, .object = end, .queue_info = ret});
}

int op_sync_look(struct backend *b, enum object_type type, struct object *o,
                 struct sync_info *ret) {
  return op_sync_look_at(b, type, o, NULL, NULL, ret);
}

int op_sync_look_at(struct backend *b, enum object_type type, struct object *o, locate_fn *locate,
                    void *locate_ctx, struct sync_info *ret) {
  return perform(b, &(struct op){.kind = sync_kinds[type].look,
                                 .object = o,
                                 .sync_info = ret,
                                 .locate = locate,
                                 .locate_ctx = locate_ctx});
}

int op_process_look(struct backend *b, struct object *p, struct process_info *ret) {
  return perform(b, &(struct op){.kind = OP_PROCESS_LOOK, .object = p, .process_info = ret});
}

int op_process_who(struct backend *b, struct object *p, struct process_info *ret) {
  return perform(
      b, &(struct op){.kind = OP_PROCESS_LOOK, .object = p, .number = 1, .process_info = ret});
}

int op_process_parent(struct backend *b, struct object **ret) {
  return make(b, &(struct op){.kind = OP_PROCESS_PARENT}, ret);
}

int op_process_children(struct backend *b, const struct visitor *v) {
  return perform(b, &(struct op){.kind = OP_PROCESS_CHILDREN, .visitor = v});
}

int op_process_descendants(struct backend *b, struct object *p, const struct visitor *v) {
  return perform(b, &(struct op){.kind = OP_PROCESS_DESCENDANTS, .object = p, .visitor = v});
}

int64_t op_clock_observed(struct backend *b, enum op_kind kind) {
  struct op op = {.kind = kind};
  perform(b, &op);
  return op.now_ns;
}

/* -- handles ------------------------------------------------------------------------------------- */

static int move(struct backend *b, enum op_kind kind, const struct op *by,
                const struct object_ref *refs, uint32_t count) {
  struct handles_request handles = {.refs = refs, .count = count, .by = by};
  return perform(b,
                 &(struct op){.kind = kind, .deadline_ns = by->deadline_ns, .handles = &handles});
}

int op_handle_export(struct backend *b, const struct op *by, const struct object_ref *refs,
                     uint32_t count) {
  return move(b, OP_HANDLE_EXPORT, by, refs, count);
}

int op_handle_fetch(struct backend *b, const struct op *by, const struct object_ref *refs,
                    uint32_t count) {
  return move(b, OP_HANDLE_FETCH, by, refs, count);
}

int op_handle_import(struct backend *b, const struct object_ref *ref, struct object **ret) {
  return make(b, &(struct op){.kind = OP_HANDLE_IMPORT, .ref = ref}, ret);
}

void op_handle_land(struct backend *b, const struct object_ref *ref) {
  perform(b, &(struct op){.kind = OP_HANDLE_LAND, .ref = ref});
}

void op_handle_release(struct backend *b, struct object *o) {
  if (o)
    perform(b, &(struct op){.kind = OP_HANDLE_RELEASE, .object = o});
}

/* -- ends ---------------------------------------------------------------------------------------- */

CHILD_CODE
int op_process_end(struct backend *b, const struct end_request *end) {
  return perform(b, &(struct op){.kind = OP_PROCESS_END, .end = end});
}

CHILD_CODE
int op_process_await(struct backend *b, bool well) {
  return perform(
      b, &(struct op){.kind = OP_PROCESS_AWAIT, .number = well, .deadline_ns = SBX_FOREVER});
}

int op_failure_new(struct backend *b, const struct buf *report, uint64_t order,
                   struct object_ref *ret) {
  struct failure_request failure = {.report = report, .order = order};
  int rc = perform(b, &(struct op){.kind = OP_FAILURE_NEW, .failure = &failure});
  if (rc == 0)
    *ret = failure.failure;
  return rc;
}

void op_failure_count(struct backend *b, const struct object_ref *failure) {
  perform(b, &(struct op){.kind = OP_FAILURE_COUNT, .ref = failure});
}

void op_failure_join(struct backend *b, const struct object_ref *failure) {
  perform(b, &(struct op){.kind = OP_FAILURE_JOIN, .ref = failure});
}

void op_failure_look(struct backend *b, const struct object_ref *failure) {
  perform(b, &(struct op){.kind = OP_FAILURE_LOOK, .ref = failure});
}
