/*
 * lua/failure.c - what join gives for a process that ended badly: {message, value, traceback, name,
 * pid, exitcode, signal}.
 *
 * The metatable is sandbox.failure, so that a failure keeps it when it travels.
 */
#include <string.h>

#include "lua/lib.h"

/* `queue.lua:12: boom (process writer#2, pid 4711)`; of a pool's task `(item 3, process ...)` */
static int l_failure_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "message");
  lua_getfield(L, 1, "name");
  lua_getfield(L, 1, "id");
  lua_getfield(L, 1, "pid");
  for (int i = 2; i <= 5; i++)
    luaL_tolstring(L, i, NULL);
  const char *item = "";
  if (lua_getfield(L, 1, "index") != LUA_TNIL)
    item = lua_pushfstring(L, "item %s, ", luaL_tolstring(L, -1, NULL));
  lua_pushfstring(L, "%s (%sprocess %s#%s, pid %s)", lua_tostring(L, 6), item, lua_tostring(L, 7),
                  lua_tostring(L, 8), lua_tostring(L, 9));
  return 1;
}

/* The message of a process that left no report of its own. */
static void push_plain_message(lua_State *L, const struct process_info *info) {
  if (info->signal)
    lua_pushfstring(L, "killed by signal %d (%s)", info->signal, strsignal(info->signal));
  else
    lua_pushfstring(L, "left with exit status %d", info->exit_code);
}

void failure_push(lua_State *L, struct lib *lib, const struct process_info *info,
                  const struct buf *message) {
  int base = lua_gettop(L);
  int n = message ? lib_decode(L, lib, message) : 0;
  lua_settop(L, base + 3); /* message, traceback, value: see child.c; or nils */
  if (n == 0 || info->signal)
    push_plain_message(L, info);
  else
    lua_pushvalue(L, base + 1);
  lua_createtable(L, 0, 8);
  lua_insert(L, -2);
  lua_setfield(L, -2, "message");
  lua_pushvalue(L, base + 2);
  lua_setfield(L, -2, "traceback");
  lua_pushvalue(L, base + 3);
  lua_setfield(L, -2, "value");
  lua_pushstring(L, info->name);
  lua_setfield(L, -2, "name");
  lua_pushinteger(L, (lua_Integer)info->id);
  lua_setfield(L, -2, "id");
  lua_pushinteger(L, (lua_Integer)info->pid);
  lua_setfield(L, -2, "pid");
  if (info->exit_code >= 0) {
    lua_pushinteger(L, info->exit_code);
    lua_setfield(L, -2, "exitcode");
  }
  if (info->signal) {
    lua_pushinteger(L, info->signal);
    lua_setfield(L, -2, "signal");
  }
  luaL_setmetatable(L, FAILURE_TYPE);
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
}

void lib_open_failure(lua_State *L, int table) {
  luaL_newmetatable(L, FAILURE_TYPE); /* sets __name */
  lua_pushcfunction(L, l_failure_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_setfield(L, table, "failure");
}
