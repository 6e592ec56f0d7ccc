/*
 * lua/codec/codec.c - the codec's data in a Lua state, and what both directions need; see codec.h
 * and codec_internal.h.
 */
#include "lua/codec/codec.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/codec/codec_internal.h"
#include "lua/codec/named.h"

static const char codec_key; /* its address is the key in the registry */
static char null_target;     /* its address is sandbox.null */

void *codec_null(void) { return &null_target; }

void codec_open(lua_State *L, const uint8_t key[16], const struct codec_hooks *hooks) {
  struct codec *c = lua_newuserdatauv(L, sizeof *c, CODEC_KEYS);
  memcpy(c->key, key, sizeof c->key);
  c->hooks = hooks;
  names_open(L, &c->names);
  keys_open(L, &c->keys);
  lua_setiuservalue(L, -2, CODEC_KEYS);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &codec_key);
}

struct codec *codec_push(lua_State *L) {
  int type = lua_rawgetp(L, LUA_REGISTRYINDEX, &codec_key);
  assert(type == LUA_TUSERDATA && "codec_open comes first");
  (void)type;
  return lua_touserdata(L, -1);
}

void codec_forget(lua_State *L) {
  if (!lua_checkstack(L, 3))
    return;
  struct codec *c = codec_push(L);
  lua_getiuservalue(L, -1, CODEC_KEYS);
  keys_forget(L, &c->keys, lua_gettop(L));
  lua_pop(L, 2);
}

/* Tell the bindings that an error is about to leave the codec. */
static void announce_raise(lua_State *L) {
  const struct codec *c = codec_push(L);
  lua_pop(L, 1);
  if (c->hooks && c->hooks->before_raise)
    c->hooks->before_raise(L);
}

void codec_know_standard(lua_State *L) {
  codec_push(L);
  names_know_standard(L, lua_gettop(L));
  lua_pop(L, 1);
}

void codec_named_globals(lua_State *L, int function, int into) {
  luaL_checkstack(L, 12, NULL);
  int top = lua_gettop(L);
  lua_newtable(L);
  named_globals(L, function, top + 1);
  codec_push(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  for (lua_pushnil(L); lua_next(L, top + 1);) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawget(L, top + 3);
    if (!lua_isnil(L, -1) && !names_is_standard(L, top + 2, top + 4, top + 5)) {
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, into);
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}

void codec_raise(lua_State *L) {
  announce_raise(L);
  luaL_where(L, 1); /* the caller of the library function that is running */
  lua_insert(L, -2);
  lua_concat(L, 2);
  lua_error(L);
  abort(); /* not reached */
}

void codec_raise_nomem(lua_State *L) {
  announce_raise(L);
  lua_pushliteral(L, "not enough memory"); /* Lua keeps this string in memory: nothing is
                                              allocated */
  lua_error(L);
  abort();
}

void codec_keep_object(lua_State *L, int base, uint32_t number, int index) {
  if (number < INLINE_OBJECTS) {
    lua_copy(L, index, base + SLOT_INLINE + (int)number);
    return;
  }
  lua_pushvalue(L, index);
  if (number == INLINE_OBJECTS) {
    lua_createtable(L, 2 * INLINE_OBJECTS, 0);
    lua_replace(L, base + SLOT_OBJECTS);
  }
  lua_rawseti(L, base + SLOT_OBJECTS, (lua_Integer)(number - INLINE_OBJECTS) + 1);
}
