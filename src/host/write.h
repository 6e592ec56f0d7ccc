/*
 * host/write.h - what a script writes to stderr is seen when lua would show it.
 */
#ifndef SBX_HOST_WRITE_H
#define SBX_HOST_WRITE_H

#include <lua.h>

/* From now on `io.write` and `file:write` tell os/process/output.h of a line that they left unfinished on
 * stderr, and `io.read` and `file:read` of one that was read from stdin. The libraries of Lua are
 * open; once. May raise a Lua error. */
void write_open(lua_State *L);

#endif
