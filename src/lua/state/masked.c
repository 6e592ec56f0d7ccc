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

uint64_t masked_number(lua_State *L, uint64_t from) {
  uint8_t text[] = "masked  ........"; /* nothing else of the run is hashed with this beginning */
  const uint8_t *key = key_of(L);
  memcpy(text + 8, &from, sizeof from);
  return key ? siphash(key, text, 16) : from;
}

const char *masked_push_address(lua_State *L, int index) {
  enum { ADDRESS_BITS = 48 };
  const void *at = lua_topointer(L, index);
  if (!at)
    return lua_pushliteral(L, "(null)");
  uint64_t number = masked_number(L, (uint64_t)(uintptr_t)at) >> (64 - ADDRESS_BITS);
  static const char digits[] = "0123456789abcdef";
  char text[2 + ADDRESS_BITS / 4] = "0x";
  for (size_t i = sizeof text; i > 2; number >>= 4)
    text[--i] = digits[number & 15];
  return lua_pushlstring(L, text, sizeof text);
}

static bool is_plain(int type) {
  return type >= LUA_TNIL && type <= LUA_TSTRING && type != LUA_TLIGHTUSERDATA;
}

/* "table: 0x...", with the type's own name, if it has one. */
static const char *push_masked(lua_State *L, int index, size_t *ret_len) {
  int top = lua_gettop(L);
  bool named = luaL_getmetafield(L, index, "__name") == LUA_TSTRING;
  const char *kind = named ? lua_tostring(L, -1) : luaL_typename(L, index);
  lua_pushfstring(L, "%s: %s", kind, masked_push_address(L, index));
  lua_insert(L, top + 1);
  lua_settop(L, top + 1);
  return lua_tolstring(L, -1, ret_len);
}

const char *masked_tolstring(lua_State *L, int index, size_t *ret_len) {
  index = lua_absindex(L, index);
  if (is_plain(lua_type(L, index)))
    return luaL_tolstring(L, index, ret_len);
  if (!luaL_callmeta(L, index, "__tostring"))
    return key_of(L) ? push_masked(L, index, ret_len) : luaL_tolstring(L, index, ret_len);
  if (!lua_isstring(L, -1))
    luaL_error(L, "'__tostring' must return a string");
  return lua_tolstring(L, -1, ret_len);
}
