/* lua/state/copies.c - see copies.h. */
#include "lua/state/copies.h"

#include <lauxlib.h>

#include "lua/state/lib.h"
#include "lua/state/prelude.h"

static bool warns(lua_State *L) {
  struct lib *lib = lib_find(L);
  return lib && lib->life.warns;
}

void copies_warn(lua_State *L) {
  struct lib *lib = lib_find(L);
  if (lib)
    lib->life.warns = true;
}

/* protected: [arguments..., name of the function] */
static int call_module(lua_State *L) {
  const char *function = lua_tostring(L, -1);
  lua_pop(L, 1);
  prelude_call(L, prelude_sources, "copies", function);
  return 0;
}

/* [-count] Call a function of the module with the arguments on the top. */
static void tell(lua_State *L, const char *function, int count) {
  if (!lua_checkstack(L, 4)) {
    lua_pop(L, count);
    return;
  }
  lua_pushcfunction(L, call_module);
  lua_insert(L, -1 - count);
  lua_pushstring(L, function);
  if (!lib_try(L, count + 1, 0))
    lua_pop(L, 1);
}

void copies_read(lua_State *L) {
  if (!warns(L) || !lua_istable(L, -1) || !lua_checkstack(L, 8))
    return;
  lua_pushvalue(L, -1);
  luaL_where(L, 1);
  lua_pushvalue(L, 1);
  tell(L, "read", 3);
}

void copies_stored(lua_State *L, int index) {
  if (!warns(L) || !lua_istable(L, index))
    return;
  lua_pushvalue(L, index);
  tell(L, "stored", 1);
}

void copies_begin(lua_State *L, int index) {
  if (!warns(L))
    return;
  lua_pushvalue(L, index);
  tell(L, "begin", 1);
}

void copies_finish(lua_State *L) {
  if (warns(L))
    tell(L, "finish", 0);
}
