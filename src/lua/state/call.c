/* lua/state/call.c - calls with a traceback, and the report of those that fail; see call.h. */
#include "lua/state/call.h"

#include <lauxlib.h>

#include "lua/state/limit.h"
#include "lua/state/prelude.h"
#include "lua/state/report.h"
#include "lua/state/traceback.h"

/* Their addresses are keys of the registry: the traceback of the last error, and its hint (false:
 * there is none). */
static const char traceback_key, hint_key;

/* Pop a traceback, or nil, and keep it. */
static void keep_traceback(lua_State *L) { lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key); }

/* protected: [error] -> its message */
static int describe(lua_State *L) {
  prelude_push(L, prelude_sources, "brief");
  lua_getfield(L, -1, "error");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

void call_describe(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_pushcfunction(L, describe);
  lua_pushvalue(L, index);
  if (lua_pcall(L, 1, 1, 0)) {
    lua_pop(L, 1);
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
  }
}

/* protected: [error] -> its hint, or nil */
static int hint_of(lua_State *L) {
  prelude_push(L, prelude_sources, "hint");
  lua_getfield(L, -1, "protected");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* Push the hint for the error at `index`, or nil. */
static void push_hint(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_type(L, index) != LUA_TSTRING || !lua_checkstack(L, LUA_MINSTACK)) {
    lua_pushnil(L);
    return;
  }
  lua_pushcfunction(L, hint_of);
  lua_pushvalue(L, index);
  if (lua_pcall(L, 1, 1, 0) || lua_type(L, -1) != LUA_TSTRING) { /* it is a courtesy, no more */
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

/* Pop a hint, or what is none, and keep it. */
static void keep_hint(lua_State *L) {
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_pushboolean(L, 0);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hint_key);
}

/* Push a field of the error, if it is a table; nil otherwise. */
static int push_field(lua_State *L, const char *name) {
  if (lua_istable(L, 1))
    return lua_getfield(L, 1, name);
  lua_pushnil(L);
  return LUA_TNIL;
}

/* Message handler: the error as a string; its traceback is kept. */
static int on_error(lua_State *L) {
  limit_failed(L, 1);
  if (lua_tostring(L, 1)) {
    push_hint(L, 1);
    keep_hint(L);
    traceback_push(L, 1);
  } else if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) {
    push_field(L, "hint"); /* a failure has the hint and the traceback of its process */
    keep_hint(L);
    if (push_field(L, "traceback") != LUA_TSTRING)
      lua_pushnil(L); /* its text is all it has to say */
    lua_copy(L, 2, 1);
  } else {
    call_describe(L, 1);
    lua_replace(L, 1);
    traceback_push(L, 1);
  }
  keep_traceback(L);
  lua_settop(L, 1);
  return 1;
}

int call_keep_traceback(lua_State *L) {
  limit_failed(L, 1);
  push_hint(L, 1);
  keep_hint(L);
  traceback_push(L, 1);
  keep_traceback(L);
  return 1;
}

void call_take_traceback(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key);
  lua_pushnil(L);
  keep_traceback(L);
}

void call_take_hint(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &hint_key) == LUA_TNIL) {
    lua_pop(L, 1);
    push_hint(L, index);
  } else if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hint_key);
}

int call_function(lua_State *L, int args, int results) {
  int function = lua_gettop(L) - args;
  lua_pushcfunction(L, on_error);
  lua_insert(L, function);
  int status = lua_pcall(L, args, results, function);
  if (status == LUA_ERRMEM) /* no handler was called */
    limit_failed(L, -1);
  lua_remove(L, function);
  return status;
}

void call_report(lua_State *L, bool bare) {
  call_take_hint(L, -1);
  call_take_traceback(L); /* message hint|nil traceback|nil */
  const char *message = lua_tostring(L, -3);
  struct report report = {
      .message = message ? message : "(error object is not a string)",
      .hint = lua_tostring(L, -2),
      .traceback = lua_tostring(L, -1),
      .bare = bare,
  };
  report_print(&report);
  lua_pop(L, 3);
}
