/* host/course.c - see course.h. */
#include "host/course.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "host/data.h"
#include "lua/state/prelude.h"
#include "lua/state/report.h"

extern const struct prelude_source course_sources[]; /* src/host/course */

enum { SECONDS_DEFAULT = 20 };

/* [table] Set a field, and free the text. */
static void set_text(lua_State *L, const char *name, char *text) {
  lua_pushstring(L, text); /* NULL: nil */
  free(text);
  lua_setfield(L, -2, name);
}

/* show(text): as stdout may get it. A terminal would obey what an answer has made it print, or is called. */
static int l_show(lua_State *L) {
  struct text_stream s = {0};
  struct buf shown = {0};
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  if (!isatty(STDOUT_FILENO))
    return 1;
  if (text_stream_show(&s, &shown, text, len, true))
    return luaL_error(L, "not enough memory");
  lua_pushlstring(L, (const char *)shown.data, shown.len);
  buf_release(&shown);
  return 1;
}

/* protected: [struct options] -> the exit status */
static int check(lua_State *L) {
  const struct options *o = lua_touserdata(L, 1);
  prelude_push(L, course_sources, "main");
  lua_createtable(L, 0, 7);
  lua_pushcfunction(L, l_show);
  lua_setfield(L, -2, "show");
  set_text(L, "program", data_program());
  set_text(L, "scripts", data_folder("scripts"));
  lua_pushnumber(L, o->course_ns ? (double)o->course_ns / (double)NS_PER_SECOND : SECONDS_DEFAULT);
  lua_setfield(L, -2, "seconds");
  lua_pushboolean(L, o->course_table);
  lua_setfield(L, -2, "table");
  lua_pushboolean(L, options_color(o->color, isatty(STDOUT_FILENO)));
  lua_setfield(L, -2, "color");
  lua_createtable(L, (int)o->input_count, 0);
  for (size_t i = 0; i < o->input_count; i++) {
    lua_pushstring(L, o->inputs[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "inputs");
  lua_call(L, 1, 1);
  return 1;
}

int course_check(lua_State *L, const struct options *o) {
  lua_pushcfunction(L, check);
  lua_pushlightuserdata(L, (void *)(uintptr_t)o);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    report_print(&(struct report){.message = lua_tostring(L, -1)});
    lua_pop(L, 1);
    return EXIT_LUA_ERROR;
  }
  int status = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return status;
}
