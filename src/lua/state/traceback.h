/*
 * lua/state/traceback.h - tracebacks with the script's calls, and without the library's own.
 */
#ifndef SBX_LUA_STATE_TRACEBACK_H
#define SBX_LUA_STATE_TRACEBACK_H

#include <lua.h>

/*
 * Replace the traceback on the top of the stack, as luaL_traceback makes it, by one without the
 * frames of the library's own Lua, and of C functions that these called. A function that is a
 * global and in the table `sandbox` gets the global's name: Lua shows one or the other, by the
 * order of its hashes.
 */
void traceback_clean(lua_State *L);

/* Push such a traceback of L from `level`. */
void traceback_push(lua_State *L, int level);

#endif
