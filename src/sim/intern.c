/* sim/intern.c - see store.h. A table of numbers, found by a hash of the contents. */
#include "sim/intern.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20, FIRST = 1 << 10 };

struct entry {
  const uint8_t *bytes;
  uint64_t hash;
  size_t len;
};

struct chunk {
  struct chunk *next;
  size_t used, size;
  uint8_t bytes[];
};

struct intern {
  struct entry *entries; /* of number n at n - 1 */
  uint32_t count, cap;
  uint32_t *slots; /* numbers, 0: free */
  uint32_t slot_count;
  struct chunk *chunks; /* the newest first */
  size_t bytes;
};

/* Four lanes, so that the multiplications overlap. */
static uint64_t hash_of(const uint8_t *p, size_t len) {
  const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t lane[4] = {len, k, ~len, ~k}, word;
  for (; len >= 32; p += 32, len -= 32)
    for (int i = 0; i < 4; i++) {
      memcpy(&word, p + 8 * i, 8);
      lane[i] = (lane[i] ^ word) * k;
      lane[i] ^= lane[i] >> 29;
    }
  for (; len > 0; p += len < 8 ? len : 8, len -= len < 8 ? len : 8) {
    word = 0;
    memcpy(&word, p, len < 8 ? len : 8);
    lane[0] = (lane[0] ^ word) * k;
    lane[0] ^= lane[0] >> 32;
  }
  uint64_t h = lane[0];
  for (int i = 1; i < 4; i++) {
    h = (h ^ lane[i]) * UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
  }
  return h;
}

struct intern *intern_new(void) {
  struct intern *s = calloc(1, sizeof *s);
  if (s)
    s->slots = calloc(FIRST, sizeof *s->slots);
  if (s && !s->slots) {
    free(s);
    return NULL;
  }
  if (s)
    s->slot_count = FIRST;
  return s;
}

void intern_free(struct intern *s) {
  if (!s)
    return;
  for (struct chunk *c = s->chunks, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  free(s->entries);
  free(s->slots);
  free(s);
}

static uint32_t *slot_for(const struct intern *s, uint64_t hash, const void *bytes, size_t len) {
  uint32_t i = (uint32_t)hash & (s->slot_count - 1);
  for (;; i = (i + 1) & (s->slot_count - 1)) {
    if (s->slots[i] == 0)
      return &s->slots[i];
    const struct entry *e = &s->entries[s->slots[i] - 1];
    if (e->hash == hash && e->len == len && (len == 0 || memcmp(e->bytes, bytes, len) == 0))
      return &s->slots[i];
  }
}

static bool grow_slots(struct intern *s) {
  uint32_t *old = s->slots, count = 2 * s->slot_count;
  uint32_t *slots = calloc(count, sizeof *slots);
  if (!slots)
    return false;
  s->slots = slots;
  s->slot_count = count;
  for (uint32_t n = 1; n <= s->count; n++) {
    uint32_t i = (uint32_t)s->entries[n - 1].hash & (count - 1);
    while (slots[i])
      i = (i + 1) & (count - 1);
    slots[i] = n;
  }
  free(old);
  return true;
}

static bool grow_entries(struct intern *s) {
  uint32_t cap = s->cap ? 2 * s->cap : FIRST;
  struct entry *e = realloc(s->entries, cap * sizeof *e);
  if (!e)
    return false;
  s->entries = e;
  s->cap = cap;
  return true;
}

static uint8_t *room_for(struct intern *s, size_t len) {
  struct chunk *c = s->chunks;
  if (!c || c->size - c->used < len) {
    size_t size = len > CHUNK / 4 ? len : CHUNK;
    if (!(c = malloc(sizeof *c + size)))
      return NULL;
    *c = (struct chunk){.size = size};
    s->bytes += sizeof *c + size;
    if (s->chunks && size == len) { /* the newest still has room */
      c->next = s->chunks->next;
      s->chunks->next = c;
    } else {
      c->next = s->chunks;
      s->chunks = c;
    }
  }
  uint8_t *at = c->bytes + c->used;
  c->used += (len + 7) / 8 * 8 <= c->size - c->used ? (len + 7) / 8 * 8 : len;
  return at;
}

uint32_t intern_put(struct intern *s, const void *bytes, size_t len, bool *ret_new) {
  uint64_t hash = hash_of(bytes, len);
  uint32_t *slot = slot_for(s, hash, bytes, len);
  if (ret_new)
    *ret_new = *slot == 0;
  if (*slot)
    return *slot;
  if (s->count == UINT32_MAX - 1 || (s->count == s->cap && !grow_entries(s)))
    return 0;
  if (s->count >= s->slot_count / 2) {
    if (!grow_slots(s))
      return 0;
    slot = slot_for(s, hash, bytes, len);
  }
  uint8_t *at = room_for(s, len ? len : 1);
  if (!at)
    return 0;
  if (len)
    memcpy(at, bytes, len);
  s->entries[s->count++] = (struct entry){at, hash, len};
  return *slot = s->count;
}

uint32_t intern_find(const struct intern *s, const void *bytes, size_t len) {
  return *slot_for(s, hash_of(bytes, len), bytes, len);
}

const uint8_t *intern_get(const struct intern *s, uint32_t id, size_t *ret_len) {
  if (ret_len)
    *ret_len = s->entries[id - 1].len;
  return s->entries[id - 1].bytes;
}

uint32_t intern_count(const struct intern *s) { return s->count; }

size_t intern_bytes(const struct intern *s) {
  return s->bytes + s->cap * sizeof *s->entries + s->slot_count * sizeof *s->slots;
}
