/* net/value.c - values and arrays: what does not stand in the words of their machines. A large message of a value, its handles
 * first, and the elements of an array are strings of their own in the engine. See object/value.h, object/array.h. */
#include "object/value.h"

#include "net/internal.h"
#include "object/array.h"

/* -- values -------------------------------------------------------------------------------------- */

static bool is_number(const uint64_t *s) {
  return s[VALUE_KIND] == VALUE_INTEGER || s[VALUE_KIND] == VALUE_FLOAT;
}

/* The message of a state, its handles first; NULL: it is a number, or too large to be there. */
static const uint8_t *inline_message(const uint64_t *s) {
  return s[VALUE_KIND] == VALUE_INLINE ? (const uint8_t *)&s[VALUE_DATA] : NULL;
}

static void ask_value(struct net_call *c, struct net_args *look) {
  if (c->op->kind != OP_VALUE_CAS && c->op->kind != OP_VALUE_AWAIT)
    return;
  args_command(look, 1);
  args_text(look, "GET");
}

/* Compare: what is there, with what the op expects. */
static int told_value(struct net_call *c, const struct engine_reply *answer) {
  const uint64_t *s = c->o->seen.words;
  struct value_args *args = c->op->value;
  bool exact = c->op->kind == OP_VALUE_AWAIT;
  uint64_t refs = value_bytes(s[VALUE_REFS], 0);
  bool same;
  if (s[VALUE_KIND] != VALUE_STORED) {
    same = value_equals(s, args, exact);
  } else {
    if (engine_type(answer) != ENGINE_BYTES || engine_len(answer) != refs + s[VALUE_LEN])
      return -SBX_ENOOBJECT;
    same = args->expected.kind == NUMBER_NONE && s[VALUE_LEN] == args->expected_len &&
           (args->expected_len == 0 ||
            memcmp(engine_data(answer) + refs, args->expected_data, args->expected_len) == 0);
  }
  args->same = exact ? same && c->op->number : same;
  return 0;
}

static bool writes(const struct net_call *c) {
  enum op_kind kind = c->op->kind;
  return kind == OP_VALUE_SET || kind == OP_VALUE_REPLACE ||
         (kind == OP_VALUE_CAS && c->op->value->same);
}

static int prepare_value(struct net_call *c, struct net_args *commit) {
  const struct value_args *args = c->op->value;
  bool was_stored = c->o->seen.words[VALUE_KIND] == VALUE_STORED;
  if (c->op->kind == OP_VALUE_ADD || c->op->kind == OP_VALUE_KEEP)
    return 0;
  if (!writes(c)) {
    if (was_stored) {
      args_command(commit, 1);
      args_text(commit, "GET");
    }
    return 0;
  }
  if (value_is_inline(c->op)) {
    if (was_stored) {
      args_command(commit, 1);
      args_text(commit, "DEL");
    }
    return 0;
  }
  c->keep.len = 0;
  int rc = args->ref_count ? buf_append(&c->keep, args->refs, value_bytes(args->ref_count, 0)) : 0;
  if (rc == 0)
    rc = buf_append(&c->keep, c->op->data, c->op->len);
  args_command(commit, 2);
  args_text(commit, "SET");
  args_add(commit, c->keep.data, c->keep.len);
  return rc;
}

/* What the op reads: it is in the words, or in the answer. */
static int read_value(const struct op *op, const uint64_t *s, const struct engine_reply *stored) {
  const uint8_t *at = inline_message(s);
  uint64_t refs = value_bytes(s[VALUE_REFS], 0);
  op->value->number.kind = NUMBER_NONE;
  if (is_number(s)) {
    op->value->number =
        number_of(s[VALUE_KIND] == VALUE_INTEGER ? NUMBER_INTEGER : NUMBER_FLOAT, s[VALUE_DATA]);
    return 0;
  }
  if (!at) {
    if (engine_type(stored) != ENGINE_BYTES || engine_len(stored) != refs + s[VALUE_LEN])
      return -SBX_ENOOBJECT;
    at = (const uint8_t *)engine_data(stored);
  }
  const struct stored m = {
      .refs = at, .count = (uint32_t)s[VALUE_REFS], .data = at + refs, .len = s[VALUE_LEN]};
  return stored_take(&m, op->out, op->value->out_refs);
}

static int done_value(struct net_call *c, const struct engine_reply *answers) {
  static const struct engine_reply *none;
  enum op_kind kind = c->op->kind;
  if (writes(c) || kind == OP_VALUE_ADD || kind == OP_VALUE_KEEP)
    return 0;
  return read_value(c->op, c->next.words, answers ? engine_at(answers, COMMIT_ANSWERS) : none);
}

static const struct net_storage value_storage = {
    .ask = ask_value, .told = told_value, .prepare = prepare_value, .done = done_value};

static int call_with(struct net *n, struct op *op, struct net_object *o,
                     const struct net_storage *storage) {
  struct net_call c;
  call_begin(&c, n, op, o);
  c.storage = storage;
  int rc = call_finish(&c);
  call_release(&c);
  return rc;
}

/* The engine adds. WORD_SLOW: it cannot. */
static int add_there(struct net *n, struct net_object *o, struct op *op) {
  struct engine_reply *r;
  struct net_args a;
  char number[24];
  int rc;
  args_begin(&a);
  args_add(&a, number,
           (size_t)snprintf(number, sizeof number, "%lld", (long long)op->value->number.i));
  do {
    rc = net_once(n, &script_add, o, &a, &r);
    if (rc == WORD_OK && engine_len(engine_at(r, 2)) == 8)
      op->value->number.i = (int64_t)state_get64(engine_data(engine_at(r, 2)));
    if (rc >= 0)
      engine_free(r);
  } while (rc == WORD_OLD);
  if (rc == WORD_OK)
    o->seen_epoch = 0;
  return rc;
}

static int set_there(struct net *n, struct net_object *o, struct op *op) {
  struct net_state next = {.type = OBJECT_VALUE};
  struct sync_step step = {.kind = OP_VALUE_SET, .op = op, .who = n->who};
  struct net_view view = {.n = n, .s = &next};
  struct engine_reply *r;
  struct net_args a;
  uint8_t words[8 * SYNC_WORDS], count;
  int rc = value_machine.apply(next.words, &step, NET_WORLD(&view));
  if (rc < 0)
    return rc;
  count = (uint8_t)value_machine.words(next.words);
  for (uint32_t i = 1; i < count; i++)
    state_put64(words + 8 * (i - 1), next.words[i]);
  args_begin(&a);
  args_add(&a, &count, 1);
  args_add(&a, words, 8 * (count - 1U));
  do
    if ((rc = net_once(n, &script_set, o, &a, &r)) >= 0)
      engine_free(r);
  while (rc == WORD_OLD);
  if (rc == WORD_OK)
    o->seen_epoch = 0;
  return rc;
}

int net_value_do(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object);
  int rc = o ? net_check_refs(n, op->value->refs, op->value->ref_count) : -SBX_ENOMEM;
  if (rc)
    return rc;
  if (op->kind == OP_VALUE_GET) {
    o->seen_epoch = 0; /* it is the engine's that counts */
  } else if (op->kind == OP_VALUE_ADD && op->value->number.kind == NUMBER_INTEGER) {
    rc = add_there(n, o, op);
  } else if (op->kind == OP_VALUE_SET && value_is_inline(op)) {
    rc = set_there(n, o, op);
  } else {
    rc = WORD_SLOW;
  }
  if (op->kind != OP_VALUE_GET && rc != WORD_SLOW)
    return rc;
  return call_with(n, op, o, &value_storage);
}

/* -- arrays -------------------------------------------------------------------------------------- */

enum { ELEMENT = 8 };

static void add_number(struct net_args *a, char to[24], uint64_t n) {
  args_add(a, to, (size_t)snprintf(to, 24, "%llu", (unsigned long long)n));
}

/* GETRANGE of some elements. */
static void ask_range(struct net_args *a, char text[2][24], uint64_t from, uint64_t many) {
  args_command(a, 3);
  args_text(a, "GETRANGE");
  add_number(a, text[0], ELEMENT * (from - 1));
  add_number(a, text[1], ELEMENT * (from - 1 + many) - 1);
}

/* The elements in an answer, in the order of bytes that this machine has. */
static int read_range(const struct engine_reply *r, uint64_t many, struct buf *out) {
  if (engine_type(r) != ENGINE_BYTES || engine_len(r) != ELEMENT * many)
    return -SBX_ENOOBJECT;
  int rc = buf_reserve(out, ELEMENT * many);
  for (uint64_t i = 0; i < many && rc == 0; i++, out->len += ELEMENT) {
    uint64_t bits = state_get64(engine_data(r) + ELEMENT * i);
    memcpy(out->data + out->len, &bits, sizeof bits);
  }
  return rc;
}

static int copy_range(struct net *n, struct net_object *o, struct op *op) {
  char text[2][24];
  struct engine_reply *r = NULL;
  struct net_args a;
  uint64_t many = (uint64_t)op->number;
  if (many == 0)
    return 0;
  args_begin(&a);
  ask_range(&a, text, op->count, many);
  int rc = net_look(n, o, &a, &r);
  args_release(&a);
  if (rc == 0)
    rc = read_range(engine_at(r, LOOK_ANSWERS), many, op->out);
  engine_free(r);
  return rc;
}

static int fill(struct net *n, struct net_object *o, const struct op *op) {
  struct buf all = {0};
  struct net_args a;
  uint64_t many = o->seen.words[ARRAY_COUNT];
  int rc = buf_reserve(&all, ELEMENT * many);
  if (rc)
    return rc;
  for (uint64_t i = 0; i < many; i++, all.len += ELEMENT)
    state_put64(all.data + all.len, number_bits(&op->value->number));
  args_begin(&a);
  args_command(&a, 3);
  args_text(&a, "SETRANGE");
  args_text(&a, "0");
  args_add(&a, all.data, all.len);
  while ((rc = net_commit(n, o, NULL, &a, NULL, 0, NULL)) == WORD_OLD)
    if ((rc = net_see(n, o)))
      break;
  args_release(&a);
  buf_release(&all);
  return rc;
}

/* Integers are added by the engine: many processes may do so at once. */
static int add_element(struct net *n, struct net_object *o, struct op *op) {
  char text[2][24], at[24], by[24];
  struct engine_reply *r = NULL;
  struct net_args a;
  int rc;
  args_begin(&a);
  args_command(&a, 5);
  args_text(&a, "BITFIELD");
  args_text(&a, "INCRBY");
  args_text(&a, "i64");
  add_number(&a, at, 64 * (op->count - 1));
  args_add(&a, by, (size_t)snprintf(by, sizeof by, "%lld", (long long)op->value->number.i));
  ask_range(&a, text, op->count, 1);
  while ((rc = net_commit(n, o, NULL, &a, NULL, 0, &r)) == WORD_OLD)
    if ((rc = net_see(n, o)))
      break;
  args_release(&a);
  if (rc)
    return rc;
  const struct engine_reply *now = engine_at(r, COMMIT_ANSWERS + 1);
  if (engine_len(now) == ELEMENT)
    op->value->number = number_of(NUMBER_INTEGER, state_get64(engine_data(now)));
  else
    rc = -SBX_ENOOBJECT;
  engine_free(r);
  return rc;
}

/* See an element, in the order of bytes that the engine has. */
static int see_element(struct net *n, struct net_object *o, const struct op *op,
                       uint8_t ret[ELEMENT]) {
  char text[2][24];
  struct net_args a;
  struct engine_reply *r = NULL;
  args_begin(&a);
  ask_range(&a, text, op->count, 1);
  int rc = net_look(n, o, &a, &r);
  args_release(&a);
  if (rc)
    return rc;
  const struct engine_reply *found = engine_at(r, LOOK_ANSWERS);
  if (engine_type(found) == ENGINE_BYTES && engine_len(found) == ELEMENT)
    memcpy(ret, engine_data(found), ELEMENT);
  else
    rc = -SBX_ENOOBJECT;
  engine_free(r);
  return rc;
}

/* See the element, and change it if it is still the same. */
static int change_element(struct net *n, struct net_object *o, struct op *op) {
  char text[4][24];
  struct net_args a;
  struct array_answer answer;
  uint8_t was[ELEMENT], now[ELEMENT], expect[1 + ELEMENT];
  const struct number given = op->value->number;
  int rc;
  do {
    op->value->number = given;
    if (op->kind == OP_ARRAY_SET) { /* whatever stands there */
      memset(was, 0, ELEMENT);
      rc = net_see(n, o);
    } else {
      rc = see_element(n, o, op, was);
    }
    if (rc)
      return rc;
    uint64_t bits = array_change(o->seen.words, op, state_get64(was), &answer);
    state_put64(now, bits);
    if (op->kind == OP_ARRAY_GET || (op->kind == OP_ARRAY_CAS && !answer.same))
      break;
    args_begin(&a);
    if (op->kind != OP_ARRAY_SET) {
      args_check(&a, 3);
      args_text(&a, "GETRANGE");
      add_number(&a, text[0], ELEMENT * (op->count - 1));
      add_number(&a, text[1], ELEMENT * op->count - 1);
      args_expect(&a, was, ELEMENT, expect);
    }
    args_command(&a, 3);
    args_text(&a, "SETRANGE");
    add_number(&a, text[2], ELEMENT * (op->count - 1));
    args_add(&a, now, ELEMENT);
    rc = net_commit(n, o, NULL, &a, NULL, 0, NULL);
    args_release(&a);
  } while (rc == WORD_OLD);
  op->value->number = answer.number;
  op->value->same = answer.same;
  return rc;
}

int net_array_do(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object);
  int rc = o ? net_see(n, o) : -SBX_ENOMEM;
  if (rc == 0)
    rc = array_check(o->seen.words, op);
  if (rc)
    return rc;
  switch (op->kind) {
  case OP_ARRAY_COPY:
    return copy_range(n, o, op);
  case OP_ARRAY_FILL:
    return fill(n, o, op);
  case OP_ARRAY_ADD:
    if (o->seen.words[ARRAY_KIND] == NUMBER_INTEGER)
      return add_element(n, o, op);
    return change_element(n, o, op);
  default:
    return change_element(n, o, op);
  }
}
