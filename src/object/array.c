/* object/array.c - the state machine of arrays; see array.h. */
#include "object/array.h"

#include "base/error.h"

static uint32_t words(const uint64_t *s) {
  (void)s;
  return ARRAY_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  s[ARRAY_KIND] = o->floats ? NUMBER_FLOAT : NUMBER_INTEGER;
  s[ARRAY_COUNT] = o->count;
}

/* -- elements ---------------------------------------------------------------------------------- */

/* Convert a number to the array's kind, as Lua does. False: it is not whole, or none. */
static bool convert(const uint64_t *s, struct number *n) {
  if ((uint64_t)n->kind == s[ARRAY_KIND])
    return true;
  if (n->kind == NUMBER_NONE)
    return false;
  if (n->kind == NUMBER_INTEGER) {
    *n = (struct number){.kind = NUMBER_FLOAT, .f = (double)n->i};
    return true;
  }
  if (!(n->f >= -0x1p63 && n->f < 0x1p63) || (double)(int64_t)n->f != n->f)
    return false;
  *n = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)n->f};
  return true;
}

int array_check(const uint64_t *s, const struct op *op) {
  uint64_t n = s[ARRAY_COUNT], many = 1;
  if (op->kind == OP_ARRAY_FILL)
    return convert(s, &op->value->number) ? 0 : -SBX_EWHOLE;
  if (op->kind == OP_ARRAY_COPY)
    many = op->number < 0 ? UINT64_MAX : (uint64_t)op->number;
  /* A copy of nothing may begin behind the end. */
  if (op->count < 1 || op->count > n + (many == 0) || many > n + 1 - op->count)
    return -SBX_EBOUNDS;
  if (op->kind == OP_ARRAY_GET || op->kind == OP_ARRAY_COPY)
    return 0;
  return convert(s, &op->value->number) ? 0 : -SBX_EWHOLE;
}

uint64_t array_change(const uint64_t *s, const struct op *op, uint64_t bits,
                      struct array_answer *ret) {
  const struct value_args *args = op->value;
  struct number now = number_of((int)s[ARRAY_KIND], bits);
  *ret = (struct array_answer){.number = now};
  switch (op->kind) {
  case OP_ARRAY_SET:
    ret->number = args->number;
    return number_bits(&args->number);
  case OP_ARRAY_ADD:
    ret->number = number_sum(&now, &args->number);
    return number_bits(&ret->number);
  case OP_ARRAY_CAS:
    ret->same = number_equals(&now, &args->expected);
    return ret->same ? number_bits(&args->number) : bits;
  default:
    return bits;
  }
}

/* -- the machine ------------------------------------------------------------------------------- */

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  (void)s;
  (void)step;
  (void)w;
  return true;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  (void)w;
  switch (step->kind) {
  case OP_ARRAY_GET:
  case OP_ARRAY_COPY:
  case OP_ARRAY_SET:
  case OP_ARRAY_ADD:
  case OP_ARRAY_CAS:
  case OP_ARRAY_FILL: {
    int rc = array_check(s, step->op);
    return rc ? rc : SYNC_SAME; /* the words stay, whatever becomes of the elements */
  }
  default:
    return -SBX_EINVAL;
  }
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  (void)s;
  (void)w;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  (void)w;
  ret->count = s[ARRAY_COUNT];
  ret->set = s[ARRAY_KIND] == NUMBER_FLOAT;
}

const struct sync_machine array_machine = {
    .type = OBJECT_ARRAY,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
};
