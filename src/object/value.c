/* object/value.c - the state machine of shared values; see value.h. */
#include "object/value.h"

#include <string.h>

#include "object/number.h"
#include "object/updater.h"

static uint32_t words(const uint64_t *s) {
  switch (s[VALUE_KIND]) {
  case VALUE_INLINE:
    return VALUE_DATA + (uint32_t)((value_bytes(s[VALUE_REFS], s[VALUE_LEN]) + 7) / 8);
  default:
    return VALUE_DATA + 1;
  }
}

static void init(uint64_t *s, const struct sync_options *o) {
  (void)o;
  s[VALUE_KIND] = VALUE_INLINE;
}

/* -- numbers ----------------------------------------------------------------------------------- */

static struct number number_in(const uint64_t *s) {
  struct number n = {.kind = NUMBER_NONE};
  if (s[VALUE_KIND] == VALUE_INTEGER) {
    n.kind = NUMBER_INTEGER;
    memcpy(&n.i, &s[VALUE_DATA], sizeof n.i);
  } else if (s[VALUE_KIND] == VALUE_FLOAT) {
    n.kind = NUMBER_FLOAT;
    memcpy(&n.f, &s[VALUE_DATA], sizeof n.f);
  }
  return n;
}

static void put_number(uint64_t *s, const struct number *n) {
  s[VALUE_KIND] = n->kind == NUMBER_INTEGER ? VALUE_INTEGER : VALUE_FLOAT;
  s[VALUE_LEN] = s[VALUE_REFS] = 0;
  memcpy(&s[VALUE_DATA], n->kind == NUMBER_INTEGER ? (const void *)&n->i : (const void *)&n->f, 8);
}

bool value_equals(const uint64_t *s, const struct value_args *args, bool exact) {
  struct number now = number_in(s);
  const uint8_t *message = (const uint8_t *)&s[VALUE_DATA] + value_bytes(s[VALUE_REFS], 0);
  return value_is_expected(&now, message, s[VALUE_LEN], args, exact);
}

/* -- ops --------------------------------------------------------------------------------------- */

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  return step->kind == OP_VALUE_AWAIT ? updater_sees_news(s, step) : updater_lets(s, step, w);
}

static void put(uint64_t *s, const struct sync_step *step) {
  const struct op *op = step->op;
  if (op->value->number.kind != NUMBER_NONE) {
    put_number(s, &op->value->number);
    return;
  }
  s[VALUE_LEN] = op->len;
  s[VALUE_REFS] = op->value->ref_count;
  s[VALUE_KIND] = value_is_inline(op) ? VALUE_INLINE : VALUE_STORED;
  if (s[VALUE_KIND] == VALUE_STORED)
    return; /* the world has it */
  uint8_t *at = (uint8_t *)&s[VALUE_DATA];
  uint64_t refs = value_bytes(op->value->ref_count, 0);
  if (refs)
    memcpy(at, op->value->refs, refs);
  if (op->len)
    memcpy(at + refs, op->data, op->len);
}

static int add(uint64_t *s, const struct sync_step *step) {
  struct number now = number_in(s);
  if (now.kind == NUMBER_NONE)
    return -SBX_ENUMBER;
  step->op->value->number = number_sum(&now, &step->op->value->number);
  put_number(s, &step->op->value->number);
  return 0;
}

static int change(uint64_t *s, struct sync_step *step) {
  int rc = updater_pass(s, step);
  if (rc)
    return rc;
  if (s[UPDATER]) /* the updater is gone */
    s[UPDATER] = 0;
  if (step->kind == OP_VALUE_CAS && !step->op->value->same)
    return SYNC_SAME;
  updater_news(step);
  if (step->kind == OP_VALUE_ADD)
    return add(s, step);
  put(s, step);
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  int rc;
  (void)w;
  switch (step->kind) {
  case OP_VALUE_GET:
    return SYNC_SAME;
  case OP_VALUE_AWAIT:
    rc = updater_may_watch(s, step);
    return rc ? rc : SYNC_SAME;
  case OP_VALUE_UPDATE:
    return updater_begin(s, step);
  case OP_VALUE_KEEP:
    return updater_end(s, step);
  case OP_VALUE_REPLACE:
    rc = updater_end(s, step);
    if (rc)
      return rc;
    put(s, step);
    updater_news(step);
    return 0;
  case OP_VALUE_SET:
  case OP_VALUE_ADD:
  case OP_VALUE_CAS:
    return change(s, step);
  default:
    return -SBX_EINVAL;
  }
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  (void)how;
  return updater_leave(s, step);
}

/* Words that were used before mean nothing. */
static enum op_kind taken_by(const uint64_t *s, uint64_t who) {
  return s[UPDATER] == who ? OP_VALUE_UPDATE : OP_NONE;
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  bool number = s[VALUE_KIND] == VALUE_INTEGER || s[VALUE_KIND] == VALUE_FLOAT;
  uint64_t bytes = number                          ? 8
                   : s[VALUE_KIND] == VALUE_STORED ? 0
                                                   : value_bytes(s[VALUE_REFS], s[VALUE_LEN]);
  updater_canonical(s, w);
  memset((uint8_t *)&s[VALUE_DATA] + bytes, 0, VALUE_INLINE_BYTES - bytes);
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  (void)w;
  ret->holder = s[UPDATER];
  ret->number = number_in(s);
  ret->count = s[VALUE_LEN];
}

const struct sync_machine value_machine = {
    .type = OBJECT_VALUE,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .leave = leave,
    .watch = updater_watch,
    .watch_only = true,
    .taken_by = taken_by,
    .second = updater_second,
    .helps = updater_helps,
    .canonical = canonical,
    .describe = describe,
    .in_order = true,
};
