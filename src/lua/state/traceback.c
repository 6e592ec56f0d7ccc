/* lua/state/traceback.c - see traceback.h. */
#include "lua/state/traceback.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "lua/state/lib.h"

/* A line of a traceback, with the newline before it. */
struct line {
  const char *at;
  size_t len;
};

static struct line next_line(const char *at) {
  const char *end = *at ? strchr(at + 1, '\n') : NULL;
  return (struct line){at, end ? (size_t)(end - at) : strlen(at)};
}

static bool starts(const struct line *line, const char *with) {
  return line->len >= strlen(with) && memcmp(line->at, with, strlen(with)) == 0;
}

/* Is it a frame of the library, or of a C function that the library called? */
static bool is_ours(struct line line) {
  while (starts(&line, "\n\t[C]: "))
    line = next_line(line.at + line.len);
  return starts(&line, "\n\t[sandbox ");
}

/* Is sandbox.X, the first `len` bytes of `name`, the global X? */
static bool is_global(lua_State *L, const char *name, size_t len) {
  int top = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pushlstring(L, name, len);
  lua_rawget(L, -2);
  bool same = lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY) == LUA_TTABLE;
  if (same) {
    lua_pushlstring(L, name, len);
    lua_rawget(L, -2);
    same = !lua_isnil(L, -1) && lua_rawequal(L, -1, top + 2);
  }
  lua_settop(L, top);
  return same;
}

/* Append a line, whatever it is. */
static void add_line(lua_State *L, luaL_Buffer *text, const struct line *line) {
  static const char mark[] = "\n\t[C]: in function 'sandbox.";
  const char *name = line->at + sizeof mark - 1, *end = line->at + line->len;
  if (starts(line, mark) && end[-1] == '\'' && is_global(L, name, (size_t)(end - 1 - name))) {
    luaL_addlstring(text, mark, sizeof mark - sizeof "sandbox.");
    luaL_addlstring(text, name, (size_t)(end - name));
  } else {
    luaL_addlstring(text, line->at, line->len);
  }
}

void traceback_clean(lua_State *L) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  luaL_Buffer text;
  const char *all = lua_tostring(L, -1);
  bool ours = false; /* the line before is */
  luaL_buffinit(L, &text);
  for (struct line line = next_line(all); line.len > 0; line = next_line(line.at + line.len)) {
    ours = is_ours(line) || (ours && starts(&line, "\n\t(...tail calls...)"));
    if (!ours)
      add_line(L, &text, &line);
  }
  luaL_pushresult(&text);
  lua_remove(L, -2);
}

void traceback_push(lua_State *L, int level) {
  luaL_traceback(L, L, NULL, level);
  traceback_clean(L);
}
