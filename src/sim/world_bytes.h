/*
 * sim/world_bytes.h - numbers, texts and bytes of a saved world; see world_save.c.
 *
 * Numbers are written 7 bits at a time, the lowest first; the top bit says that there is more. A
 * writer that has no memory, and a reader that meets nonsense, go on and say so at the end.
 */
#ifndef SBX_SIM_WORLD_BYTES_H
#define SBX_SIM_WORLD_BYTES_H

#include "sim/world_internal.h"

struct writer {
  struct buf *out;
  bool failed;
};

struct reader {
  const uint8_t *at, *end;
  bool bad;
};

enum { NUMBER_MAX = 10 }; /* bytes */

static inline void put(struct writer *to, uint64_t n) {
  struct buf *b = to->out;
  if (b->cap - b->len < NUMBER_MAX && buf_reserve(b, NUMBER_MAX)) {
    to->failed = true;
    return;
  }
  for (; n >= 0x80; n >>= 7)
    b->data[b->len++] = (uint8_t)(n | 0x80);
  b->data[b->len++] = (uint8_t)n;
}

static inline uint64_t get_long(struct reader *from) {
  uint64_t n = 0;
  for (unsigned shift = 0; from->at < from->end && shift < 64; shift += 7) {
    uint8_t byte = *from->at++;
    n |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80)
      return n;
  }
  from->bad = true;
  return 0;
}

static inline uint64_t get(struct reader *from) {
  return from->at < from->end && *from->at < 0x80 ? *from->at++ : get_long(from);
}

static inline uint64_t get_below(struct reader *from, uint64_t limit) {
  uint64_t n = get(from);
  from->bad |= n >= limit;
  return n < limit ? n : 0;
}

static inline void put_bytes(struct writer *to, const void *data, size_t len) {
  put(to, len);
  if (buf_append(to->out, data, len))
    to->failed = true;
}

/* Bytes that stand in what is read. */
static inline const uint8_t *get_bytes(struct reader *from, size_t *ret_len) {
  uint64_t len = get(from);
  const uint8_t *data = from->at;
  from->bad |= len > (uint64_t)(from->end - from->at);
  *ret_len = from->bad ? 0 : (size_t)len;
  from->at += *ret_len;
  return data;
}

static inline void put_text(struct writer *to, const char *text) {
  put_bytes(to, text, strlen(text));
}

static inline void get_text(struct reader *from, char *text, size_t size) {
  size_t len;
  const uint8_t *data = get_bytes(from, &len);
  from->bad |= len >= size;
  len = from->bad ? 0 : len;
  if (len)
    memcpy(text, data, len);
  text[len] = '\0';
}

static inline int get_buf(struct reader *from, struct buf *b) {
  size_t len;
  const uint8_t *data = get_bytes(from, &len);
  b->len = 0;
  return buf_append(b, data, len);
}

/* Signed numbers: small ones of both signs are short. */
static inline void put_int(struct writer *to, int64_t n) {
  put(to, (uint64_t)n << 1 ^ (uint64_t)(n < 0 ? -1 : 0));
}
static inline int64_t get_int(struct reader *from) {
  uint64_t n = get(from);
  return (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

/* -- world_save_object.c ----------------------------------------------------------------------- */

void world_put_objects(struct writer *to, struct world *w);
void world_put_others(struct writer *to, const struct world *w); /* places, hands, failures */
/* -SBX_ENOMEM */
int world_get_objects(struct reader *from, struct world *w);
int world_get_others(struct reader *from, struct world *w);

#endif
