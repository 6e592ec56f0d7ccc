/*
 * object/value.h - the state machine of shared values: one value, changed in atomic steps.
 *
 * A number is stored as a number, so that it can be added to. Anything else is a message of bytes,
 * preceded by the handles that it mentions (struct object_ref). A small message is stored in the
 * state. A large one is stored by the world, which says itself where: it has the message before the
 * op is applied.
 *
 * A process that runs a function to change a value is its updater meanwhile. Other processes that
 * want to change the value wait; readers do not. An updater that is gone has changed nothing.
 *
 * cas compares numbers as Lua does, and everything else byte by byte.
 *
 * AWAIT waits until the value is another than the one that the process looked at before. Comparing is
 * the world's: value_args.same says what came of it. No version is counted: a value that was another
 * for a moment is not missed by a predicate, which the old value did not fit. Changes wake all that
 * wait so; they stand in the second line, and hold up nobody (object/updater.h).
 */
#ifndef SBX_OBJECT_VALUE_H
#define SBX_OBJECT_VALUE_H

#include "object/sync.h"

enum value_word {
  VALUE_UPDATER, /* as in object/updater.h */
  VALUE_KIND,    /* enum value_kind */
  VALUE_LEN,     /* bytes of the message */
  VALUE_REFS,    /* handles in the message */
  VALUE_DATA,
  VALUE_INLINE_BYTES = (SYNC_WORDS - VALUE_DATA) * 8
};

enum value_kind { VALUE_INTEGER, VALUE_FLOAT, VALUE_INLINE, VALUE_STORED };

/* Bytes that a message takes: its handles and its data. */
static inline uint64_t value_bytes(uint64_t refs, uint64_t len) {
  return refs * sizeof(struct object_ref) + len;
}

/* Is the message of an op stored in the state itself? */
static inline bool value_is_inline(const struct op *op) {
  return op->value->number.kind != NUMBER_NONE ||
         value_bytes(op->value->ref_count, op->len) <= VALUE_INLINE_BYTES;
}

/* Does the state hold what an op expects (object/number.h)? Not for VALUE_STORED. */
bool value_equals(const uint64_t *s, const struct value_args *args, bool exact);

#endif
