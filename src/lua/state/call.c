/* lua/state/call.c - calls with a traceback, and the report of those that fail; see call.h. */
#include "lua/state/call.h"

#include <lauxlib.h>

#include "lua/state/report.h"
#include "lua/state/traceback.h"

static const char
    traceback_key; /* its address is a key of the registry: the traceback of the last error */

/* Pop a traceback, or nil, and keep it. */
static void keep_traceback(lua_State *L) { lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key); }

/* Message handler: the error as a string; its traceback is kept. */
static int on_error(lua_State *L) {
  if (lua_tostring(L, 1)) {
    traceback_push(L, 1);
  } else if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) {
    if (!lua_istable(L, 1) || lua_getfield(L, 1, "traceback") != LUA_TSTRING)
      lua_pushnil(L);  /* its text is all it has to say */
    lua_copy(L, 2, 1); /* a failure has the traceback of its process */
  } else {
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    lua_replace(L, 1);
    traceback_push(L, 1);
  }
  keep_traceback(L);
  lua_settop(L, 1);
  return 1;
}

int call_keep_traceback(lua_State *L) {
  traceback_push(L, 1);
  keep_traceback(L);
  return 1;
}

void call_take_traceback(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key);
  lua_pushnil(L);
  keep_traceback(L);
}

int call_function(lua_State *L, int args, int results) {
  int function = lua_gettop(L) - args;
  lua_pushcfunction(L, on_error);
  lua_insert(L, function);
  int status = lua_pcall(L, args, results, function);
  lua_remove(L, function);
  return status;
}

void call_report(lua_State *L, bool bare) {
  call_take_traceback(L); /* message traceback|nil */
  const char *message = lua_tostring(L, -2);
  struct report report = {
      .message = message ? message : "(error object is not a string)",
      .traceback = lua_tostring(L, -1),
      .bare = bare,
  };
  report_print(&report);
  lua_pop(L, 2);
}
