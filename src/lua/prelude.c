/* lua/prelude.c - see prelude.h. */
#include "lua/prelude.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/sandbox_lib.h"

void prelude_push(lua_State *L, const struct prelude_source *sources, const char *name) {
  const struct prelude_source *s = sources;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "sandbox.prelude");
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 1);
    while (s->name && strcmp(s->name, name) != 0)
      s++;
    if (!s->name)
      luaL_error(L, "there is no prelude '%s'", name);
    if (luaL_loadbufferx(L, s->text, s->len, lua_pushfstring(L, "=[sandbox %s]", name), "t"))
      lua_error(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY);
    lua_call(L, 1, 1); /* preludes chunkname module */
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, name);
    lua_replace(L, -2);
  }
  lua_replace(L, -2);
}
