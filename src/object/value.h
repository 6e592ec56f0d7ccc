/*
 * object/value.h - what a shared value means: one value, changed in steps that are whole.
 *
 * A number is kept as a number, so that it can be added to; everything else is a message of bytes,
 * with the handles that it mentions (struct object_ref) in front. What is small stands in the
 * state; what is large the world keeps, in the extent that the state calls current, having put it
 * there before the op is applied (sync_step.stored).
 *
 * A function that changes a value runs while its process is the updater: others wait then who want
 * to change it, but not who want to know it. An updater that is gone has changed nothing.
 *
 * cas compares numbers as Lua does, and all else by its bytes.
 */
#ifndef SBX_OBJECT_VALUE_H
#define SBX_OBJECT_VALUE_H

#include "object/sync.h"

enum value_word {
  VALUE_UPDATER, /* as in object/updater.h */
  VALUE_KIND,    /* enum value_kind */
  VALUE_LEN,     /* bytes of the message */
  VALUE_REFS,    /* handles in it */
  VALUE_EXTENT,  /* 0 or 1: which extent holds it, or held what was large last */
  VALUE_EXTENTS, /* offset and bytes of extent 0, of extent 1 */
  VALUE_DATA = VALUE_EXTENTS + 4,
  VALUE_INLINE_BYTES = (SYNC_WORDS - VALUE_DATA) * 8
};

enum value_kind { VALUE_INTEGER, VALUE_FLOAT, VALUE_INLINE, VALUE_STORED };

/* Bytes that a message takes: its handles and itself. */
static inline uint64_t value_bytes(uint64_t refs, uint64_t len) {
  return refs * sizeof(struct object_ref) + len;
}

/* Does a message that an op brings stand in the state? */
static inline bool value_is_inline(const struct op *op) {
  return op->value->number.kind != NUMBER_NONE ||
         value_bytes(op->value->ref_count, op->len) <= VALUE_INLINE_BYTES;
}

/* Is what stands in the state what a cas expects? Not for VALUE_STORED. */
bool value_equals(const uint64_t *s, const struct value_args *args);

#endif
