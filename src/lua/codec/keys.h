/*
 * lua/codec/keys.h - the short strings that were keys of tables in the last messages.
 *
 * A process that receives records meets the same few keys in each of them. To make a Lua string of some bytes, Lua computes
 * their hash one by one, and walks the chain of all strings with a similar one: a fifth of the time that a small table takes.
 * So the decoder keeps up to KEYS_PLACES such strings in a table, and finds them there by two words and the length. Each
 * string has two places to choose from; what stands in both when a third one comes, gives way.
 *
 * Nothing but speed depends on what is kept. A string lives as long as it is.
 */
#ifndef SBX_LUA_CODEC_KEYS_H
#define SBX_LUA_CODEC_KEYS_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum {
  KEYS_BYTES = 16, /* longer strings are not kept */
  KEYS_BITS = 5,
  KEYS_PLACES = 2 << KEYS_BITS
};

/* A string of at most KEYS_BYTES bytes: two are equal exactly if all three fields are. */
struct key {
  uint64_t first, last; /* its first and its last bytes; they overlap */
  uint64_t len;         /* one more than its length; 0: none, a free place */
};

/* Stored in the codec's userdata. The string of place i is element i + 1 of the table; a free place has 0 there. */
struct keys {
  struct key at[KEYS_PLACES];
};

/* [-0, +1] a new table for them. */
void keys_open(lua_State *L, struct keys *k);

/* Forget all of them: the memory is as after keys_open. Needs no memory, and two slots. */
void keys_forget(lua_State *L, struct keys *k, int table);

/* [-0, +1] push the string of `len` bytes, KEYS_BYTES at most. `table` is the index of the table. */
static inline void keys_push(lua_State *L, struct keys *k, int table, const uint8_t *s, size_t len);

/* [-0, +1] the same for a string that is not among them, and will be. */
void keys_push_new(lua_State *L, struct keys *k, int table, const char *s, const struct key *key);

static inline struct key key_of(const uint8_t *s, size_t len) {
  struct key key = {.len = len + 1};
  if (len >= 8) {
    key.first = load_fixed(s, 8);
    key.last = load_fixed(s + len - 8, 8);
  } else if (len >= 4) {
    key.first = load_fixed(s, 4);
    key.last = load_fixed(s + len - 4, 4);
  } else if (len > 0) {
    key.first = s[0];
    key.last = (uint64_t)s[len / 2] << 8 | s[len - 1];
  }
  return key;
}

static inline bool key_equal(const struct key *a, const struct key *b) {
  return a->first == b->first && a->last == b->last && a->len == b->len;
}

/* The first of its two places; and another bit. */
static inline unsigned key_place(const struct key *key, unsigned *ret_bit) {
  uint64_t mixed =
      (key->first ^ key->last * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
  *ret_bit = (unsigned)(mixed >> 32) & 1;
  return (unsigned)(mixed >> (64 - KEYS_BITS)) * 2;
}

static inline void keys_push(lua_State *L, struct keys *k, int table, const uint8_t *s,
                             size_t len) {
  struct key key = key_of(s, len);
  unsigned bit, place = key_place(&key, &bit);
  if (key_equal(&k->at[place], &key))
    lua_rawgeti(L, table, (lua_Integer)place + 1);
  else if (key_equal(&k->at[place + 1], &key))
    lua_rawgeti(L, table, (lua_Integer)place + 2);
  else
    keys_push_new(L, k, table, (const char *)s, &key);
}

#endif
