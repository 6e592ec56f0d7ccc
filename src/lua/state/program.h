/*
 * lua/state/program.h - os.execute and io.popen. Private to src/lua.
 *
 * They differ from Lua's in three ways. While they wait for a program, interrupts and questions
 * reach the process. A program inherits the three standard streams and nothing else. And a file of
 * io.popen belongs to the process that opened it: in a process made by spawn it is closed, and a
 * process that ends by itself closes its own, which waits for the programs.
 */
#ifndef SBX_LUA_STATE_PROGRAM_H
#define SBX_LUA_STATE_PROGRAM_H

#include <lua.h>

struct lib;

void lib_open_program(lua_State *L, struct lib *lib);

/* In a child, first: drop the parent's files. */
void program_forked(lua_State *L, struct lib *lib);

/* The process ends by itself: close the files that it opened. May raise an interrupt. */
void program_close_all(lua_State *L, struct lib *lib);

#endif
