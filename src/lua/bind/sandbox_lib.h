/*
 * lua/bind/sandbox_lib.h - opening the library in a Lua state.
 *
 * The library knows the backend by its tables only.
 */
#ifndef SBX_LUA_BIND_SANDBOX_LIB_H
#define SBX_LUA_BIND_SANDBOX_LIB_H

#include <lua.h>

#include "object/op.h"

/*
 * Open the library in L with a backend (borrowed, must outlive L): the globals, the table
 * `sandbox`, and the end of the run when L is closed. Pushes the library's table. Raises a Lua
 * error without memory.
 */
int sandbox_lib_open(lua_State *L, struct backend *b);

#endif
