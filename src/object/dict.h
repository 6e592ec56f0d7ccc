/*
 * object/dict.h - the state machine of dicts: a shared table that one process at a time may update
 * by a function, like a value (object/value.h).
 *
 * The entries do not fit into a few words: the world stores them (os/sync/dict_table.h).
 */
#ifndef SBX_OBJECT_DICT_H
#define SBX_OBJECT_DICT_H

#include "object/number.h"
#include "object/sync.h"

enum dict_word {
  DICT_UPDATER, /* as in object/updater.h */
  DICT_COUNT,   /* number of keys; the world, which has them, writes it */
  DICT_WORDS
};

/*
 * An entry, as stored in a table and as returned by DICT_ALL. It is followed by the handles in its
 * message, the key, and the message, and is padded to 8 bytes.
 */
struct dict_entry {
  uint64_t next; /* chain pointer inside a table; meaningless elsewhere */
  uint64_t hash;
  uint64_t len; /* bytes of the message */
  uint32_t key_len;
  uint32_t refs : 30;  /* handles in the message */
  uint32_t number : 2; /* 0; or the message is the 8 bytes of a number of this kind */
};

static inline uint64_t dict_entry_bytes(uint32_t key_len, uint32_t refs, uint64_t len) {
  uint64_t bytes = sizeof(struct dict_entry) + refs * sizeof(struct object_ref) + key_len + len;
  return (bytes + 7) & ~UINT64_C(7);
}
static inline uint64_t dict_entry_size(const struct dict_entry *e) {
  return dict_entry_bytes(e->key_len, e->refs, e->len);
}
static inline const uint8_t *dict_refs(const struct dict_entry *e) {
  return (const uint8_t *)(e + 1);
}
static inline const uint8_t *dict_key(const struct dict_entry *e) {
  return dict_refs(e) + e->refs * sizeof(struct object_ref);
}
static inline const uint8_t *dict_message(const struct dict_entry *e) {
  return dict_key(e) + e->key_len;
}

/* Bytes of the message that an op brings. */
static inline uint64_t dict_len(const struct op *op) {
  return op->value->number.kind == NUMBER_NONE ? op->len : sizeof(uint64_t);
}

/* The number that an entry with this message is; or none. */
static inline struct number dict_number(const struct dict_entry *e, const void *message) {
  uint64_t bits = 0;
  if (e->number)
    memcpy(&bits, message, sizeof bits);
  return number_of((int)e->number, bits);
}

/* Is an entry, NULL for none, what an op expects? Without a number and bytes it expects none. */
static inline bool dict_is_expected(const struct dict_entry *e, const void *message,
                                    const struct value_args *args, bool exact) {
  bool expects = args->expected.kind != NUMBER_NONE || args->expected_len > 0;
  if (!e || !expects)
    return !e && !expects;
  struct number now = dict_number(e, message);
  return value_is_expected(&now, message, e->len, args, exact);
}

#endif
