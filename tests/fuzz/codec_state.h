/*
 * tests/fuzz/codec_state.h - the Lua state that the fuzzer decodes in, and its seeds are made in.
 *
 * The key is known, so that seeds with functions stay authentic; the fuzzer itself cannot make new
 * ones, unless it is shown what is compared (-use_cmp). A decoded table may have any function that is reachable by name as its __gc: so there are
 * no libraries that touch files or processes.
 */
#ifndef CODEC_STATE_H
#define CODEC_STATE_H

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/codec/codec.h"

static const uint8_t state_key[16] = "fuzz the decoder";

/* A handle is a userdata with its 16 bytes; those that begin with an odd byte do not exist. */
static enum codec_export state_export(lua_State *L, int index, uint8_t ret[CODEC_HANDLE_BYTES]) {
  const uint8_t *bytes = luaL_testudata(L, index, "handle");
  if (bytes)
    memcpy(ret, bytes, CODEC_HANDLE_BYTES);
  return bytes ? CODEC_HANDLE : CODEC_NO_HANDLE;
}

static void state_import(lua_State *L, const uint8_t ref[CODEC_HANDLE_BYTES]) {
  if (ref[0] & 1) {
    lua_pushliteral(L, "no such handle");
    lua_error(L);
  }
  memcpy(lua_newuserdatauv(L, CODEC_HANDLE_BYTES, 0), ref, CODEC_HANDLE_BYTES);
  luaL_setmetatable(L, "handle");
}

static void state_fill(lua_State *L) {
  static const luaL_Reg libraries[] = {{LUA_GNAME, luaopen_base},
                                       {LUA_TABLIBNAME, luaopen_table},
                                       {LUA_STRLIBNAME, luaopen_string},
                                       {LUA_MATHLIBNAME, luaopen_math},
                                       {LUA_COLIBNAME, luaopen_coroutine}};
  static const struct codec_hooks hooks = {.export_handle = state_export,
                                           .import_handle = state_import};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
    lua_pop(L, 1);
  }
  luaL_newmetatable(L, "handle");
  lua_pop(L, 1);
  codec_open(L, state_key, &hooks);
  lua_pushlightuserdata(L, codec_null());
  lua_setglobal(L, "null");
  if (luaL_dostring(L, "Point = {}; print, dofile, loadfile, collectgarbage = nil"))
    abort();
}

#endif
