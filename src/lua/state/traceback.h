/*
 * lua/state/traceback.h - tracebacks as a person reads them: the script's calls, not the library's own.
 */
#ifndef SBX_LUA_STATE_TRACEBACK_H
#define SBX_LUA_STATE_TRACEBACK_H

#include <lua.h>

/*
 * Replace the traceback on the top of the stack, as luaL_traceback(3) makes it, by one without the
 * frames of the library's own Lua and what those called in C. What is a global as well as in the
 * table `sandbox` has the global's name: Lua itself finds the one or the other, as it hashes.
 */
void traceback_clean(lua_State *L);

/* Push such a traceback of L from `level`. */
void traceback_push(lua_State *L, int level);

#endif
