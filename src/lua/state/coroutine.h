/* lua/state/coroutine.h - what coroutine.c has for others. */
#ifndef SBX_LUA_STATE_COROUTINE_H
#define SBX_LUA_STATE_COROUTINE_H

#include <lua.h>

/* coroutine.resume; raises no error of the coroutine. The lib is the first upvalue. */
int coroutine_resume(lua_State *L);

#endif
