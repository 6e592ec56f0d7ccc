/*
 * lua/state/state.h - a Lua state whose memory is an arena.
 *
 * For the program's own states; a foreign host has made its own (embed).
 */
#ifndef SBX_LUA_STATE_STATE_H
#define SBX_LUA_STATE_STATE_H

#include <lua.h>
#include <stdbool.h>

/* As luaL_newstate, with an arena instead of malloc (base/arena.h): that of memory_use, which stays
 * open, or else one of its own. NULL: no memory. To be closed
 * by state_close. */
lua_State *state_new(void);

/* luaL_openlibs, before the state has any globals, which get a table with room to spare: theirs and ours fill two thirds of
 * the one that Lua would make, so that many are found only behind another. Raises when memory is exhausted. */
void state_open_libs(lua_State *L);

/* From now on the arena of a state of state_new is that of memory_use: the buffers of the bindings lie
 * there, too. It stays open, also when the state is closed. */
void state_use_arena(lua_State *L);

/* Was the state made by state_new? */
bool state_is_own(lua_State *L);

/* The arena of such a state. */
struct arena *state_arena(lua_State *L);

/* lua_close, and the arena goes back to the system, unless it is in use. */
void state_close(lua_State *L);

#endif
