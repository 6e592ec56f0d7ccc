/* lua/strict/text.c - values as text, without addresses: tostring, print, string.format, files; seeds of math.random. */
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
  if (is_plain(lua_type(L, 1))) {
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

/* May it stand between a % and its letter? One of "-+ #.0123456789". */
static bool is_modifier(char c) {
  static const uint32_t MODIFIERS = 1u << (' ' - ' ') | 1u << ('#' - ' ') | 1u << ('+' - ' ') |
                                    1u << ('-' - ' ') | 1u << ('.' - ' ') | 0x3ffu << ('0' - ' ');
  unsigned at = (unsigned char)c - (unsigned)' ';
  return at < 32 && (MODIFIERS >> at & 1);
}

/* What a format asks for: arguments as they are, texts (%s) and integers (%d), and nothing else; addresses, among others; all
 * but that. */
enum asked { TEXTS, ADDRESSES, OTHERS };

/* `last`: the last argument that a text may be; 1: none may. */
static enum asked asked(lua_State *L, const char *format, size_t len, int last) {
  enum asked what = TEXTS;
  const char *at = format, *end = format + len;
  for (int arg = 1; (at = memchr(at, '%', (size_t)(end - at))); at++) {
    if (*++at == '%') /* at the end of the format it is \0 */
      continue;
    if (what == TEXTS && ++arg <= last && (*at == 's' || (*at == 'd' && lua_isinteger(L, arg))))
      continue;
    what = OTHERS;
    while (is_modifier(*at))
      at++;
    if (*at == 'p')
      return ADDRESSES;
    at--; /* what is no letter may be the next % */
  }
  return what;
}

static void add_integer(luaL_Buffer *text, lua_Integer n) {
  char digits[24], *at = digits + sizeof digits;
  lua_Unsigned rest = n < 0 ? 0 - (lua_Unsigned)n : (lua_Unsigned)n;
  do
    *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  if (n < 0)
    *--at = '-';
  luaL_addlstring(text, at, (size_t)(digits + sizeof digits - at));
}

/* Texts are joined here, in less time than Lua's own function takes, and what was looked at costs nothing: strings and
 * numbers. Apart, since its buffer would cost every call. */
static __attribute__((noinline)) int join(lua_State *L, const char *format, size_t len) {
  const char *end = format + len;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  int arg = 1;
  for (const char *at = format, *next; at < end; at = next + 2) {
    size_t size = 1;
    next = memchr(at, '%', (size_t)(end - at));
    luaL_addlstring(&text, at, (size_t)((next ? next : end) - at));
    if (!next)
      break;
    if (next[1] == '%') {
      luaL_addlstring(&text, next, 1);
    } else if (lua_isinteger(L, ++arg)) {
      add_integer(&text, lua_tointeger(L, arg));
    } else {
      const char *added = lua_tolstring(L, arg, &size);
      luaL_addlstring(&text, added, size);
    }
  }
  luaL_pushresult(&text);
  return 1;
}

static lua_CFunction plain_format; /* Lua's own, the same in every state */

/* The same with masks: each %s gets a text, and each %p becomes one. Apart, since its buffer would cost every call. */
static __attribute__((noinline)) int format_masked(lua_State *L) {
  size_t len;
  const char *format = luaL_checklstring(L, 1, &len), *end = format + len;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
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
    for (at++; at < end && is_modifier(*at); at++)
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
  return plain_format(L);
}

enum {
  JOINED = 1 << LUA_TSTRING | 1 << LUA_TNUMBER
}; /* values that lua_tolstring makes what %s does */

/* Numbers look the same without a mask, and strings for all but %p; only for those the format is read. */
static int l_format(lua_State *L) {
  unsigned types = 0;
  int top = lua_gettop(L);
  for (int i = top; i > 1; i--) {
    int type = lua_type(L, i);
    if (!is_plain(type))
      return format_masked(L);
    types |= 1u << type;
  }
  size_t len;
  const char *format = types >> LUA_TSTRING & 1 ? lua_tolstring(L, 1, &len) : NULL;
  if (!format)
    return plain_format(L);
  enum asked what = asked(L, format, len, types & ~(unsigned)JOINED ? 1 : top);
  return what == TEXTS       ? join(L, format, len)
         : what == ADDRESSES ? format_masked(L)
                             : plain_format(L);
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
