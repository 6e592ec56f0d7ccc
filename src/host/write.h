/*
 * host/write.h - a script's output on stderr appears when lua would show it.
 */
#ifndef SBX_HOST_WRITE_H
#define SBX_HOST_WRITE_H

#include <lua.h>

/* From now on `io.write` and `file:write` tell os/process/output.h about a line left unfinished on
 * stderr, and `io.read` and `file:read` about a line read from stdin. To be called once, with Lua's
 * libraries open. May raise a Lua error. */
void write_open(lua_State *L);

#endif
