/* sim/answer.c - the answers of a simulated world as bytes, and into ops; see request.h. */
#include <string.h>

#include "base/error.h"
#include "sim/request.h"

void answer_release(struct answer *a) {
  buf_release(&a->out);
  buf_release(&a->refs);
}

/* Bytes of the union that an answer to an op of this kind has. */
static size_t info_size(enum op_kind kind) {
  switch (kind) {
  case OP_PROCESS_LOOK:
    return sizeof(struct process_info);
  case OP_QUEUE_LOOK:
  case OP_PIPE_LOOK:
    return sizeof(struct queue_info);
  case OP_LOCK_LOOK:
  case OP_SEMAPHORE_LOOK:
  case OP_EVENT_LOOK:
  case OP_CONDITION_LOOK:
  case OP_BARRIER_LOOK:
  case OP_VALUE_LOOK:
  case OP_DICT_LOOK:
  case OP_PROGRESS_LOOK:
  case OP_RWLOCK_LOOK:
  case OP_LATCH_LOOK:
  case OP_ARRAY_LOOK:
    return sizeof(struct sync_info);
  default:
    return 0;
  }
}

/* -- as bytes ----------------------------------------------------------------------------------- */

struct fixed {
  int64_t rc, number, now_ns;
  uint64_t flags, count, item, value_kind, value_bits;
  struct object_ref made, made_too;
  uint64_t out, refs, info; /* bytes that follow */
};

enum { ABANDONED = 1, SAME = 2, NONE = 4, HAS_OUT = 8 };

int answer_write(const struct answer *a, enum op_kind kind, struct buf *out) {
  struct fixed f;
  memset(&f, 0, sizeof f);
  f.rc = a->rc;
  f.number = a->number;
  f.now_ns = a->now_ns;
  f.flags = (a->abandoned ? (uint64_t)ABANDONED : 0) | (a->same ? (uint64_t)SAME : 0) |
            (a->none ? (uint64_t)NONE : 0) | (a->has_out ? (uint64_t)HAS_OUT : 0);
  f.count = a->count;
  f.item = a->item;
  f.value_kind = (uint64_t)a->value.kind;
  if (a->value.kind != NUMBER_NONE)
    memcpy(&f.value_bits,
           a->value.kind == NUMBER_FLOAT ? (const void *)&a->value.f : (const void *)&a->value.i,
           sizeof f.value_bits);
  f.made = a->made;
  f.made_too = a->made_too;
  f.out = a->out.len;
  f.refs = a->refs.len;
  f.info = info_size(kind);
  int rc = buf_append(out, &f, sizeof f);
  if (rc == 0)
    rc = buf_append(out, a->out.data, a->out.len);
  if (rc == 0)
    rc = buf_append(out, a->refs.data, a->refs.len);
  return rc ? rc : buf_append(out, &a->process, f.info);
}

int answer_read(const uint8_t *message, size_t len, struct answer *ret) {
  struct fixed f;
  *ret = (struct answer){0};
  if (len < sizeof f)
    return -SBX_EDATA;
  memcpy(&f, message, sizeof f);
  message += sizeof f;
  if (f.out > len || f.refs > len || f.info > sizeof ret->process + sizeof ret->sync ||
      sizeof f + f.out + f.refs + f.info != len)
    return -SBX_EDATA;
  ret->rc = (int)f.rc;
  ret->number = (int)f.number;
  ret->now_ns = f.now_ns;
  ret->abandoned = f.flags & ABANDONED;
  ret->same = f.flags & SAME;
  ret->none = f.flags & NONE;
  ret->has_out = f.flags & HAS_OUT;
  ret->count = f.count;
  ret->item = f.item;
  ret->value.kind = f.value_kind == NUMBER_INTEGER ? NUMBER_INTEGER
                    : f.value_kind == NUMBER_FLOAT ? NUMBER_FLOAT
                                                   : NUMBER_NONE;
  memcpy(ret->value.kind == NUMBER_FLOAT ? (void *)&ret->value.f : (void *)&ret->value.i,
         &f.value_bits, sizeof f.value_bits);
  ret->made = f.made;
  ret->made_too = f.made_too;
  int rc = buf_append(&ret->out, message, f.out);
  if (rc == 0)
    rc = buf_append(&ret->refs, message + f.out, f.refs);
  if (rc == 0)
    memcpy(&ret->process, message + f.out + f.refs, f.info);
  else
    answer_release(ret);
  return rc;
}

/* -- into the op -------------------------------------------------------------------------------- */

struct delivery {
  struct object *(*object_of)(void *ctx, const struct object_ref *ref);
  void *ctx;
};

static int make_handle(const struct delivery *d, const struct object_ref *ref, struct object **to) {
  if (ref->type == OBJECT_NONE)
    return 0;
  *to = d->object_of(d->ctx, ref);
  return *to ? 0 : -SBX_ENOMEM;
}

static int visit(const struct delivery *d, const struct answer *a, const struct visitor *v) {
  struct object_ref ref;
  int rc = 0;
  for (size_t i = 0; i + sizeof ref <= a->refs.len && rc == 0; i += sizeof ref) {
    struct object *process = NULL;
    memcpy(&ref, a->refs.data + i, sizeof ref);
    rc = make_handle(d, &ref, &process);
    if (rc == 0)
      rc = v->visit(v->ctx, process);
  }
  return rc;
}

/* What the union of the op is for. */
static int deliver_union(const struct delivery *d, const struct answer *a, struct op *op) {
  size_t size = info_size(op->kind);
  switch (op->kind) {
  case OP_PIPE_NEW: {
    int rc = make_handle(d, &a->made, &op->new_pipe->ends[0]);
    return rc ? rc : make_handle(d, &a->made_too, &op->new_pipe->ends[1]);
  }
  case OP_FAILURE_NEW:
    op->failure->failure = a->made;
    return 0;
  case OP_PROCESS_CHILDREN:
  case OP_PROCESS_DESCENDANTS:
    return visit(d, a, op->visitor);
  case OP_CLOCK_NOW:
  case OP_CLOCK_WALL:
    op->now_ns = a->now_ns;
    return 0;
  default:
    if (size)
      memcpy(op->process_info, &a->process, size);
    return size ? 0 : make_handle(d, &a->made, &op->object);
  }
}

static int deliver_value(const struct answer *a, struct value_args *v) {
  v->none = a->none;
  v->same = a->same;
  v->number = a->value;
  return v->out_refs ? buf_append(v->out_refs, a->refs.data, a->refs.len) : 0;
}

/* Does the op tell how many it did? */
static bool counts(enum op_kind kind) {
  enum object_type type = op_describe(kind)->type;
  return kind == OP_QUEUE_PUT || (type >= OBJECT_LOCK && type <= OBJECT_BARRIER) ||
         type == OBJECT_LATCH;
}

int answer_deliver(const struct answer *a, struct op *op,
                   struct object *(*object_of)(void *ctx, const struct object_ref *ref),
                   void *ctx) {
  const struct delivery d = {object_of, ctx};
  if (op->kind == OP_SELECT) {
    op->number = a->number;
    if (a->number >= 0 && (uint32_t)a->number < op->sub_count && a->rc != -SBX_ETIMEDOUT)
      return answer_deliver(a, &op->subs[a->number], object_of, ctx);
    return a->rc;
  }
  if (op->kind == OP_PROCESS_SPAWN) {
    op->number = a->number;
    if (a->rc == 0 && a->number == 0) /* the child */
      return 0;
  }
  op->item = a->item;
  op->abandoned = a->abandoned;
  if (counts(op->kind))
    op->count = a->count;
  int rc = 0;
  if (a->has_out && op->out)
    rc = buf_append(op->out, a->out.data, a->out.len);
  if (rc == 0 && op->value)
    rc = deliver_value(a, op->value);
  else if (rc == 0 && op->refs && op->refs->taken)
    rc = buf_append(op->refs->taken, a->refs.data, a->refs.len);
  if (rc == 0 && a->rc == 0)
    rc = deliver_union(&d, a, op);
  return rc ? rc : a->rc;
}
