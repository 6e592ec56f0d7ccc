/*
 * lua/state/argument.h - errors about arguments, for functions of the library.
 *
 * luaL_argerror names a function that C has called, as pcall(sleep, {}) does, by the first table of package.loaded that has
 * it: "sleep" or "sandbox.sleep", by the order of Lua's hashes, which differs from run to run. These name it by its key in the
 * library's table, always, as a call without pcall is told.
 */
#ifndef SBX_LUA_STATE_ARGUMENT_H
#define SBX_LUA_STATE_ARGUMENT_H

#include <lua.h>

/* luaL_argerror: raise "bad argument #arg to 'name' (message)". Does not return. */
int lib_arg_error(lua_State *L, int arg, const char *message);

/* luaL_typeerror: the same with "expected expected, got ..." Does not return. */
int lib_type_error(lua_State *L, int arg, const char *expected);

/* luaL_argcheck, luaL_argexpected, luaL_checknumber. */
#define lib_arg_check(L, good, arg, message) ((void)((good) || lib_arg_error(L, arg, message)))
#define lib_arg_expected(L, good, arg, expected)                                                   \
  ((void)((good) || lib_type_error(L, arg, expected)))
lua_Number lib_check_number(lua_State *L, int arg);

#endif
