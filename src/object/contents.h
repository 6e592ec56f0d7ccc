/*
 * object/contents.h - the contents of an object: a sequence of items, or a table of keys. Pure.
 *
 * The OS backend keeps contents where access is fast (os/queue/queue.h, os/sync/dict_table.h). This
 * is the reference representation, for backends that copy and compare whole states, and for tests:
 * one buffer without pointers, in which equal contents are equal bytes. tests/conformance/test_queue.c
 * and test_dict.c hold the two against each other.
 *
 * An entry is the length of its key, the length of its data, the key, the data. In a sequence all
 * keys are empty, and the oldest item comes first. A table is sorted by key in the order of memcmp;
 * of two keys of which one is a prefix of the other, the shorter comes first.
 */
#ifndef SBX_OBJECT_CONTENTS_H
#define SBX_OBJECT_CONTENTS_H

#include <stdbool.h>

#include "base/buf.h"

/* Borrowed bytes; valid until the contents change. */
struct content {
  const uint8_t *key, *data;
  uint32_t key_len, len;
};

/* -- a sequence -------------------------------------------------------------------------------- */

/* Append an item. 0 or -SBX_ENOMEM. */
int contents_put(struct buf *c, const void *data, uint32_t len);
/* The oldest item; false if there is none. */
bool contents_front(const struct buf *c, struct content *ret);
/* Remove the oldest item, which must exist. */
void contents_take(struct buf *c);

/* -- a table ----------------------------------------------------------------------------------- */

/* The entry of a key; false if there is none. */
bool contents_find(const struct buf *c, const void *key, uint32_t key_len, struct content *ret);
/* Set the data of a key, new or existing. 0 or -SBX_ENOMEM. */
int contents_set(struct buf *c, const void *key, uint32_t key_len, const void *data, uint32_t len);
/* Remove a key; false if it is absent. */
bool contents_remove(struct buf *c, const void *key, uint32_t key_len);

/* -- both -------------------------------------------------------------------------------------- */

/* Iterate over the entries: `*at` starts at 0. False: there are no more. */
bool contents_next(const struct buf *c, size_t *at, struct content *ret);
uint64_t contents_count(const struct buf *c);

#endif
