/*
 * lua/state/pause.h - sandbox.pause(): stop here, until a person lets the process go on.
 *
 * The library cannot ask a person anything: the prompt's session can, and says so.
 */
#ifndef SBX_LUA_STATE_PAUSE_H
#define SBX_LUA_STATE_PAUSE_H

#include <lua.h>
#include <stdbool.h>

struct lib;

/* A Lua function's body: what pause() does in this state, and in those of its children. */
typedef int pause_fn(lua_State *L, void *ctx);

struct pausing {
  pause_fn *pause; /* NULL: nobody can be asked, which is told once */
  void *ctx;
  bool told;
};

/* Have `pause` called. `ctx` must live as long as the lib; children have a copy. */
void pause_by(struct lib *lib, pause_fn *pause, void *ctx);

/* A pause_fn that does nothing: of a simulated run, in which nobody waits. */
int pause_not(lua_State *L, void *ctx);

/* pause() -> true; false: nobody could be asked */
int pause_here(lua_State *L);

#endif
