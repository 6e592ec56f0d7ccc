/* host/course.c - see course.h. */
#include "host/course.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* show(text): as stdout may get it, with the colours of verdicts. */
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

/* plain(text): a part of a line, what an answer has told or its name: it cannot end the line, go back in it, or colour it as a
 * verdict is coloured. */
static int l_plain(lua_State *L) {
  struct buf shown = {0};
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len), *end = text + len, *line;
  int rc = 0;
  while (rc == 0 && (line = memchr(text, '\n', (size_t)(end - text)))) {
    rc = text_show_controls(&shown, text, (size_t)(line - text));
    rc = rc ? rc : buf_append(&shown, "\\x0a", 4);
    text = line + 1;
  }
  rc = rc ? rc : text_show_controls(&shown, text, (size_t)(end - text));
  if (rc) {
    buf_release(&shown);
    return luaL_error(L, "not enough memory");
  }
  lua_pushlstring(L, (const char *)shown.data, shown.len);
  buf_release(&shown);
  return 1;
}

enum { ANSWER_MOST = 1 << 20 /* bytes: answers are read where no limit of memory holds */ };

/* Why can the file with this descriptor be no answer? NULL: it can. A pipe that nobody writes to, say, would hold up all that
 * come behind it, and a device has no end. */
static const char *fault_of(int fd) {
  struct stat about;
  if (fd < 0 || fstat(fd, &about))
    return strerror(errno);
  return S_ISDIR(about.st_mode)        ? strerror(EISDIR)
         : !S_ISREG(about.st_mode)     ? "it is no file"
         : about.st_size > ANSWER_MOST ? "it is larger than 1 MiB"
                                       : NULL;
}

/* fault(path): why it cannot be an answer, or nil. */
static int l_fault(lua_State *L) {
  int fd = open(luaL_checkstring(L, 1), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  lua_pushstring(L, fault_of(fd)); /* NULL: nil */
  if (fd >= 0)
    close(fd);
  return 1;
}

/* protected: [struct options] -> the exit status */
static int check(lua_State *L) {
  const struct options *o = lua_touserdata(L, 1);
  prelude_push(L, course_sources, "main");
  lua_createtable(L, 0, 9);
  lua_pushcfunction(L, l_show);
  lua_setfield(L, -2, "show");
  lua_pushcfunction(L, l_plain);
  lua_setfield(L, -2, "plain");
  lua_pushcfunction(L, l_fault);
  lua_setfield(L, -2, "fault");
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
