/*
 * object/dict.h - what a dict means to those who wait for it: a table that one process at a time
 * may update by a function, as a value (object/value.h).
 *
 * What is in it is no matter of a few words: the world keeps it (os/sync/dict_table.h), and the words
 * behind the first say where.
 */
#ifndef SBX_OBJECT_DICT_H
#define SBX_OBJECT_DICT_H

#include "object/sync.h"

enum dict_word {
  DICT_UPDATER, /* as in object/updater.h */
  DICT_COUNT,   /* keys */
  DICT_EXTENT,  /* 0 or 1: which extent is the table */
  DICT_EXTENTS, /* offset and bytes of extent 0, of extent 1 */
  DICT_TAIL = DICT_EXTENTS + 4,
  DICT_LIVE,       /* bytes of entries that count */
  DICT_RESERVED,   /* there is memory up to here */
  DICT_BUCKETS,    /* how many, a power of two; 0: no table yet */
  DICT_REDO_AT,    /* the pointer in the table, plus 1, that the last change has set, if it lived to
                      do so; 0: none */
  DICT_REDO_VALUE, /* to this */
  DICT_WORDS
};

/*
 * An entry: as it stands in a table, and as DICT_ALL tells it. Followed by the handles of its
 * message, the key, and the message; padded to 8 bytes.
 */
struct dict_entry {
  uint64_t next; /* in a table; no matter to others */
  uint64_t hash;
  uint64_t len; /* of the message */
  uint32_t key_len;
  uint32_t refs; /* handles in the message */
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

#endif
