/*
 * lua/strict/strict.h - the language layer of strict mode: what the policy does not allow is not in the state.
 *
 * Nothing is hidden from a script that it could find again: where a function must not be, there is another one,
 * which does less, or which says what would allow it. The library and the prompt keep what they need in
 * environments that no function of a script can reach: without `debug` there is no way to the registry, to
 * upvalues, or into frames, and the codec (lua/codec/names.h) resolves names in the tables that scripts see.
 *
 * The kernel layer holds what is outside by itself (src/os/jail); this one also says why.
 */
#ifndef SBX_LUA_STRICT_STRICT_H
#define SBX_LUA_STRICT_STRICT_H

#include <lua.h>
#include <stdint.h>

#include "base/policy.h"

/*
 * After luaL_openlibs, before anything else keeps functions of the standard libraries: what opens files, loads
 * code or shows addresses obeys the policy from now on.
 *   p    borrowed for as long as the state, and those of processes forked from it
 *   key  of the run; copied
 */
void strict_state_open(lua_State *L, const struct policy *p, const uint8_t key[16]);

/* When the library and the prompt have kept what they need: take away what scripts must not have. From now on
 * code of scripts may run. */
void strict_state_close(lua_State *L, const struct policy *p);

#endif
