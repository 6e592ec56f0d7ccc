/*
 * net/dict.c - dicts: the entries are a hash of the engine; see object/dict.h.
 *
 * An entry there: how many handles (4 bytes), the kind of its number (4), the hash of the key (8), the handles, the
 * message. To set one does not change the words of the dict, so processes that set different keys do not
 * collide; whoever depends on what it has read has the engine check that it is still there.
 */
#include "object/dict.h"

#include "net/internal.h"

enum { ENTRY_HEAD = 16 };

/* An entry as the op's structures have it, with its parts. */
struct entry {
  struct dict_entry e;
  const uint8_t *refs, *message;
};

static int entry_read(const void *bytes, size_t len, uint32_t key_len, struct entry *ret) {
  const uint8_t *at = bytes;
  uint32_t refs, number;
  if (len < ENTRY_HEAD)
    return -SBX_ENOOBJECT;
  memcpy(&refs, at, sizeof refs);
  memcpy(&number, at + 4, sizeof number);
  size_t left = len - ENTRY_HEAD;
  if (refs > left / sizeof(struct object_ref) || number > NUMBER_FLOAT)
    return -SBX_ENOOBJECT;
  left -= refs * sizeof(struct object_ref);
  if (number && left != sizeof(uint64_t))
    return -SBX_ENOOBJECT;
  *ret = (struct entry){.e = {.len = left,
                              .key_len = key_len,
                              .refs = refs & ((1U << 30) - 1),
                              .number = number & 3U},
                        .refs = at + ENTRY_HEAD,
                        .message = at + ENTRY_HEAD + refs * sizeof(struct object_ref)};
  memcpy(&ret->e.hash, at + 8, sizeof ret->e.hash);
  return 0;
}

/* What the op brings, as an entry. */
static int entry_write(const struct op *op, const struct number *number, struct buf *to) {
  const struct value_args *args = op->value;
  bool is_number = number->kind != NUMBER_NONE;
  uint32_t refs = is_number ? 0 : args->ref_count, kind = number->kind;
  uint64_t bits = number_bits(number);
  int rc = buf_append(to, &refs, sizeof refs);
  if (rc == 0)
    rc = buf_append(to, &kind, sizeof kind);
  if (rc == 0)
    rc = buf_append(to, &args->hash, sizeof args->hash);
  if (rc == 0 && refs)
    rc = buf_append(to, args->refs, refs * sizeof(struct object_ref));
  if (rc)
    return rc;
  return is_number ? buf_append(to, &bits, sizeof bits) : buf_append(to, op->data, op->len);
}

static void ask_key(const struct net_call *c, struct net_args *a) {
  args_command(a, 2);
  args_text(a, "HGET");
  args_add(a, c->op->value->key, c->op->value->key_len);
}

static void ask_dict(struct net_call *c, struct net_args *look) {
  switch (c->op->kind) {
  case OP_DICT_GET:
  case OP_DICT_AWAIT:
  case OP_DICT_CAS:
  case OP_DICT_ADD:
    ask_key(c, look);
    break;
  case OP_DICT_ALL:
    args_command(look, 1);
    args_text(look, "HGETALL");
    break;
  default:
    break;
  }
}

static bool is_as_expected(const struct net_call *c, bool exact) {
  struct entry e;
  if (!c->has_read || entry_read(c->read.data, c->read.len, c->op->value->key_len, &e))
    return dict_is_expected(NULL, NULL, c->op->value, exact);
  return dict_is_expected(&e.e, e.message, c->op->value, exact);
}

/* One entry of DICT_ALL, as object/dict.h has it. */
static int append_entry(const struct entry *e, const void *key, struct buf *out) {
  static const uint8_t zeros[8];
  size_t begin = out->len;
  int rc = buf_append(out, &e->e, sizeof e->e);
  if (rc == 0 && e->e.refs)
    rc = buf_append(out, e->refs, e->e.refs * sizeof(struct object_ref));
  if (rc == 0 && e->e.key_len)
    rc = buf_append(out, key, e->e.key_len);
  if (rc == 0 && e->e.len)
    rc = buf_append(out, e->message, e->e.len);
  return rc ? rc : buf_append(out, zeros, (size_t)dict_entry_size(&e->e) - (out->len - begin));
}

static int read_all(struct net_call *c, const struct engine_reply *all) {
  c->read.len = 0;
  for (size_t i = 0; i + 1 < engine_count(all); i += 2) {
    const struct engine_reply *key = engine_at(all, i), *value = engine_at(all, i + 1);
    struct entry e;
    if (engine_type(value) != ENGINE_BYTES || engine_len(key) > UINT32_MAX)
      return -SBX_ENOOBJECT;
    int rc = entry_read(engine_data(value), engine_len(value), (uint32_t)engine_len(key), &e);
    if (rc == 0)
      rc = append_entry(&e, engine_data(key), &c->read);
    if (rc)
      return rc;
  }
  return 0;
}

static int told_dict(struct net_call *c, const struct engine_reply *answer) {
  struct entry e;
  if (c->op->kind == OP_DICT_ALL)
    return read_all(c, answer);
  c->read.len = 0;
  c->has_read = engine_type(answer) == ENGINE_BYTES;
  if (c->has_read) {
    int rc = buf_append(&c->read, engine_data(answer), engine_len(answer));
    if (rc == 0)
      rc = entry_read(c->read.data, c->read.len, 0, &e);
    if (rc)
      return rc;
  }
  if (c->op->kind == OP_DICT_AWAIT)
    c->op->value->same = c->op->number && is_as_expected(c, true);
  else if (c->op->kind == OP_DICT_CAS)
    c->op->value->same = is_as_expected(c, false);
  return 0;
}

/* What is not there counts as 0. */
static int add_up(const struct net_call *c, struct number *ret) {
  struct number now = {.kind = NUMBER_INTEGER};
  struct entry e;
  int rc = c->has_read ? entry_read(c->read.data, c->read.len, 0, &e) : 0;
  if (rc == 0 && c->has_read)
    now = dict_number(&e.e, e.message);
  if (rc == 0 && now.kind == NUMBER_NONE)
    rc = -SBX_ENUMBER;
  *ret = number_sum(&now, &c->op->value->number);
  return rc;
}

/* The commands that store what the op brings; c->keep has it from `at` on. */
static void store(struct net_call *c, size_t at, struct net_args *commit) {
  const struct value_args *args = c->op->value;
  args_command(commit, args->none ? 2 : 3);
  args_text(commit, args->none ? "HDEL" : "HSET");
  args_add(commit, args->key, args->key_len);
  if (!args->none)
    args_add(commit, c->keep.data + at, c->keep.len - at);
}

static int prepare_dict(struct net_call *c, struct net_args *commit) {
  enum op_kind kind = c->op->kind;
  struct number number = c->op->value->number;
  size_t at = 1 + c->read.len;
  int rc = 0;
  if (kind == OP_DICT_UPDATE)
    ask_key(c, commit);
  bool depends = kind == OP_DICT_ADD || (kind == OP_DICT_CAS && c->op->value->same);
  if (!depends && kind != OP_DICT_SET && kind != OP_DICT_REPLACE)
    return 0;
  if (kind == OP_DICT_ADD && (rc = add_up(c, &number)))
    return rc;
  c->keep.len = 0;
  if ((rc = buf_reserve(&c->keep, at)))
    return rc;
  c->keep.len = at; /* for the check */
  if ((rc = entry_write(c->op, &number, &c->keep)))
    return rc;
  if (depends) {
    args_check(commit, 2);
    args_text(commit, "HGET");
    args_add(commit, c->op->value->key, c->op->value->key_len);
    args_expect(commit, c->has_read ? c->read.data : NULL, c->read.len, c->keep.data);
  }
  store(c, at, commit);
  return 0;
}

/* The entry of the key, into the op. */
static int tell(struct op *op, const void *bytes, size_t len, bool found) {
  struct entry e;
  op->value->none = !found;
  op->value->number.kind = NUMBER_NONE;
  if (!found)
    return 0;
  int rc = entry_read(bytes, len, 0, &e);
  if (rc)
    return rc;
  op->value->number = dict_number(&e.e, e.message);
  const struct stored m = {
      .refs = e.refs, .count = e.e.refs, .data = e.message, .len = e.e.number ? 0 : e.e.len};
  return stored_take(&m, e.e.number ? NULL : op->out, op->value->out_refs);
}

static int tell_all(const struct net_call *c) {
  struct dict_entry e;
  int rc = buf_append(c->op->out, c->read.data, c->read.len);
  for (size_t at = 0; at < c->read.len && rc == 0; at += (size_t)dict_entry_size(&e)) {
    memcpy(&e, c->read.data + at, sizeof e);
    if (e.refs && c->op->value->out_refs)
      rc = buf_append(c->op->value->out_refs, c->read.data + at + sizeof e,
                      e.refs * sizeof(struct object_ref));
  }
  return rc;
}

static int done_dict(struct net_call *c, const struct engine_reply *answers) {
  switch (c->op->kind) {
  case OP_DICT_ALL:
    return tell_all(c);
  case OP_DICT_GET:
  case OP_DICT_AWAIT:
    return tell(c->op, c->read.data, c->read.len, c->has_read);
  case OP_DICT_CAS:
    return c->op->value->same ? 0 : tell(c->op, c->read.data, c->read.len, c->has_read);
  case OP_DICT_ADD:
    return add_up(c, &c->op->value->number);
  case OP_DICT_UPDATE: {
    const struct engine_reply *r = engine_at(answers, COMMIT_ANSWERS);
    bool found = engine_type(r) == ENGINE_BYTES;
    return tell(c->op, found ? engine_data(r) : NULL, found ? engine_len(r) : 0, found);
  }
  default:
    return 0;
  }
}

static const struct net_storage dict_storage = {
    .ask = ask_dict, .told = told_dict, .prepare = prepare_dict, .done = done_dict};

int net_dict_do(struct net *n, struct op *op) {
  struct net_call c;
  struct net_object *o = net_object_of(n, op->object);
  int rc = o ? net_check_refs(n, op->value->refs, op->value->ref_count) : -SBX_ENOMEM;
  if (rc)
    return rc;
  call_begin(&c, n, op, o);
  c.storage = &dict_storage;
  rc = call_finish(&c);
  call_release(&c);
  return rc;
}
