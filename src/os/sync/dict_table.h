/*
 * os/sync/dict_table.h - the table of a dict: a hash table in an extent that only grows at its end.
 *
 * The extent begins with the heads of the buckets; behind them stand entries, each linked to the
 * next of its bucket. All pointers are offsets in the extent, 0 for none. An entry is never
 * changed: a new one takes the place of an old one by the store of ONE pointer that points to it,
 * or to nothing. What no pointer leads to any more is garbage, until the table is made anew in the
 * other extent.
 *
 * Here is no lock and no commit: os/sync/dict.c has them.
 */
#ifndef SBX_OS_SYNC_DICT_TABLE_H
#define SBX_OS_SYNC_DICT_TABLE_H

#include <stdint.h>

#include "object/dict.h"

static inline struct dict_entry *dict_at(uint8_t *table, uint64_t offset) {
  return (struct dict_entry *)(void *)(table + offset);
}
static inline uint64_t *dict_pointer(uint8_t *table, uint64_t at) {
  return (uint64_t *)(void *)(table + at);
}

/*
 * Look for a key. Returns its entry, 0 if there is none; *ret_at is the place of the pointer that
 * leads to it, or of the head of its bucket.
 */
uint64_t dict_find(uint8_t *table, uint64_t buckets, const struct value_args *key,
                   uint64_t *ret_at);

/* Write an entry at `offset`, whose next is `next`. */
void dict_write(uint8_t *table, uint64_t offset, uint64_t next, const struct op *op);

/* Copy all entries of a table into another, empty one, with other buckets. Returns its end. */
uint64_t dict_copy(uint8_t *from, uint64_t from_buckets, uint8_t *to, uint64_t to_buckets);

/* Call `visit` for each entry. */
void dict_each(uint8_t *table, uint64_t buckets,
               void (*visit)(void *ctx, const struct dict_entry *e), void *ctx);

#endif
