/* lua/state/limit.h - the memory of a state, counted, if the run has a limit. Private to src/lua. */
#ifndef SBX_LUA_STATE_LIMIT_H
#define SBX_LUA_STATE_LIMIT_H

#include "base/arena.h"

struct lib;

/* Count what this process takes from its arena; in a child anew. */
void limit_begin(struct lib *lib, struct arena *arena);

#endif
