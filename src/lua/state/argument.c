/* lua/state/argument.c - see argument.h. */
#include "lua/state/argument.h"

#include <lauxlib.h>

#include "lua/state/lib.h"

/* [function] -> [its key in the library's table, or NULL]; the key stays on the stack. */
static const char *name_of(lua_State *L) {
  int function = lua_gettop(L);
  if (lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY) != LUA_TTABLE)
    return NULL;
  lua_pushnil(L);
  while (lua_next(L, function + 1)) {
    bool same = lua_rawequal(L, -1, function);
    lua_pop(L, 1);
    if (same && lua_type(L, -1) == LUA_TSTRING)
      return lua_tostring(L, -1);
  }
  return NULL;
}

int lib_arg_error(lua_State *L, int arg, const char *message) {
  lua_Debug ar;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (lua_getstack(L, 0, &ar) && lua_getinfo(L, "nf", &ar) && !ar.name) {
    const char *name = name_of(L);
    if (name)
      return luaL_error(L, "bad argument #%d to '%s' (%s)", arg, name, message);
  }
  return luaL_argerror(L, arg, message);
}

int lib_type_error(lua_State *L, int arg, const char *expected) {
  const char *got = luaL_typename(L, arg);
  if (luaL_getmetafield(L, arg, "__name") == LUA_TSTRING)
    got = lua_tostring(L, -1);
  else if (lua_type(L, arg) == LUA_TLIGHTUSERDATA)
    got = "light userdata";
  return lib_arg_error(L, arg, lua_pushfstring(L, "%s expected, got %s", expected, got));
}

lua_Number lib_check_number(lua_State *L, int arg) {
  int is;
  lua_Number n = lua_tonumberx(L, arg, &is);
  lib_arg_expected(L, is, arg, lua_typename(L, LUA_TNUMBER));
  return n;
}
