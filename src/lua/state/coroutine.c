/*
 * lua/state/coroutine.c - coroutine.resume, wrap and close, which tell the library which coroutine
 * runs (running.h); running and yield, which know the main thread of a spawned process (child.c).
 *
 * Otherwise they are as in the Lua manual, 6.2. The rest of the coroutine library is Lua's.
 */
#include "lua/state/coroutine.h"

#include "lua/state/interrupt.h"
#include "lua/state/lib.h"

/* The coroutine at 1, or an argument error. */
static lua_State *check_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  lib_arg_expected(L, co, 1, "thread");
  return co;
}

/* Move values from one stack to another, if there is room for them and one more. */
static bool move(lua_State *from, lua_State *to, int count) {
  if (!lua_checkstack(to, count + 1))
    return false;
  lua_xmove(from, to, count);
  return true;
}

/*
 * Resume with the `args` values at the top of the stack, and pop them. Returns how many results are
 * pushed; or -1, and pushes an error value. The callers have all but one of their LUA_MINSTACK
 * slots left, so a few results need no more room.
 */
static inline int resume(lua_State *L, struct lib *lib, lua_State *co, int args) {
  struct resumer link;
  lua_State *before = lib->running.current;
  int results;
  if (args > 0 && !move(L, co, args)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  running_enter(lib, &link, L, co);
  int status = lua_resume(co, L, args, &results);
  running_leave(lib, &link, before);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (results < LUA_MINSTACK / 2) {
    if (results > 0)
      lua_xmove(co, L, results);
  } else if (!move(co, L, results)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  return results;
}

/* Run the pending __close of a coroutine that is not running. Returns Lua's status; unless that is
 * LUA_OK, the error is at the top of the coroutine's stack. */
static int close_coroutine(lua_State *L, lua_State *co) {
  struct lib *lib = lib_of(L);
  struct resumer link;
  lua_State *before = lib->running.current;
  running_enter(lib, &link, L, co);
#if LUA_VERSION_RELEASE_NUM >= 50406
  int status = lua_closethread(co, L);
#else
  int status = lua_resetthread(co);
#endif
  running_leave(lib, &link, before);
  return status;
}

/* coroutine.resume(co, ...) -> true, values... or false, error */
static inline int resume_safely(lua_State *L, struct lib *lib) {
  lua_State *co = check_coroutine(L);
  uint32_t throws = lib->interrupts.throws;
  int n = resume(L, lib, co, lua_gettop(L) - 1);
  if (n < 0)
    interrupt_landed(lib, throws);
  lua_pushboolean(L, n >= 0);
  lua_insert(L, n < 0 ? -2 : -(n + 1));
  return n < 0 ? 2 : n + 1;
}

int coroutine_resume(lua_State *L) { return resume_safely(L, lib_of(L)); }

static int l_resume_near(lua_State *L) { return resume_safely(L, lib_near(L)); }

/* [error] The coroutine has ended with it: raise it here. */
static int raise_of(lua_State *L, lua_State *co) {
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = close_coroutine(L, co);
    lua_xmove(co, L, 1);
  }
  bool named = lib_of(L)->interrupts.came != 0; /* an interrupt names its own place */
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING && !named) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

/* The function that coroutine.wrap returned: upvalue 2 is the coroutine. An error is passed on. */
static inline int resume_wrapped(lua_State *L, struct lib *lib) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(2));
  int n = resume(L, lib, co, lua_gettop(L));
  return n >= 0 ? n : raise_of(L, co);
}

static int l_wrapped(lua_State *L) { return resume_wrapped(L, lib_of(L)); }

static int l_wrapped_near(lua_State *L) { return resume_wrapped(L, lib_near(L)); }

/* coroutine.wrap(f) */
static int l_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, lib_pick(lib_of(L), l_wrapped_near, l_wrapped), 2);
  return 1;
}

/* Why a coroutine cannot be closed; NULL if it can. */
static const char *what_it_does(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (co == L)
    return "running";
  return lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar) ? "normal" : NULL;
}

/* coroutine.close(co) -> true, or false, error */
static int l_close(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_State *co = check_coroutine(L);
  uint32_t throws = lib->interrupts.throws;
  const char *busy = what_it_does(L, co);
  if (busy)
    return luaL_error(L, "cannot close a %s coroutine", busy);
  int status = close_coroutine(L, co);
  lua_pushboolean(L, status == LUA_OK);
  if (status == LUA_OK)
    return 1;
  interrupt_landed(lib, throws);
  lua_xmove(co, L, 1);
  return 2;
}

/* coroutine.running() -> the running coroutine, whether it is the main one */
static int l_running(lua_State *L) {
  const struct lib *lib = lib_of(L);
  bool first = lua_pushthread(L);
  lua_pushboolean(L, lib->life.own ? L == lib->life.own : first);
  return 2;
}

/* coroutine.yield(...) */
static inline int yield(lua_State *L, const struct lib *lib) {
  if (L == lib->life.own) { /* lua_yield would complain of a C call */
    lua_pushliteral(L, "attempt to yield from outside a coroutine");
    return lua_error(L);
  }
  return lua_yield(L, lua_gettop(L));
}

static int l_yield(lua_State *L) { return yield(L, lib_of(L)); }

static int l_yield_near(lua_State *L) { return yield(L, lib_near(L)); }

void lib_open_coroutine(lua_State *L, struct lib *lib) {
  const luaL_Reg functions[] = {{"resume", lib_pick(lib, l_resume_near, coroutine_resume)},
                                {"wrap", l_wrap},
                                {"close", l_close},
                                {"running", l_running},
                                {"yield", lib_pick(lib, l_yield_near, l_yield)},
                                {NULL, NULL}};
  if (lua_getglobal(L, LUA_COLIBNAME) == LUA_TTABLE)
    lib_set_functions(L, functions);
  lua_pop(L, 1);
}
