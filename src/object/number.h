/*
 * object/number.h - numbers as values, dicts and arrays have them: sums and comparisons as in Lua. Pure.
 */
#ifndef SBX_OBJECT_NUMBER_H
#define SBX_OBJECT_NUMBER_H

#include <string.h>

#include "object/op.h"

static inline double number_float(const struct number *n) {
  return n->kind == NUMBER_INTEGER ? (double)n->i : n->f;
}

/* As Lua adds: integers wrap around; with a float, the sum is a float. */
static inline struct number number_sum(const struct number *a, const struct number *b) {
  if (a->kind == NUMBER_INTEGER && b->kind == NUMBER_INTEGER)
    return (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)((uint64_t)a->i + (uint64_t)b->i)};
  return (struct number){.kind = NUMBER_FLOAT, .f = number_float(a) + number_float(b)};
}

/* As Lua compares: by mathematical value, so that rounding makes no two numbers equal. */
static inline bool number_equals(const struct number *a, const struct number *b) {
  if (a->kind == b->kind)
    return a->kind == NUMBER_INTEGER ? a->i == b->i : a->f == b->f;
  int64_t i = a->kind == NUMBER_INTEGER ? a->i : b->i;
  double f = a->kind == NUMBER_INTEGER ? b->f : a->f;
  return f >= -0x1p63 && f < 0x1p63 && (double)(int64_t)f == f && (int64_t)f == i;
}

/* Its 8 bytes, and the number of a kind that has these bytes. */
static inline uint64_t number_bits(const struct number *n) {
  uint64_t bits = 0;
  if (n->kind != NUMBER_NONE)
    memcpy(&bits, n->kind == NUMBER_FLOAT ? (const void *)&n->f : (const void *)&n->i, sizeof bits);
  return bits;
}

static inline struct number number_of(int kind, uint64_t bits) {
  struct number n = {.kind = NUMBER_NONE};
  if (kind == NUMBER_INTEGER || kind == NUMBER_FLOAT) {
    n.kind = kind == NUMBER_INTEGER ? NUMBER_INTEGER : NUMBER_FLOAT;
    memcpy(kind == NUMBER_FLOAT ? (void *)&n.f : (void *)&n.i, &bits, sizeof bits);
  }
  return n;
}

/* The same kind and the same bytes: so NaN is what it is. */
static inline bool number_is(const struct number *a, const struct number *b) {
  return a->kind == b->kind && number_bits(a) == number_bits(b);
}

/*
 * Is a value, a number or else a message, what an op expects (struct value_args)? A cas compares
 * numbers as Lua does; a wait for another value, `exact`, takes each other bit for a change.
 */
static inline bool value_is_expected(const struct number *now, const void *message, uint64_t len,
                                     const struct value_args *args, bool exact) {
  if (now->kind != NUMBER_NONE || args->expected.kind != NUMBER_NONE)
    return now->kind != NUMBER_NONE && args->expected.kind != NUMBER_NONE &&
           (exact ? number_is(now, &args->expected) : number_equals(now, &args->expected));
  return len == args->expected_len && (len == 0 || memcmp(message, args->expected_data, len) == 0);
}

#endif
