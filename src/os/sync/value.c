/*
 * os/sync/value.c - shared values: what is too large for the words of the state; see object/value.h.
 *
 * A value has two extents of the store, and at most one of them is current. A large message is
 * written into the other one, which becomes current with the commit; so a process that is killed
 * leaves the old value or the new one, and memory that others know of. An extent that is not current may
 * be emptied at any time.
 */
#include "object/value.h"

#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "object/number.h"
#include "os/shared/hand.h"
#include "os/sync/sync_internal.h"

/* Its words behind the machine's. */
enum value_storage_word {
  VALUE_EXTENT =
      SYNC_WORDS, /* 0 or 1: the extent that holds the message, or held the last large one */
  VALUE_EXTENTS,  /* offset and bytes of extent 0, then of extent 1 */
  VALUE_STORAGE_END = VALUE_EXTENTS + 4
};
static_assert((int)VALUE_STORAGE_END <= (int)RECORD_WORDS, "the words have room");

enum { WARM_BYTES = 64 << 10 }; /* an extent up to it keeps its memory between two messages */

/* What a change notes. */
struct value_change {
  struct buf old_refs; /* handles in the message that it replaces */
  bool was_stored;     /* that message stood in an extent */
};

static struct extent extent_in(const uint64_t *s, uint64_t which) {
  const uint64_t *at = &s[VALUE_EXTENTS + 2 * (which & 1)];
  return (struct extent){.offset = at[0], .bytes = at[1]};
}

static bool is_number(const uint64_t *s) {
  return s[VALUE_KIND] == VALUE_INTEGER || s[VALUE_KIND] == VALUE_FLOAT;
}

/* Append bytes [from, from + len) of the current message, its handles first, to `out`. */
static int read_part(struct os_backend *b, const uint64_t *s, uint64_t from, uint64_t len,
                     struct buf *out) {
  if (s[VALUE_KIND] == VALUE_STORED)
    return store_read(b, extent_in(s, s[VALUE_EXTENT]).offset + from, len, out);
  return buf_append(out, (const uint8_t *)&s[VALUE_DATA] + from, len);
}

/* -- before --------------------------------------------------------------------------------------
 */

static bool equals(struct os_backend *b, const uint64_t *s, const struct value_args *args,
                   bool exact) {
  struct buf now = {0};
  const struct number none = {.kind = NUMBER_NONE};
  if (s[VALUE_KIND] != VALUE_STORED)
    return value_equals(s, args, exact);
  bool same = args->expected.kind == NUMBER_NONE && s[VALUE_LEN] == args->expected_len &&
              read_part(b, s, value_bytes(s[VALUE_REFS], 0), s[VALUE_LEN], &now) == 0 &&
              value_is_expected(&none, now.data, now.len, args, exact);
  buf_release(&now);
  return same;
}

static void compare(struct sync_call *call) {
  struct value_args *args = call->op->value;
  args->same = call->op->number && equals(call->b, sync_state(call->record), args, true);
}

/* Have an extent, not the current one, that is large enough. Written down before it is used. */
static int take_extent(struct os_backend *b, struct sync_record *r, uint64_t bytes,
                       struct extent *ret) {
  const uint64_t *s = sync_state(r);
  uint64_t other = s[VALUE_EXTENT] ^ 1;
  struct extent old = extent_in(s, other);
  *ret = old;
  if (old.bytes >= bytes)
    return 0;
  int rc = store_take(b, bytes + bytes / 4, ret);
  if (rc)
    return rc;
  store_give(b, &old);
  uint64_t *next = sync_next(r);
  next[VALUE_EXTENTS + 2 * other] = ret->offset;
  next[VALUE_EXTENTS + 2 * other + 1] = ret->bytes;
  FAULT("value.taken");
  monitor_commit(&r->monitor);
  return 0;
}

static int stow(struct sync_call *call) {
  const struct op *op = call->op;
  uint64_t refs = value_bytes(op->value->ref_count, 0);
  struct extent e;
  int rc = take_extent(call->b, call->record, refs + op->len, &e);
  if (rc == 0)
    rc = store_write(call->b, e.offset, op->value->refs, refs);
  FAULT("value.half");
  if (rc == 0)
    rc = store_write(call->b, e.offset + refs, op->data, op->len);
  FAULT("value.stored");
  return rc;
}

static int prepare_reading(struct sync_call *call) {
  const uint64_t *s = sync_state(call->record);
  if (is_number(s))
    return 0;
  int rc = buf_reserve(call->op->out, s[VALUE_LEN]);
  return rc ? rc : buf_reserve(call->op->value->out_refs, value_bytes(s[VALUE_REFS], 0));
}

/* Handles in the current message. */
static uint64_t ref_count(const uint64_t *s) { return is_number(s) ? 0 : s[VALUE_REFS]; }

static int prepare_writing(struct sync_call *call) {
  struct value_change *change = call->change;
  const struct value_args *args = call->op->value;
  const uint64_t *s = sync_state(call->record);
  int rc = 0;
  change->was_stored = s[VALUE_KIND] == VALUE_STORED;
  if (ref_count(s))
    rc = read_part(call->b, s, 0, value_bytes(s[VALUE_REFS], 0), &change->old_refs);
  if (rc == 0 && !value_is_inline(call->op))
    rc = stow(call);
  if (rc || (args->ref_count == 0 && ref_count(sync_state(call->record)) == 0))
    return rc;
  sync_naming_begin(call);
  return sync_name_all(call, args->refs, args->ref_count);
}

static int prepare(struct sync_call *call) {
  struct value_args *args = call->op->value;
  switch (call->step.kind) {
  case OP_VALUE_GET:
  case OP_VALUE_AWAIT:
  case OP_VALUE_UPDATE:
    return prepare_reading(call);
  case OP_VALUE_CAS:
    args->same = equals(call->b, sync_state(call->record), args, false);
    return args->same ? prepare_writing(call) : prepare_reading(call);
  case OP_VALUE_SET:
  case OP_VALUE_REPLACE:
    return prepare_writing(call);
  default:
    return 0;
  }
}

/* -- after ---------------------------------------------------------------------------------------
 */

static void read_number(const uint64_t *s, struct number *ret) {
  *ret = number_of(s[VALUE_KIND] == VALUE_INTEGER ? NUMBER_INTEGER : NUMBER_FLOAT, s[VALUE_DATA]);
}

/* There is room: see prepare_reading. */
static int read_out(struct os_backend *b, const uint64_t *s, struct op *op) {
  struct buf *refs = op->value->out_refs;
  op->value->number.kind = NUMBER_NONE;
  if (is_number(s)) {
    read_number(s, &op->value->number);
    return 0;
  }
  uint64_t ref_bytes = value_bytes(s[VALUE_REFS], 0);
  int rc = read_part(b, s, ref_bytes, s[VALUE_LEN], op->out);
  if (rc || ref_bytes == 0)
    return rc;
  if ((rc = read_part(b, s, 0, ref_bytes, refs)))
    return rc;
  hand_take(b, refs->data + refs->len - ref_bytes, (uint32_t)s[VALUE_REFS]);
  return 0;
}

/* Memory that nothing current stands in goes back, if it is much. */
static void trim(struct os_backend *b, const uint64_t *s) {
  for (uint64_t i = 0; i < 2; i++) {
    struct extent e = extent_in(s, i);
    bool current = s[VALUE_KIND] == VALUE_STORED && i == s[VALUE_EXTENT];
    if (!current && e.bytes > WARM_BYTES)
      store_empty(b, &e);
  }
}

/* A large message stands in the extent that was not current. */
static void fill(struct sync_call *call, uint64_t *next) {
  enum op_kind kind = call->step.kind;
  bool sets = kind == OP_VALUE_SET || kind == OP_VALUE_REPLACE || kind == OP_VALUE_CAS;
  if (sets && !value_is_inline(call->op))
    next[VALUE_EXTENT] ^= 1;
}

static int done(struct sync_call *call) {
  struct value_change *change = call->change;
  const uint64_t *s = sync_state(call->record);
  switch (call->step.kind) {
  case OP_VALUE_CAS:
    if (!call->op->value->same)
      return read_out(call->b, s, call->op);
    break;
  case OP_VALUE_GET:
  case OP_VALUE_AWAIT:
  case OP_VALUE_UPDATE:
    return read_out(call->b, s, call->op);
  default:
    break;
  }
  sync_unname_all(call, change->old_refs.data, change->old_refs.len / sizeof(struct object_ref));
  if (change->was_stored)
    trim(call->b, s);
  return 0;
}

static void each_ref(struct sync_call *call,
                     void (*visit)(struct sync_call *call, const void *refs, uint64_t count)) {
  const uint64_t *s = sync_state(call->record);
  struct buf refs = {0};
  if (ref_count(s) && read_part(call->b, s, 0, value_bytes(s[VALUE_REFS], 0), &refs) == 0)
    visit(call, refs.data, s[VALUE_REFS]);
  buf_release(&refs);
}

static void release(struct os_backend *b, uint32_t slot) {
  struct sync_record *r = &b->control->syncs[slot];
  const uint64_t *s = sync_state(r);
  for (uint64_t i = 0; i < 2; i++) {
    struct extent e = extent_in(s, i);
    if (e.bytes)
      store_give(b, &e);
  }
  uint64_t *next = sync_next(r); /* once only, then */
  memset(&next[VALUE_EXTENTS], 0, 4 * sizeof *next);
  next[VALUE_REFS] = next[VALUE_LEN] = 0;
  next[VALUE_KIND] = VALUE_INLINE;
  monitor_commit(&r->monitor);
}

const struct sync_storage value_storage = {.compare = compare,
                                           .prepare = prepare,
                                           .fill = fill,
                                           .done = done,
                                           .each_ref = each_ref,
                                           .release = release};

/* -- ops -----------------------------------------------------------------------------------------
 */

/* What stands in the words, and mentions no handle, is read without the lock. */
static bool read_at_once(struct os_backend *b, struct op *op, int *ret_rc) {
  uint64_t s[SYNC_WORDS];
  sync_read(&b->control->syncs[op->object->slot], s);
  if (!is_number(s) && (s[VALUE_KIND] == VALUE_STORED || s[VALUE_REFS]))
    return false;
  *ret_rc = read_out(b, s, op);
  return true;
}

int value_perform(struct os_backend *b, struct op *op) {
  struct sync_call call;
  struct value_change change = {.was_stored = false};
  int rc;
  if (op->kind == OP_VALUE_GET && read_at_once(b, op, &rc))
    return rc;
  sync_begin(&call, b, op);
  call.storage = &value_storage;
  call.change = &change;
  rc = sync_finish(&call);
  buf_release(&change.old_refs);
  return rc;
}
