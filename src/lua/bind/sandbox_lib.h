/*
 * lua/bind/sandbox_lib.h - the library as the host opens it in a state.
 *
 * Knows the backend by its tables only.
 */
#ifndef SBX_LUA_BIND_SANDBOX_LIB_H
#define SBX_LUA_BIND_SANDBOX_LIB_H

#include <lua.h>

#include "object/op.h"

/*
 * Open the library in L over a backend (borrowed, must outlive L): the globals, the table
 * `sandbox`, the finish of a run when L closes. Pushes the library's table. Raises a Lua error for
 * want of memory.
 */
int sandbox_lib_open(lua_State *L, struct backend *b);

#endif
