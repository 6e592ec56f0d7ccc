/* lua/state/coroutine.h - what other files use of coroutine.c. */
#ifndef SBX_LUA_STATE_COROUTINE_H
#define SBX_LUA_STATE_COROUTINE_H

#include <lua.h>

/* coroutine.resume; raises no error of the coroutine. The lib is the first upvalue. */
int coroutine_resume(lua_State *L);

#endif
