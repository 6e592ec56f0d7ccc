/*
 * object/array.h - the state machine of arrays: numbers of one kind, as many as when it was made.
 *
 * Nothing ever waits for an array. The elements do not fit into the words of the state: the world
 * stores them, 8 bytes each (number_bits). What an op asks for, and what it makes of an element, is
 * said here: struct op has the element, or the first of several, in `count` (from 1), how many in
 * `number` (COPY), and numbers in `value`.
 */
#ifndef SBX_OBJECT_ARRAY_H
#define SBX_OBJECT_ARRAY_H

#include "object/number.h"
#include "object/sync.h"

enum array_word {
  ARRAY_KIND,  /* of its numbers: NUMBER_INTEGER or NUMBER_FLOAT */
  ARRAY_COUNT, /* of its elements, 1 to ARRAY_MOST */
  ARRAY_WORDS
};

enum { ARRAY_MOST = INT32_MAX };

static inline uint64_t array_bytes(uint64_t elements) { return elements * sizeof(uint64_t); }

/* Can the op be done? Then its number is of the array's kind; else it is as it was. 0; -SBX_EBOUNDS:
 * there are no such elements; -SBX_EWHOLE: the number is not whole, and the array's are. */
int array_check(const uint64_t *s, const struct op *op);

struct array_answer {
  struct number number; /* GET, ADD: as op.value->number; CAS: what there was */
  bool same;            /* CAS: as op.value->same */
};

/* Do GET, SET, ADD or CAS, which passed array_check, to an element with these bits. Returns the bits
 * that it has then. */
uint64_t array_change(const uint64_t *s, const struct op *op, uint64_t bits,
                      struct array_answer *ret);

#endif
