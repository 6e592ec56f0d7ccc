/*
 * lua/bind/abroad.c - what prelude/abroad.lua needs from C, to send a function to another host; see
 * native.h.
 */
#include "lua/bind/native.h"
#include "lua/codec/codec.h"
#include "lua/state/lib.h"
#include "lua/state/prelude.h"

/* protected: [what, value, shared (or nil)] -> [bytes, modules] */
static int encode_abroad(lua_State *L) {
  struct lib *lib = lib_find(L);
  lua_newtable(L);
  lib_sent(L, lib); /* what an error left */
  lib_pause(L, lib);
  bool is_result = lua_istable(L, 3); /* of a process that ends before it is read */
  const struct op op = {.kind = is_result ? OP_PROCESS_END : OP_NONE, .deadline_ns = SBX_FOREVER};
  codec_encode_abroad(L, 2, 1, lua_tostring(L, 1), is_result ? 3 : 0, 4, &lib->messages.out);
  struct op_refs refs = lib_flying(lib, 0, lib->messages.flying.len);
  int rc = refs.count ? op_handle_export(lib->b, &op, refs.sent, refs.count) : 0;
  if (rc) {
    lib_sent(L, lib);
    return lib_error(L, "spawn", rc);
  }
  lua_pushlstring(L, (const char *)lib->messages.out.data, lib->messages.out.len);
  lib_sent(L, lib);
  lua_insert(L, 4);
  return 2;
}

int native_abroad(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 3);
  lua_pushcfunction(L, encode_abroad);
  lua_insert(L, 1);
  if (lib_try(L, 3, 2))
    return 2;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* Is it a function of the library that is written in Lua? */
static bool is_of_library(lua_State *L) {
  lua_Debug ar;
  lua_pushvalue(L, 1);
  return lua_getinfo(L, ">S", &ar) && prelude_owns(ar.source);
}

int native_named(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  if (lua_iscfunction(L, 1) || is_of_library(L))
    return 0;
  lua_newtable(L);
  codec_named_globals(L, 1, 2);
  return 1;
}

int native_loaded(lua_State *L) {
  lua_settop(L, 0);
  lua_newtable(L);
  lua_pushglobaltable(L);
  lua_pushboolean(L, 1);
  lua_rawset(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); lua_next(L, 2);) {
    lua_pushboolean(L, 1);
    lua_rawset(L, 1); /* the module is the key */
  }
  lua_settop(L, 1);
  return 1;
}

int native_set_global(lua_State *L) {
  lua_settop(L, 2);
  lua_pushglobaltable(L);
  lua_insert(L, 1);
  lua_rawset(L, 1);
  return 0;
}
