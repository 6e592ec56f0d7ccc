/* lua/state/collector.h - holding the collector off. Private to src/lua. */
#ifndef SBX_LUA_STATE_COLLECTOR_H
#define SBX_LUA_STATE_COLLECTOR_H

#include <lua.h>
#include <stdbool.h>

struct lib;

struct collector {
  bool paused; /* by lib_pause */
};

/* From now on free memory of the state goes back to the system when the process has slept for a second.
 * Of a foreign host's state this does nothing. */
void lib_open_collector(lua_State *L, struct lib *lib);

/*
 * Hold the collector off while a buffer of the lib or of a handle is in use: a finalizer that
 * called into the library would use it, too. A resume may run a step that is due, so the buffer
 * must be done with. Whoever raises resumes before; only a memory error of Lua itself does not, and
 * then the next pause and resume do.
 */
void lib_pause(lua_State *L, struct lib *lib);
void lib_resume(lua_State *L, struct lib *lib);
/* A full collection was made in a pause, and has ended it. */
void lib_pause_again(lua_State *L);

/* Does the collector run a finalizer now? Nothing is collected and no hook is called there. Lua does
 * not say so; but lua_gc has no answer, -1, to any question there, from 5.4.4 on. Before, this is
 * false. */
bool lib_in_finalizer(lua_State *L);

#endif
