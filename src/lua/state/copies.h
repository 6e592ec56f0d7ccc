/*
 * lua/state/copies.h - with -W: warnings about changes of what is a copy, and is thought to be
 * shared. See src/lua/prelude/copies.lua.
 *
 * Nothing is done, and nothing is paid, until copies_warn was called. What goes wrong in here is no
 * error of the script.
 */
#ifndef SBX_LUA_STATE_COPIES_H
#define SBX_LUA_STATE_COPIES_H

#include <lua.h>

/* Warn from now on, in this process and those that it spawns. */
void copies_warn(lua_State *L);

/* [value] A value was read from the dict at 1. */
void copies_read(lua_State *L);

/* The value at `index` was stored in a dict. */
void copies_stored(lua_State *L, int index);

/* A process begins, with the function at `index`. */
void copies_begin(lua_State *L, int index);

/* The process, or the script, has done its work: warn of what was changed. */
void copies_finish(lua_State *L);

#endif
