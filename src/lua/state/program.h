/*
 * lua/state/program.h - os.execute and io.popen. Private to src/lua.
 *
 * They are as Lua has them, but for three things. While they wait for a program, an interrupt and a
 * question reach the process. A program inherits the three streams and nothing else. And what
 * io.popen returns belongs to the process that opened it: a process made by spawn finds it closed,
 * and one that ends by itself closes its own, which waits for the programs.
 */
#ifndef SBX_LUA_STATE_PROGRAM_H
#define SBX_LUA_STATE_PROGRAM_H

#include <lua.h>

struct lib;

void lib_open_program(lua_State *L, struct lib *lib);

/* In a child, first thing: let go of the parent's. */
void program_forked(lua_State *L, struct lib *lib);

/* The process ends by itself: close what it opened. May raise an interrupt. */
void program_close_all(lua_State *L, struct lib *lib);

#endif
