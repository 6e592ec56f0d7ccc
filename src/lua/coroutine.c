/*
 * lua/coroutine.c - coroutine.resume, wrap and close that keep track of which coroutine runs; see
 * interrupt.h.
 *
 * To a script they are those of the standard library (Lua manual, 6.2).
 */
#include "lua/interrupt.h"

static lua_State *check_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "thread");
  return co;
}

/* Resume with the `args` values at the top of L. Leaves the results and returns their number, or an
 * error and returns -1. */
static int resume(lua_State *L, struct lib *lib, lua_State *co, int args) {
  int count;
  if (!lua_checkstack(co, args)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, args);
  lua_State *before = lib->current;
  interrupt_enter(lib, co);
  int status = lua_resume(co, L, args, &count);
  interrupt_leave(lib, before);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, count + 1)) {
    lua_pop(co, count);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, count);
  return count;
}

static int l_resume(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_State *co = check_coroutine(L);
  int count = resume(L, lib, co, lua_gettop(L) - 1);
  if (count < 0 && lib->unwinding)
    return lua_error(L); /* an interrupt goes on */
  lua_pushboolean(L, count >= 0);
  lua_insert(L, count < 0 ? -2 : -1 - count);
  return count < 0 ? 2 : count + 1;
}

/* Close what a coroutine has open; its error, if there is one, is on its stack afterwards. Returns
 * Lua's status. */
static int close_in(lua_State *L, struct lib *lib, lua_State *co) {
  lua_State *before = lib->current;
  (void)L;
  interrupt_enter(lib, co);
  int status = lua_resetthread(co);
  interrupt_leave(lib, before);
  return status;
}

/* The function that wrap returns. Upvalues: lib, coroutine. */
static int l_wrapped(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_State *co = lua_tothread(L, lua_upvalueindex(2));
  int count = resume(L, lib, co, lua_gettop(L));
  if (count >= 0)
    return count;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD &&
      status != LUA_ERRMEM) { /* it ended by the error: closed at once */
    lua_xmove(L, co, 1);
    status = close_in(L, lib, co);
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && !lib->unwinding && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int l_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, l_wrapped, 2);
  return 1;
}

/* Upvalues: lib, the library's own coroutine.status */
static int l_close(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_State *co = check_coroutine(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  const char *status = lua_tostring(L, -1);
  if (*status != 's' && *status != 'd') /* suspended, dead; else running, normal */
    return luaL_error(L, "cannot close a %s coroutine", status);
  bool ok = close_in(L, lib, co) == LUA_OK;
  if (!ok && lib->unwinding) {
    lua_xmove(co, L, 1);
    return lua_error(L);
  }
  lua_pushboolean(L, ok);
  if (ok)
    return 1;
  lua_xmove(co, L, 1);
  return 2;
}

void lib_open_coroutine(lua_State *L, struct lib *lib) {
  static const luaL_Reg functions[] = {{"resume", l_resume}, {"wrap", l_wrap}, {NULL, NULL}};
  if (lua_getglobal(L, LUA_COLIBNAME) == LUA_TTABLE) {
    lib_set_functions(L, functions);
    lua_pushlightuserdata(L, lib);
    lua_getfield(L, -2, "status");
    lua_pushcclosure(L, l_close, 2);
    lua_setfield(L, -2, "close");
  }
  lua_pop(L, 1);
}
