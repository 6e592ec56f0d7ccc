/* lua/state/masked.c - see masked.h. */
#include "lua/state/masked.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "wire/siphash.h"

static const char masked_key; /* its address is the key of the registry */

/* The key; NULL: addresses are shown. It stays in the registry. */
static const uint8_t *key_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &masked_key);
  const uint8_t *key = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return key;
}

void masked_open(lua_State *L, const uint8_t key[16]) {
  memcpy(lua_newuserdatauv(L, 16, 0), key, 16);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &masked_key);
}

static uint64_t mask(const uint8_t *key, uint64_t from) {
  uint8_t text[] = "masked  ........"; /* nothing else of the run is hashed with this beginning */
  memcpy(text + 8, &from, sizeof from);
  return siphash(key, text, 16);
}

uint64_t masked_number(lua_State *L, uint64_t from) {
  const uint8_t *key = key_of(L);
  return key ? mask(key, from) : from;
}

enum { ADDRESS_BITS = 4 * (MASKED_ADDRESS_BYTES - 2) };

static void put_address(char to[MASKED_ADDRESS_BYTES], const uint8_t *key, const void *at) {
  static const char digits[] = "0123456789abcdef";
  uint64_t number = (uint64_t)(uintptr_t)at;
  number = (key ? mask(key, number) : number) >> (64 - ADDRESS_BITS);
  to[0] = '0';
  to[1] = 'x';
  for (size_t i = MASKED_ADDRESS_BYTES; i > 2; number >>= 4)
    to[--i] = digits[number & 15];
}

size_t masked_write_address(lua_State *L, int index, char ret[MASKED_ADDRESS_BYTES]) {
  static const char none[] = "(null)";
  const void *at = lua_topointer(L, index);
  if (!at) {
    memcpy(ret, none, sizeof none - 1);
    return sizeof none - 1;
  }
  put_address(ret, key_of(L), at);
  return MASKED_ADDRESS_BYTES;
}

const char *masked_push_address(lua_State *L, int index) {
  char text[MASKED_ADDRESS_BYTES];
  return lua_pushlstring(L, text, masked_write_address(L, index, text));
}

static bool is_plain(int type) {
  return type >= LUA_TNIL && type <= LUA_TSTRING && type != LUA_TLIGHTUSERDATA;
}

/* "table: 0x...", with the type's own name, if it has one. */
static void push_masked(lua_State *L, int index, const uint8_t *key) {
  enum { KIND_MOST = 64 };
  char text[KIND_MOST + 2 + MASKED_ADDRESS_BYTES];
  const void *at = lua_topointer(L, index);
  int field = luaL_getmetafield(L, index, "__name");
  const char *kind = field == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, index);
  size_t len = strlen(kind);
  if (at && len <= KIND_MOST) {
    memcpy(text, kind, len);
    memcpy(text + len, ": ", 2);
    put_address(text + len + 2, key, at);
    lua_pushlstring(L, text, len + 2 + MASKED_ADDRESS_BYTES);
  } else {
    lua_pushfstring(L, "%s: %s", kind, masked_push_address(L, index));
    lua_remove(L, -2);
  }
  if (field != LUA_TNIL)
    lua_remove(L, -2);
}

void masked_push_text(lua_State *L, int index) {
  const uint8_t *key;
  if (luaL_callmeta(L, index, "__tostring")) {
    if (!lua_isstring(L, -1))
      luaL_error(L, "'__tostring' must return a string");
  } else if ((key = key_of(L))) {
    push_masked(L, lua_absindex(L, index), key);
  } else {
    luaL_tolstring(L, index, NULL);
  }
}

const char *masked_tolstring(lua_State *L, int index, size_t *ret_len) {
  if (is_plain(lua_type(L, index)))
    return luaL_tolstring(L, index, ret_len);
  masked_push_text(L, index);
  return lua_tolstring(L, -1, ret_len);
}
