/*
 * lua/state/guard.h - finalizers and the fork: a child runs none of the finalizers of objects that
 * it inherited. guard.c explains how.
 */
#ifndef SBX_LUA_STATE_GUARD_H
#define SBX_LUA_STATE_GUARD_H

#include <lua.h>
#include <stdbool.h>

struct lib;

/* Make the guard of a state; lib_open_guard does that, too. */
void guard_new(lua_State *L);

/* Prepare a state: replaces setmetatable and debug.setmetatable. */
void lib_open_guard(lua_State *L);

/* In the parent, right before a fork: work that each child would have to do. May raise without
 * memory. */
void guard_before_fork(lua_State *L, struct lib *lib);

/* In a child, first: from now on objects older than the fork are not finalized. May raise without
 * memory. */
void guard_enter_child(lua_State *L);

/* The finalizer of the userdata at `index`, made by this process, is to run at the latest at the
 * end of the process. */
void guard_note_at(lua_State *L, int index);

/* Has this process, made by spawn, objects with finalizers? Then run those that did not run yet,
 * the youngest first; their errors are warnings, as in lua_close. Nothing is raised. */
bool guard_has_own(lua_State *L);
void guard_finalize(lua_State *L);

/* Does the function at `index` stand for the finalizer of a metatable? Then push that finalizer. */
bool guard_push_finalizer(lua_State *L, int index);

/* lua_setmetatable with a metatable of a script's: a table that gets a finalizer is noted. */
void guard_setmetatable(lua_State *L, int index);

#endif
