/* prompt/topic.c - see topic.h. */
#include "prompt/topic.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "lua/state/meta.h"
#include "lua/state/report.h"

extern const struct prelude_source prompt_sources[]; /* src/prompt/lua */

static int columns(void) {
  struct winsize size;
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

/* protected: [topic, color] */
static int show(lua_State *L) {
  prelude_push(L, prompt_sources, "topic");
  lua_pushvalue(L, 1);
  lua_createtable(L, 0, 3);
  lua_pushlstring(L, meta_sources[0].text, meta_sources[0].len);
  lua_setfield(L, -2, "meta");
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "color");
  lua_pushinteger(L, columns());
  lua_setfield(L, -2, "width");
  lua_call(L, 2, 0);
  return 0;
}

bool topic_show(lua_State *L, const char *topic, bool color) {
  lua_pushcfunction(L, show);
  lua_pushstring(L, topic);
  lua_pushboolean(L, color);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK)
    return true;
  report_print(&(struct report){.message = lua_tostring(L, -1)});
  lua_pop(L, 1);
  return false;
}
