/* object/op.c - the table of ops and the one function that performs them; see op.h. */
#include "object/op.h"

#include "base/child_code.h"
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

const char *object_type_word(enum object_type type) {
  static const char *const words[OBJECT_TYPES] = {
      [OBJECT_NONE] = "object", [OBJECT_PROCESS] = "process",     [OBJECT_QUEUE] = "queue",
      [OBJECT_CLOCK] = "clock", [OBJECT_LOCK] = "lock",           [OBJECT_SEMAPHORE] = "semaphore",
      [OBJECT_EVENT] = "event", [OBJECT_CONDITION] = "condition", [OBJECT_BARRIER] = "barrier",
      [OBJECT_VALUE] = "value", [OBJECT_DICT] = "dict",           [OBJECT_PROGRESS] = "progress",
      [OBJECT_LATCH] = "latch", [OBJECT_RWLOCK] = "rwlock",       [OBJECT_ARRAY] = "array",
      [OBJECT_PIPE] = "pipe",
  };
  return words[type < OBJECT_TYPES ? type : OBJECT_NONE];
}

static int perform_observed(struct backend *b, struct op *op) {
  if (b->observe_begin)
    b->observe(b->observer, op, OP_BEGIN, 0);
  int rc = b->objects->perform(b, op);
  if (op->kind == OP_HANDLE_RELEASE)
    op->object = NULL; /* it is freed */
  return b->observe(b->observer, op, OP_END, rc);
}

/* Is it an op in which the process could wait for others, or by which there would be two? */
static bool may_wait(enum op_kind kind) {
  const struct op_description *d = op_describe(kind);
  return (d->blocks && d->type != OBJECT_NONE && kind != OP_PROCESS_AWAIT) || kind == OP_SELECT ||
         kind == OP_PROCESS_SPAWN;
}

/* Apart, so that an op that nobody observes has no registers to save. */
__attribute__((noinline)) static int perform_apart(struct backend *b, struct op *op) {
  if (b->asking && may_wait(op->kind))
    return -SBX_EASKED;
  return b->observe ? perform_observed(b, op) : b->objects->perform(b, op);
}

CHILD_CODE
int perform(struct backend *b, struct op *op) {
  if (__builtin_expect(b->apart, false))
    return perform_apart(b, op);
  return b->objects->perform(b, op);
}

void backend_observe(struct backend *b, op_observer *observe, void *observer, bool begin) {
  b->observe = observe;
  b->observer = observer;
  b->observe_begin = begin;
  b->apart = b->asking || observe;
}

void backend_ask(struct backend *b, bool asking) {
  b->asking = asking;
  b->apart = asking || b->observe;
}

/* One by one: the first. */
static int perform_first(struct backend *b, struct op *op, uint32_t *ret_done) {
  struct buf *taken = op->refs ? op->refs->taken : NULL;
  size_t had = op->out ? op->out->len : 0, held = taken ? taken->len : 0;
  int rc = perform(b, op);
  if (rc)
    return rc;
  if (op->kind == OP_QUEUE_GET) {
    op->len = op->out->len - had;
    op->count = taken ? taken->len - held : 0;
  }
  *ret_done = 1;
  return 0;
}

int perform_run(struct backend *b, struct op *ops, uint32_t count, uint32_t *ret_done) {
  if (count == 1 || !b->objects->run || b->observe_begin || b->asking)
    return perform_first(b, ops, ret_done);
  int rc = b->objects->run(b, ops, count, ret_done);
  if (rc == -SBX_EAGAIN)
    return perform_first(b, ops, ret_done);
  if (b->observe && rc)
    return b->observe(b->observer, ops, OP_END, rc);
  for (uint32_t i = 0; b->observe && i < *ret_done; i++)
    b->observe(b->observer, &ops[i], OP_END, 0);
  return rc;
}
