/* lua/prelude.c - see prelude.h. */
#include "lua/prelude.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "lua/sandbox_lib.h"

/* use(name), with the table of sources as its upvalue */
static int l_use(lua_State *L) {
  prelude_push(L, lua_touserdata(L, lua_upvalueindex(1)), luaL_checkstring(L, 1));
  return 1;
}

/* Push the modules that a table of sources has made so far; its address is their key. */
static void push_modules(lua_State *L, const struct prelude_source *sources) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, sources) != LUA_TNIL)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, sources);
}

/* [-0, +1] Compile and call a chunk. */
static void run_chunk(lua_State *L, const struct prelude_source *sources,
                      const struct prelude_source *s) {
  const char *chunk_name = lua_pushfstring(L, "=[sandbox %s]", s->name);
  if (luaL_loadbufferx(L, s->text, s->len, chunk_name, "t"))
    lua_error(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY);
  lua_pushlightuserdata(L, (void *)(uintptr_t)sources);
  lua_pushcclosure(L, l_use, 1);
  lua_call(L, 2, 1); /* chunk name, module */
  lua_replace(L, -2);
}

void prelude_push(lua_State *L, const struct prelude_source *sources, const char *name) {
  const struct prelude_source *s = sources;
  push_modules(L, sources);
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 1);
    while (s->name && strcmp(s->name, name) != 0)
      s++;
    if (!s->name)
      luaL_error(L, "there is no prelude '%s'", name);
    run_chunk(L, sources, s);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name); /* modules, module */
  }
  lua_replace(L, -2);
}

void prelude_set(lua_State *L, const struct prelude_source *sources, const char *name) {
  push_modules(L, sources);
  lua_insert(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

bool prelude_has(lua_State *L, const struct prelude_source *sources, const char *name) {
  push_modules(L, sources);
  bool has = lua_getfield(L, -1, name) != LUA_TNIL;
  lua_pop(L, 2);
  return has;
}
