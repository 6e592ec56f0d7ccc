/* lua/strict/text.c - values as text, without addresses: tostring, print, files; seeds of math.random. */
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "lua/state/masked.h"
#include "lua/strict/strict_internal.h"

/* Values that look the same without a mask. */
enum { PLAIN = 1 << LUA_TNIL | 1 << LUA_TBOOLEAN | 1 << LUA_TNUMBER | 1 << LUA_TSTRING };

static bool is_plain(int type) { return type >= 0 && (PLAIN >> type & 1); }

static int l_tostring(lua_State *L) {
  int type = lua_type(L, 1);
  if (is_plain(type))
    luaL_tolstring(L, 1, NULL);
  else if (type == LUA_TNONE)
    luaL_checkany(L, 1);
  else
    masked_push_text(L, 1);
  return 1;
}

static int l_print(lua_State *L) {
  int n = lua_gettop(L);
  for (int i = 1; i <= n; i++) {
    size_t len;
    const char *text = masked_tolstring(L, i, &len);
    if (i > 1)
      fputc('\t', stdout);
    fwrite(text, 1, len, stdout);
    lua_pop(L, 1);
  }
  fputc('\n', stdout);
  fflush(stdout);
  return 0;
}

/* -- files, seeds ------------------------------------------------------------------------------ */

static int file_tostring(lua_State *L) {
  const luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (s->closef)
    lua_pushfstring(L, "file (%s)", masked_push_address(L, 1));
  else
    lua_pushliteral(L, "file (closed)");
  return 1;
}

static lua_CFunction plain_randomseed; /* Lua's own, the same in every state */

/* math.randomseed(): the seed that Lua would take, and return, has an address in it. Upvalue: that of Lua's own function, which is
 * called in the frame of this one. */
static int l_randomseed(lua_State *L) {
  if (lua_gettop(L) == 0) {
    uint64_t now = (uint64_t)clock_now_ns();
    lua_pushinteger(L, (lua_Integer)masked_number(L, now));
    lua_pushinteger(L, (lua_Integer)masked_number(L, ~now));
  }
  return plain_randomseed(L);
}

/* [math] */
static void open_randomseed(lua_State *L) {
  lua_getfield(L, -1, "randomseed");
  plain_randomseed = lua_tocfunction(L, -1);
  lua_getupvalue(L, -1, 1); /* the generator's state */
  lua_pushcclosure(L, l_randomseed, 1);
  lua_setfield(L, -3, "randomseed");
  lua_pop(L, 1);
}

void strict_open_text(lua_State *L, const struct policy *p) {
  static const struct strict_function globals[] = {
      {"tostring", l_tostring}, {"print", l_print}, {NULL, NULL}};
  lua_pushglobaltable(L);
  strict_replace(L, p, globals);
  lua_getglobal(L, LUA_MATHLIBNAME);
  open_randomseed(L);
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_pushcfunction(L, file_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 3);
}
