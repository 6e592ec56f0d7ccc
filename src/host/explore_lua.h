/*
 * host/explore_lua.h - sandbox.explore(fn [, options]): explore a function, from a script or at the
 * prompt.
 *
 * The function runs in a copy of the calling process: a process of the operating system forks, and
 * the copy of the Lua state that it has becomes the first image of a simulated run. The caller is
 * untouched; objects that it made are not there.
 */
#ifndef SBX_HOST_EXPLORE_LUA_H
#define SBX_HOST_EXPLORE_LUA_H

#include <lua.h>
#include <stdbool.h>

/* Put `explore` into the library's table, which is open in L. `simulated`: one that refuses, since
 * the process is an image already. */
void explore_open(lua_State *L, bool simulated);

#endif
