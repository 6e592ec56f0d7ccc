/* lua/state/limit.h - the memory of a state, counted, if the run has a limit. Private to src/lua. */
#ifndef SBX_LUA_STATE_LIMIT_H
#define SBX_LUA_STATE_LIMIT_H

#include <lua.h>

#include "base/arena.h"

struct lib;

/* Count what this process takes from its arena; in a child anew. */
void limit_begin(struct lib *lib, struct arena *arena);

/* The process is about to fail with the error at the index `error`: if it says that there was not enough memory, and the
 * limit is why, the run ends at its limit. */
void limit_failed(lua_State *L, int error);

#endif
