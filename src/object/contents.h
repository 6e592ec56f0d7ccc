/*
 * object/contents.h - what is in an object: a sequence of items, or a table of keys. Pure.
 *
 * The OS backend keeps contents where it is fast (os/queue/queue.h, os/sync/dict_table.h). This is what they
 * mean, for backends that copy and compare whole states, and for tests: one buffer without
 * pointers, in which equal contents are equal bytes.
 *
 * An entry is the length of its key, the length of its data, the key, the data. A sequence has
 * empty keys, the oldest first; a table is sorted by its keys, as memcmp orders them, the shorter
 * first of two of which one begins the other.
 */
#ifndef SBX_OBJECT_CONTENTS_H
#define SBX_OBJECT_CONTENTS_H

#include <stdbool.h>

#include "base/buf.h"

/* Bytes, borrowed from the contents until these change. */
struct content {
  const uint8_t *key, *data;
  uint32_t key_len, len;
};

/* -- a sequence -------------------------------------------------------------------------------- */

/* Append an item. 0 or -SBX_ENOMEM. */
int contents_put(struct buf *c, const void *data, uint32_t len);
/* The oldest item; false: there is none. */
bool contents_front(const struct buf *c, struct content *ret);
/* Remove the oldest item; there is one. */
void contents_take(struct buf *c);

/* -- a table ----------------------------------------------------------------------------------- */

/* The entry of a key; false: there is none. */
bool contents_find(const struct buf *c, const void *key, uint32_t key_len, struct content *ret);
/* Give a key its data, be it new or not. 0 or -SBX_ENOMEM. */
int contents_set(struct buf *c, const void *key, uint32_t key_len, const void *data, uint32_t len);
/* Remove a key. False: it is not there. */
bool contents_remove(struct buf *c, const void *key, uint32_t key_len);

/* -- both -------------------------------------------------------------------------------------- */

/* Entry by entry: `*at` is 0 at first. False: there are no more. */
bool contents_next(const struct buf *c, size_t *at, struct content *ret);
uint64_t contents_count(const struct buf *c);

#endif
