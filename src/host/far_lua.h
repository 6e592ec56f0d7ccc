/*
 * host/far_lua.h - other hosts in Lua: what prelude/elsewhere.lua and prelude/far_side.lua need from C, as the
 * module `far` of the prelude. See far.h.
 *
 *   list()                    the agents: { { name=, slots=, cpus=, processes=, alive=, life=, why= } ... };
 *                             why: a text, if it cannot run what this program sends
 *   here()                    the name of this host
 *   begin(host, life, call)   the calling process begins to stand for one on a host: a link
 *   next(link)                "module", key, name; "end", exit code, signal, outcome, bytes; "lost", why;
 *                             or nothing: look for interrupts, and call again. Prints what comes
 *   answer(link, key, bytes)  what a "module" asked for
 *   close(link)               the far process is not wanted any more, or has ended
 *   die(signal)               end by a signal
 *   leave(code)               end with an exit status
 *   fail(status, ...)         child_fail_as of lua/state/child.h
 *   ask(name)                 of a far process: a module, as `answer` gave it; nil, why
 *   queue(name or number)     the queue of the run that is called so, the oldest; nil: there is none in the engine
 *   far()                     does this process belong to a far process?
 */
#ifndef SBX_HOST_FAR_LUA_H
#define SBX_HOST_FAR_LUA_H

#include <lauxlib.h>

/* Make the module, if there is an engine; nothing otherwise. The library is open in L, and no script has
 * run. */
void far_open(lua_State *L);

/* The functions of the stand-in, from "begin" to "leave" but for "fail": host/far_standin.c. */
extern const luaL_Reg far_stand_in[];

/* Raise the error of a code. Without a position: the prelude adds that of the script, if there is one. */
int far_raise(lua_State *L, int rc);

#endif
