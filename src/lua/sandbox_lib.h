/*
 * lua/sandbox_lib.h - the library as the host opens it in a state.
 *
 * Knows the backend by its vtable only.
 */
#ifndef SBX_LUA_SANDBOX_LIB_H
#define SBX_LUA_SANDBOX_LIB_H

#include <lua.h>

#include "object/op.h"

/*
 * Open the library in L over a backend (borrowed, must outlive L): the globals, the table `sandbox`, the finish of a run when L
 * closes. Pushes the library's table. Raises a Lua error for want of memory.
 */
int sandbox_lib_open(lua_State *L, struct backend *b);

/*
 * A message handler for lua_pcall: turns the error into a string or leaves an error object alone, and remembers the
 * traceback of where it happened. `sandbox_lib_report` prints both as a person expects.
 */
int sandbox_lib_traceback(lua_State *L);

#endif
