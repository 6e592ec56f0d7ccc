/* lua/strict/text.c - values as text, without addresses: tostring, print, string.format, files; seeds of math.random. */
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "lua/state/masked.h"
#include "lua/strict/strict_internal.h"

/* Values that look the same without a mask. */
enum { PLAIN = 1 << LUA_TNIL | 1 << LUA_TBOOLEAN | 1 << LUA_TNUMBER | 1 << LUA_TSTRING };

static bool is_plain(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type >= 0 && (PLAIN >> type & 1);
}

static int l_tostring(lua_State *L) {
  if (is_plain(L, 1)) {
    luaL_tolstring(L, 1, NULL);
    return 1;
  }
  luaL_checkany(L, 1);
  masked_tolstring(L, 1, NULL);
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

/* -- string.format ----------------------------------------------------------------------------- */

/* Does each argument look the same without a mask? Numbers and strings do, for all but %p. */
static bool are_plain(lua_State *L, const char *format, size_t len) {
  for (int i = lua_gettop(L); i > 1; i--)
    if (!is_plain(L, i))
      return false;
  return !memchr(format, 'p', len);
}

/* Give each %s a text, and make each %p one. The format is at index 1, of `len` bytes. */
static void mask_arguments(lua_State *L, const char *format, size_t len) {
  const char *end = format + len;
  int arg = 1, top = lua_gettop(L);
  luaL_Buffer text;
  luaL_buffinit(L, &text); /* at the top, so that arguments are replaced below it */
  for (const char *at = format; at < end; at++) {
    luaL_addchar(&text, *at);
    if (*at != '%' || (at + 1 < end && at[1] == '%')) {
      if (*at == '%')
        luaL_addchar(&text, *++at);
      continue;
    }
    for (at++; at < end && strchr("-+ #0.123456789", *at) && *at; at++)
      luaL_addchar(&text, *at);
    bool points = at < end && *at == 'p';
    if (at == end)
      break;
    luaL_addchar(&text, points ? 's' : *at);
    if (++arg > top)
      continue;
    if (points)
      masked_push_address(L, arg);
    else if (*at == 's')
      masked_tolstring(L, arg, NULL);
    else
      continue;
    lua_replace(L, arg);
  }
  luaL_pushresult(&text);
  lua_replace(L, 1);
}

static lua_CFunction plain_format; /* Lua's own, the same in every state */

static int l_format(lua_State *L) {
  size_t len;
  const char *format = lua_tolstring(L, 1, &len); /* NULL is told below */
  if (format && !are_plain(L, format, len)) {
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    mask_arguments(L, format, len);
  }
  return plain_format(L);
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

/* math.randomseed(): the seed that Lua would take, and return, has an address in it. */
static int l_randomseed(lua_State *L) {
  if (lua_isnone(L, 1)) {
    uint64_t now = (uint64_t)clock_now_ns();
    lua_pushinteger(L, (lua_Integer)masked_number(L, now));
    lua_pushinteger(L, (lua_Integer)masked_number(L, ~now));
  }
  lua_pushvalue(L, lua_upvalueindex(UP_ORIGINAL)); /* it has an upvalue */
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

void strict_open_text(lua_State *L, const struct policy *p) {
  static const struct strict_function globals[] = {
      {"tostring", l_tostring}, {"print", l_print}, {NULL, NULL}};
  static const struct strict_function of_string[] = {{"format", l_format}, {NULL, NULL}};
  static const struct strict_function of_math[] = {{"randomseed", l_randomseed}, {NULL, NULL}};
  lua_pushglobaltable(L);
  strict_replace(L, p, globals);
  lua_getglobal(L, LUA_STRLIBNAME);
  lua_getfield(L, -1, "format");
  plain_format = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  strict_replace(L, p, of_string);
  lua_getglobal(L, LUA_MATHLIBNAME);
  strict_replace(L, p, of_math);
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_pushcfunction(L, file_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 4);
}
