/*
 * lua/guard.h - finalizers and the fork: a child runs none of the objects it inherited. guard.c
 * tells how.
 */
#ifndef SBX_LUA_GUARD_H
#define SBX_LUA_GUARD_H

#include <lua.h>

/* Prepare a state: replaces setmetatable and debug.setmetatable. */
void lib_open_guard(lua_State *L);

/* In a child, first thing: from now on objects older than the fork are not finalized. May raise for
 * memory. */
void guard_enter_child(lua_State *L);

/* lua_setmetatable for whoever sets a metatable of a script's: a table that gets a finalizer is
 * noted. */
void guard_setmetatable(lua_State *L, int index);

#endif
