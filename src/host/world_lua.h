/*
 * host/world_lua.h - sandbox.connect: what prelude/world.lua needs from C, as the module `worlds` of the prelude.
 *
 *   join(url, name)     connect: the tag of the world, and how messages call its engine; nil, why. To one that this
 *                       process has already: the same tag
 *   make_in(tag)        what is made from now on is made there; nil: where the run's own objects are. false: this process
 *                       is not connected there
 *   value(name)         a value that was not set, or the one of this name that is there
 *   close(tag)          this process leaves it
 *   refused             a text: why this run may not connect; nil: it may
 */
#ifndef SBX_HOST_WORLD_LUA_H
#define SBX_HOST_WORLD_LUA_H

#include <lua.h>

/* Make the module. `refused`: as above, or NULL. Static. */
void world_open(lua_State *L, const char *refused);

#endif
