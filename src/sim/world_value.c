/* sim/world_value.c - values and dicts: what does not fit into the words of their machines; see
 * object/value.h, object/dict.h. A dict's entries are sorted by key. */
#include "object/value.h"

#include "object/dict.h"
#include "object/updater.h"
#include "sim/world_internal.h"

/* The op as the machines want it. */
struct changing {
  struct op op;
  struct value_args args;
};

static void open_request(const struct request *r, struct changing *ret) {
  *ret = (struct changing){.op = {.kind = r->kind, .data = r->data, .len = r->len},
                           .args = {.number = r->value,
                                    .refs = r->refs,
                                    .ref_count = r->ref_count,
                                    .none = r->none,
                                    .expected = r->expected,
                                    .expected_data = r->expected_data,
                                    .expected_len = r->expected_len}};
}

/* -- values -------------------------------------------------------------------------------------
 */

bool world_value_is_number(const struct world_object *o) {
  return o->words[VALUE_KIND] == VALUE_INTEGER || o->words[VALUE_KIND] == VALUE_FLOAT;
}

/* Where the message of a value begins, its handles first. */
static const uint8_t *message_of(const struct world_object *o) {
  return o->words[VALUE_KIND] == VALUE_STORED ? o->contents.data
                                              : (const uint8_t *)&o->words[VALUE_DATA];
}

int world_value_read(const struct world_object *o, struct buf *out) {
  return buf_append(out, message_of(o) + value_bytes(o->words[VALUE_REFS], 0), o->words[VALUE_LEN]);
}

static bool equals(const struct world_object *o, const struct value_args *args, bool exact) {
  if (o->words[VALUE_KIND] != VALUE_STORED)
    return value_equals(o->words, args, exact);
  return args->expected.kind == NUMBER_NONE && o->words[VALUE_LEN] == args->expected_len &&
         (args->expected_len == 0 || memcmp(message_of(o) + value_bytes(o->words[VALUE_REFS], 0),
                                            args->expected_data, args->expected_len) == 0);
}

/* The machine has put the op's value into the words: store what they have no room for. */
static int store(struct world *w, struct world_object *o, const struct request *r) {
  int rc = 0;
  o->contents.len = 0;
  if (o->words[VALUE_KIND] == VALUE_STORED) {
    rc = buf_append(&o->contents, r->refs, value_bytes(r->ref_count, 0));
    if (rc == 0)
      rc = buf_append(&o->contents, r->data, r->len);
  }
  world_count_refs(w, o, world_value_is_number(o) ? 0 : r->ref_count);
  world_share(w, r->refs, r->ref_count);
  return rc;
}

static int tell(struct world *w, uint32_t i, const struct world_object *o, struct answer *a) {
  a->value.kind = NUMBER_NONE;
  if (world_value_is_number(o)) {
    a->value = number_of(o->words[VALUE_KIND] == VALUE_INTEGER ? NUMBER_INTEGER : NUMBER_FLOAT,
                         o->words[VALUE_DATA]);
    return 0;
  }
  a->has_out = true;
  int rc = world_value_read(o, &a->out);
  return rc ? rc : world_take_refs(w, i, message_of(o), (uint32_t)o->words[VALUE_REFS], a);
}

int world_value_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct changing c;
  struct world_object *o = &w->objects[r->object.slot];
  struct sync_step step = {.kind = r->kind, .op = &c.op, .count = r->count};
  open_request(r, &c);
  c.op.value = &c.args;
  c.args.same = r->kind == OP_VALUE_CAS && equals(o, &c.args, false);
  int rc = world_apply(w, i, r->object.slot, r, &step);
  a->value = c.args.number;
  a->same = c.args.same;
  a->count = step.count;
  a->rc = rc < 0 ? rc : 0;
  if (rc < 0)
    return 0;
  bool reads = r->kind == OP_VALUE_GET || r->kind == OP_VALUE_UPDATE || r->kind == OP_VALUE_AWAIT;
  if (reads || (r->kind == OP_VALUE_CAS && !a->same))
    return tell(w, i, o, a);
  if (r->kind == OP_VALUE_SET || r->kind == OP_VALUE_REPLACE || r->kind == OP_VALUE_CAS)
    return store(w, o, r);
  return 0;
}

/* -- dicts --------------------------------------------------------------------------------------
 */

/* Heads are not aligned for the compiler's taste: they are copied. */
static size_t entry_at(const struct world_object *o, size_t at, struct dict_entry *ret) {
  memcpy(ret, o->contents.data + at, sizeof *ret);
  return (size_t)dict_entry_size(ret);
}

static const uint8_t *body_of(const struct world_object *o, size_t at) {
  return o->contents.data + at + sizeof(struct dict_entry);
}

static size_t refs_bytes(const struct dict_entry *e) { return e->refs * sizeof(struct object_ref); }

/* As object/contents.h sorts. */
static int compare(const uint8_t *key, uint32_t key_len, const struct request *r) {
  uint32_t both = key_len < r->key_len ? key_len : r->key_len;
  int order = both ? memcmp(key, r->key, both) : 0;
  return order ? order : (key_len > r->key_len) - (key_len < r->key_len);
}

/* The position of the key's entry, or, if there is none, of where it belongs: false. */
static bool find(const struct world_object *o, const struct request *r, size_t *ret_at,
                 struct dict_entry *ret) {
  size_t size;
  for (size_t at = 0; at < o->contents.len; at += size) {
    size = entry_at(o, at, ret);
    int order = compare(body_of(o, at) + refs_bytes(ret), ret->key_len, r);
    if (order >= 0) {
      *ret_at = at;
      return order == 0;
    }
  }
  *ret_at = o->contents.len;
  return false;
}

/* Replace `old` bytes at a position by `now` bytes, which are zeroed. */
static int resize(struct buf *b, size_t at, size_t old, size_t now) {
  int rc = now > old ? buf_reserve(b, now - old) : 0;
  if (rc)
    return rc;
  memmove(b->data + at + now, b->data + at + old, b->len - at - old);
  b->len = b->len - old + now;
  memset(b->data + at, 0, now);
  return 0;
}

static int set_entry(struct world *w, struct world_object *o, const struct request *r,
                     const struct op *op) {
  const struct number *number = &op->value->number;
  struct dict_entry old, e = {.hash = r->hash,
                              .len = dict_len(op),
                              .key_len = r->key_len,
                              .refs = r->ref_count & ((1U << 30) - 1),
                              .number = number->kind & 3U};
  uint64_t bits = number_bits(number);
  size_t at, was, now = r->none ? 0 : (size_t)dict_entry_size(&e);
  bool found = find(o, r, &at, &old);
  was = found ? (size_t)dict_entry_size(&old) : 0;
  if (was == 0 && now == 0)
    return 0;
  int rc = resize(&o->contents, at, was, now);
  if (rc)
    return rc;
  o->words[DICT_COUNT] += (uint64_t)!r->none - (uint64_t)found;
  world_count_refs(w, o, o->refs + (r->none ? 0 : r->ref_count) - (found ? old.refs : 0));
  if (r->none)
    return 0;
  uint8_t *to = o->contents.data + at;
  memcpy(to, &e, sizeof e);
  to += sizeof e;
  if (e.refs)
    memcpy(to, r->refs, refs_bytes(&e));
  if (e.key_len)
    memcpy(to + refs_bytes(&e), r->key, e.key_len);
  if (e.len)
    memcpy(to + refs_bytes(&e) + e.key_len, e.number ? (const void *)&bits : r->data, e.len);
  world_share(w, r->refs, r->ref_count);
  return 0;
}

static int get_entry(struct world *w, uint32_t i, const struct world_object *o,
                     const struct request *r, struct answer *a) {
  struct dict_entry e;
  size_t at;
  a->none = !find(o, r, &at, &e);
  if (a->none)
    return 0;
  const uint8_t *body = body_of(o, at), *message = body + refs_bytes(&e) + e.key_len;
  a->value = dict_number(&e, message);
  a->has_out = e.number == 0;
  int rc = e.number ? 0 : buf_append(&a->out, message, e.len);
  return rc ? rc : world_take_refs(w, i, body, e.refs, a);
}

static int get_all(struct world *w, uint32_t i, const struct world_object *o, struct answer *a) {
  struct dict_entry e;
  a->has_out = true;
  int rc = buf_append(&a->out, o->contents.data, o->contents.len);
  for (size_t at = 0; at < o->contents.len && rc == 0; at += (size_t)dict_entry_size(&e)) {
    entry_at(o, at, &e);
    rc = world_take_refs(w, i, body_of(o, at), e.refs, a);
  }
  return rc;
}

/* Is the entry of the key what the op expects? */
static bool entry_as_expected(const struct world_object *o, const struct request *r,
                              const struct value_args *args, bool exact) {
  struct dict_entry e;
  size_t at;
  if (!find(o, r, &at, &e))
    return dict_is_expected(NULL, NULL, args, exact);
  return dict_is_expected(&e, body_of(o, at) + refs_bytes(&e) + e.key_len, args, exact);
}

/* What is not there counts as 0. -SBX_ENUMBER */
static int add_up(const struct world_object *o, uint32_t i, const struct request *r,
                  struct number *sum) {
  struct number now = {.kind = NUMBER_INTEGER};
  struct dict_entry e;
  size_t at;
  if (o->words[DICT_UPDATER] == world_who(i))
    return -SBX_EUPDATING;
  if (find(o, r, &at, &e))
    now = dict_number(&e, body_of(o, at) + refs_bytes(&e) + e.key_len);
  if (now.kind == NUMBER_NONE)
    return -SBX_ENUMBER;
  *sum = number_sum(&now, sum);
  return 0;
}

/* The machine has done its part. */
static int finish(struct world *w, uint32_t i, struct world_object *o, const struct request *r,
                  const struct changing *c, struct answer *a) {
  switch (r->kind) {
  case OP_DICT_GET:
  case OP_DICT_UPDATE:
  case OP_DICT_AWAIT:
    return get_entry(w, i, o, r, a);
  case OP_DICT_ALL:
    return get_all(w, i, o, a);
  case OP_DICT_CAS:
    a->same = c->args.same;
    return a->same ? set_entry(w, o, r, &c->op) : get_entry(w, i, o, r, a);
  case OP_DICT_ADD:
    a->value = c->args.number;
    return set_entry(w, o, r, &c->op);
  case OP_DICT_SET:
  case OP_DICT_REPLACE:
    return set_entry(w, o, r, &c->op);
  default:
    return 0;
  }
}

int world_dict_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct changing c;
  struct world_object *o = &w->objects[r->object.slot];
  struct sync_step step = {.kind = r->kind, .op = &c.op, .count = r->count};
  int rc = 0;
  open_request(r, &c);
  c.op.value = &c.args;
  c.args.same = r->kind == OP_DICT_CAS && entry_as_expected(o, r, &c.args, false);
  if (r->kind == OP_DICT_ADD)
    rc = add_up(o, i, r, &c.args.number);
  if (rc == 0)
    rc = world_apply(w, i, r->object.slot, r, &step);
  a->rc = rc < 0 ? rc : 0;
  a->count = step.count;
  return rc < 0 ? 0 : finish(w, i, o, r, &c, a);
}

/* -- waiting for a change -----------------------------------------------------------------------
 */

enum world_can world_changed_can(struct world *w, uint32_t i, const struct request *r) {
  const struct world_object *o = &w->objects[r->object.slot];
  struct changing c;
  open_request(r, &c);
  bool same =
      r->kind == OP_VALUE_AWAIT ? equals(o, &c.args, true) : entry_as_expected(o, r, &c.args, true);
  bool refused = o->words[UPDATER] == world_who(i);
  return world_if(w, r, !r->number || !same || refused);
}

/* -- handles ------------------------------------------------------------------------------------
 */

void world_value_each_ref(const struct world_object *o,
                          void (*visit)(void *ctx, const struct object_ref *ref), void *ctx) {
  struct dict_entry e;
  if (o->type == OBJECT_VALUE && !world_value_is_number(o))
    world_visit_refs(message_of(o), o->words[VALUE_REFS], visit, ctx);
  if (o->type != OBJECT_DICT)
    return;
  for (size_t at = 0; at < o->contents.len; at += (size_t)dict_entry_size(&e)) {
    entry_at(o, at, &e);
    world_visit_refs(body_of(o, at), e.refs, visit, ctx);
  }
}
