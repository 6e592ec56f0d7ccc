/* sim/world_array.c - arrays: the elements, which stand in the contents of the object; see
 * object/array.h. */
#include "object/array.h"

#include "sim/world_internal.h"

int world_array_begin(struct world_object *o, const struct request *r) {
  size_t bytes = (size_t)array_bytes(o->words[ARRAY_COUNT]);
  int rc = buf_reserve(&o->contents, bytes);
  if (rc)
    return rc;
  if (r->len == bytes)
    return buf_append(&o->contents, r->data, bytes);
  memset(o->contents.data, 0, bytes);
  o->contents.len = bytes;
  return 0;
}

static void fill(struct world_object *o, const struct number *n) {
  uint64_t bits = number_bits(n);
  for (size_t at = 0; at < o->contents.len; at += sizeof bits)
    memcpy(o->contents.data + at, &bits, sizeof bits);
}

static void change(struct world_object *o, const struct op *op, struct answer *a) {
  uint8_t *at = o->contents.data + array_bytes(op->count - 1);
  struct array_answer answer;
  uint64_t bits;
  memcpy(&bits, at, sizeof bits);
  bits = array_change(o->words, op, bits, &answer);
  memcpy(at, &bits, sizeof bits);
  a->value = answer.number;
  a->same = answer.same;
}

int world_array_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *o = &w->objects[r->object.slot];
  struct value_args args = {.number = r->value, .expected = r->expected};
  struct op op = {.kind = r->kind, .count = r->count, .number = r->number, .value = &args};
  struct sync_step step = {.kind = r->kind, .op = &op, .count = r->count};
  int rc = world_apply(w, i, r->object.slot, r, &step);
  a->rc = rc < 0 ? rc : 0;
  if (rc < 0)
    return 0;
  if (r->kind == OP_ARRAY_FILL) {
    fill(o, &args.number);
    return 0;
  }
  if (r->kind != OP_ARRAY_COPY) {
    change(o, &op, a);
    return 0;
  }
  a->has_out = true;
  return buf_append(&a->out, o->contents.data + array_bytes(op.count - 1),
                    (size_t)array_bytes((uint64_t)op.number));
}
