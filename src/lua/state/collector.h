/* lua/state/collector.h - holding the collector off. Private to src/lua. */
#ifndef SBX_LUA_STATE_COLLECTOR_H
#define SBX_LUA_STATE_COLLECTOR_H

#include <lua.h>
#include <stdbool.h>

struct lib;

struct collector {
  bool paused; /* by lib_pause */
};

/* From now on the free memory of the state goes back to the system when the process has slept for a
 * second. Does nothing for the state of a foreign host. */
void lib_open_collector(lua_State *L, struct lib *lib);

/*
 * Hold the collector off while a buffer of the lib or of a handle is in use: a finalizer that calls
 * the library would use it, too. A resume may run a step that is due, so the buffer must not be in
 * use any more. Resume before raising an error. Only a memory error of Lua itself leaves the pause,
 * which the next pause and resume end.
 */
void lib_pause(lua_State *L, struct lib *lib);
void lib_resume(lua_State *L, struct lib *lib);
/* A full collection. `paused`: in a pause, which goes on; the buffers for which it is held are put aside meanwhile. */
void lib_collect(lua_State *L, bool paused);

/* Does the collector run a finalizer now? Nothing is collected there, and no hook is called. Lua
 * does not tell; but there lua_gc returns -1 whatever it is asked, from 5.4.4 on. Before 5.4.4 this
 * is always false. */
bool lib_in_finalizer(lua_State *L);

#endif
