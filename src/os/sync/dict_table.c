/* os/sync/dict_table.c - see dict_table.h. */
#include "os/sync/dict_table.h"

#include <string.h>

uint64_t dict_find(uint8_t *table, uint64_t buckets, const struct value_args *key,
                   uint64_t *ret_at) {
  uint64_t at = (key->hash & (buckets - 1)) * sizeof(uint64_t);
  *ret_at = at;
  for (uint64_t offset = *dict_pointer(table, at); offset; offset = *dict_pointer(table, at)) {
    const struct dict_entry *e = dict_at(table, offset);
    if (e->hash == key->hash && e->key_len == key->key_len &&
        memcmp(dict_key(e), key->key, key->key_len) == 0) {
      *ret_at = at;
      return offset;
    }
    at = offset; /* `next` is its first word */
  }
  return 0;
}

void dict_write(uint8_t *table, uint64_t offset, uint64_t next, const struct op *op) {
  const struct value_args *args = op->value;
  struct dict_entry *e = dict_at(table, offset);
  *e = (struct dict_entry){.next = next,
                           .hash = args->hash,
                           .len = dict_len(op),
                           .key_len = args->key_len,
                           .refs = args->ref_count & ((1U << 30) - 1),
                           .number = args->number.kind & 3U};
  uint64_t bits = number_bits(&args->number);
  uint8_t *at = (uint8_t *)(e + 1);
  uint64_t refs = args->ref_count * sizeof(struct object_ref);
  if (refs)
    memcpy(at, args->refs, refs);
  memcpy(at + refs, args->key, args->key_len);
  if (e->len)
    memcpy(at + refs + args->key_len, e->number ? &bits : op->data, e->len);
}

uint64_t dict_copy(uint8_t *from, uint64_t from_buckets, uint8_t *to, uint64_t to_buckets) {
  uint64_t tail = to_buckets * sizeof(uint64_t);
  for (uint64_t i = 0; i < from_buckets; i++) {
    const struct dict_entry *e;
    for (uint64_t offset = dict_pointer(from, 0)[i]; offset; offset = e->next) {
      e = dict_at(from, offset);
      uint64_t *head = &dict_pointer(to, 0)[e->hash & (to_buckets - 1)];
      uint64_t size = dict_entry_size(e);
      memcpy(to + tail, e, size);
      dict_at(to, tail)->next = *head;
      *head = tail;
      tail += size;
    }
  }
  return tail;
}

void dict_each(uint8_t *table, uint64_t buckets,
               void (*visit)(void *ctx, const struct dict_entry *e), void *ctx) {
  for (uint64_t i = 0; i < buckets; i++) {
    const struct dict_entry *e;
    for (uint64_t offset = dict_pointer(table, 0)[i]; offset; offset = e->next) {
      e = dict_at(table, offset);
      visit(ctx, e);
    }
  }
}
