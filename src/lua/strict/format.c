/*
 * lua/strict/format.c - string.format without addresses.
 *
 * Lua's own function shows them: by %p, and by %s of what has no text of its own. So formats are read here. What most of them ask
 * for is done here, too, in no more time than Lua's takes: a call of that function after the format was read would cost a tenth.
 * What is left is handed to it, with masks in the place of what has an address: errors above all, which are Lua's own by that,
 * and %q of what is no string.
 */
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "lua/state/masked.h"
#include "lua/strict/strict_internal.h"

static lua_CFunction plain_format; /* Lua's own, the same in every state */

/* -- what Lua's own function does --------------------------------------------------------------- */

/* May it stand between a % and its letter? One of "-+ #.0123456789". */
static bool is_modifier(char c) {
  static const uint32_t MODIFIERS = 1u << (' ' - ' ') | 1u << ('#' - ' ') | 1u << ('+' - ' ') |
                                    1u << ('-' - ' ') | 1u << ('.' - ' ') | 0x3ffu << ('0' - ' ');
  unsigned at = (unsigned char)c - (unsigned)' ';
  return at < 32 && (MODIFIERS >> at & 1);
}

/* Each %s gets a text, and each %p becomes one. */
static int format_masked(lua_State *L) {
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

/* -- one item of a format ----------------------------------------------------------------------- */

/* "%-5.2f" */
struct item {
  const char *begin; /* the % */
  unsigned flags;    /* see flag_of */
  int width;         /* 0: none */
  int precision;     /* -1: none */
  char letter;
};

enum { LEFT = 1, PLUS = 2, SPACE = 4, SHARP = 8, ZERO = 16, FLAGS_MOST = 5 };

static unsigned flag_of(char c) {
  return c == '-'   ? LEFT
         : c == '+' ? PLUS
         : c == ' ' ? SPACE
         : c == '#' ? SHARP
         : c == '0' ? ZERO
                    : 0;
}

/* At most two digits, as Lua has it: a third is no letter, and so an error. */
static const char *read_digits(const char *at, int *ret) {
  *ret = 0;
  for (int i = 0; i < 2 && *at >= '0' && *at <= '9'; i++)
    *ret = 10 * *ret + (*at++ - '0');
  return at;
}

/* Read an item behind its %, and return its end. The format ends in \0, which is no letter of an item. */
static const char *read_item(const char *at, struct item *ret) {
  *ret = (struct item){.begin = at - 1, .precision = -1};
  for (unsigned flag; (flag = flag_of(*at)); at++)
    ret->flags |= flag;
  at = read_digits(at, &ret->width);
  if (*at == '.')
    at = read_digits(at + 1, &ret->precision);
  ret->letter = *at;
  return at + 1;
}

enum { FORM_BYTES = 24 };

/* The item as the C library takes it: "%-5lld". `flags` and `precision`: what Lua lets it have. False: it has more. */
static bool make_form(const struct item *i, const char *end, unsigned flags, bool precision,
                      const char *length, char ret[FORM_BYTES]) {
  size_t len = (size_t)(end - 1 - i->begin), more = strlen(length);
  if ((i->flags & ~flags) || (i->precision >= 0 && !precision) || len > 1 + FLAGS_MOST + 5)
    return false;
  memcpy(ret, i->begin, len);
  memcpy(ret + len, length, more);
  ret[len + more] = i->letter;
  ret[len + more + 1] = '\0';
  return true;
}

/* -- values --------------------------------------------------------------------------------------- */

static bool is_bare(const struct item *i) {
  return i->flags == 0 && i->width == 0 && i->precision < 0;
}

static void add_filler(luaL_Buffer *text, char filler, size_t n) {
  if (n == 0)
    return;
  memset(luaL_prepbuffsize(text, n), filler, n);
  luaL_addsize(text, n);
}

/* With the flags '-' and '0' and a width, or without. */
static void add_decimal(luaL_Buffer *text, lua_Integer n, unsigned flags, int width) {
  char digits[24], *at = digits + sizeof digits;
  lua_Unsigned rest = n < 0 ? 0 - (lua_Unsigned)n : (lua_Unsigned)n;
  do
    *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  size_t len = (size_t)(digits + sizeof digits - at), all = len + (n < 0);
  size_t fill = all < (size_t)width ? (size_t)width - all : 0;
  if (flags == 0)
    add_filler(text, ' ', fill);
  if (n < 0)
    luaL_addchar(text, '-');
  if (flags == ZERO)
    add_filler(text, '0', fill);
  luaL_addlstring(text, at, len);
  if (flags & LEFT)
    add_filler(text, ' ', fill);
}

/* Each returns false if the item is left to Lua's own function, since it is an error, or rare. */

static bool add_integer(lua_State *L, luaL_Buffer *text, const struct item *i, const char *end,
                        int arg) {
  enum { MOST = 128 }; /* 99 digits, a sign, "0x" */
  char form[FORM_BYTES];
  int is_integer;
  lua_Integer n = lua_tointegerx(L, arg, &is_integer);
  bool decimal = i->letter == 'd' || i->letter == 'i';
  if (!is_integer)
    return false;
  if (decimal && i->precision < 0 && !(i->flags & ~(unsigned)(LEFT | ZERO))) {
    add_decimal(text, n, i->flags, i->width);
    return true;
  }
  unsigned flags = decimal ? LEFT | PLUS | SPACE | ZERO : LEFT | SHARP | ZERO;
  if (!make_form(i, end, flags, true, LUA_INTEGER_FRMLEN, form))
    return false;
  char *to = luaL_prepbuffsize(text, MOST);
  luaL_addsize(text, (size_t)snprintf(to, MOST, form, (LUAI_UACINT)n));
  return true;
}

static bool add_number(lua_State *L, luaL_Buffer *text, const struct item *i, const char *end,
                       int arg) {
  enum { MOST = 512 }; /* 309 digits, 99 behind the point */
  char form[FORM_BYTES];
  int is_number;
  lua_Number n = lua_tonumberx(L, arg, &is_number);
  if (!is_number || !make_form(i, end, LEFT | PLUS | SPACE | SHARP | ZERO, true, "", form))
    return false;
  char *to = luaL_prepbuffsize(text, MOST);
  luaL_addsize(text, (size_t)snprintf(to, MOST, form, (LUAI_UACNUMBER)n));
  return true;
}

static bool add_character(lua_State *L, luaL_Buffer *text, const struct item *i, int arg) {
  int is_integer;
  lua_Integer n = lua_tointegerx(L, arg, &is_integer);
  if (!is_integer || !is_bare(i))
    return false;
  luaL_addchar(text, (char)n);
  return true;
}

/* A text with its width and precision. */
static bool add_padded(luaL_Buffer *text, const struct item *i, const char *s, size_t len) {
  size_t width = (size_t)i->width;
  if ((i->flags & ~(unsigned)LEFT) || memchr(s, '\0', len))
    return false;
  if (i->precision >= 0 && len > (size_t)i->precision)
    len = (size_t)i->precision;
  size_t spaces = len < width ? width - len : 0;
  if (!(i->flags & LEFT))
    add_filler(text, ' ', spaces);
  luaL_addlstring(text, s, len);
  if (i->flags & LEFT)
    add_filler(text, ' ', spaces);
  return true;
}

/* What has text of its own gets it once, whoever goes on. */
static bool add_text(lua_State *L, luaL_Buffer *text, const struct item *i, int arg) {
  size_t len;
  int type = lua_type(L, arg);
  if (type == LUA_TBOOLEAN && is_bare(i)) {
    luaL_addstring(text, lua_toboolean(L, arg) ? "true" : "false");
    return true;
  }
  if (type != LUA_TSTRING && type != LUA_TNUMBER) {
    masked_tolstring(L, arg, NULL);
    lua_replace(L, arg);
  }
  if (type == LUA_TNUMBER && is_bare(i) && lua_isinteger(L, arg)) {
    add_decimal(text, lua_tointeger(L, arg), 0, 0);
    return true;
  }
  const char *s = lua_tolstring(L, arg, &len); /* numbers look so */
  if (!is_bare(i))
    return add_padded(text, i, s, len);
  luaL_addlstring(text, s, len);
  return true;
}

static bool add_address(lua_State *L, luaL_Buffer *text, const struct item *i, int arg) {
  if (!is_bare(i))
    return false;
  char *to = luaL_prepbuffsize(text, MASKED_ADDRESS_BYTES);
  luaL_addsize(text, masked_write_address(L, arg, to));
  return true;
}

/* A string as Lua reads it. */
static bool add_quoted(lua_State *L, luaL_Buffer *text, const struct item *i, int arg) {
  size_t len;
  if (!is_bare(i) || lua_type(L, arg) != LUA_TSTRING)
    return false;
  const unsigned char *s = (const unsigned char *)lua_tolstring(L, arg, &len), *end = s + len;
  luaL_addchar(text, '"');
  for (; s < end; s++) {
    bool control = *s < ' ' || *s == 0x7f, digit = s + 1 < end && s[1] >= '0' && s[1] <= '9';
    if (*s == '"' || *s == '\\' || *s == '\n') {
      luaL_addchar(text, '\\');
      luaL_addchar(text, (char)*s);
    } else if (control) {
      char *to = luaL_prepbuffsize(text, 5);
      luaL_addsize(text, (size_t)snprintf(to, 5, digit ? "\\%03d" : "\\%d", *s));
    } else {
      luaL_addchar(text, (char)*s);
    }
  }
  luaL_addchar(text, '"');
  return true;
}

static bool add_item(lua_State *L, luaL_Buffer *text, const struct item *i, const char *end,
                     int arg) {
  switch (i->letter) {
  case 's':
    return add_text(L, text, i, arg);
  case 'd':
  case 'i':
  case 'x':
  case 'X':
  case 'o':
    return add_integer(L, text, i, end, arg);
  case 'f':
  case 'e':
  case 'E':
  case 'g':
  case 'G':
  case 'a':
  case 'A':
    return add_number(L, text, i, end, arg);
  case 'c':
    return add_character(L, text, i, arg);
  case 'q':
    return add_quoted(L, text, i, arg);
  case 'p':
    return add_address(L, text, i, arg);
  default:
    return false;
  }
}

/* -- string.format -------------------------------------------------------------------------------- */

static int l_format(lua_State *L) {
  size_t len;
  const char *format = luaL_checklstring(L, 1, &len), *end = format + len;
  int arg = 1, top = lua_gettop(L);
  luaL_Buffer text;
  luaL_buffinit(L, &text); /* at the top, so that arguments are replaced below it */
  for (const char *at = format, *next;; at = next) {
    struct item i;
    next = memchr(at, '%', (size_t)(end - at));
    luaL_addlstring(&text, at, (size_t)((next ? next : end) - at));
    if (!next)
      break;
    if (*++next == '%') {
      luaL_addchar(&text, *next++);
      continue;
    }
    next = read_item(next, &i);
    if (++arg > top || !add_item(L, &text, &i, next, arg)) {
      lua_settop(L, top);
      return format_masked(L);
    }
  }
  luaL_pushresult(&text);
  return 1;
}

void strict_open_format(lua_State *L, const struct policy *p) {
  static const struct strict_function of_string[] = {{"format", l_format}, {NULL, NULL}};
  lua_getglobal(L, LUA_STRLIBNAME);
  lua_getfield(L, -1, "format");
  plain_format = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  strict_replace(L, p, of_string);
  lua_pop(L, 1);
}
