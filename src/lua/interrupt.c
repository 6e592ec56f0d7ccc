/* lua/interrupt.c - see interrupt.h. */
#include "lua/interrupt.h"

#include <stdio.h>
#include <string.h>

#include "lua/answer.h"

enum { NOW = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT };

/* -- the hook ---------------------------------------------------------------------------------- */

static void on_hook(lua_State *L, lua_Debug *ar);

/* Async-signal-safe: it reads and sets fields of a state that exists. The hook of a script comes
 * back afterwards. */
static void arm(struct lib *lib, lua_State *L) {
  if (lua_gethook(L) == on_hook)
    return;
  lib->hook = lua_gethook(L);
  lib->hook_mask = lua_gethookmask(L);
  lib->hook_count = lua_gethookcount(L);
  lua_sethook(L, on_hook, NOW, 1);
}

static void disarm(struct lib *lib, lua_State *L) {
  if (lua_gethook(L) == on_hook)
    lua_sethook(L, lib->hook, lib->hook_mask, lib->hook_count);
}

static void note_where(lua_State *L, struct lib *lib) {
  char where[WHERE_MAX];
  lua_Debug here;
  if (lua_getstack(L, 0, &here) && lua_getinfo(L, "Sl", &here) && here.currentline > 0) {
    snprintf(where, sizeof where, "%.*s:%d", WHERE_MAX - 16, here.short_src, here.currentline);
    lib->b->ops->note_where(lib->b, where);
  }
}

static void on_hook(lua_State *L, lua_Debug *ar) {
  struct lib *lib = lib_find(L);
  (void)ar;
  disarm(lib, L);
  if (lib->asked) {
    lib->asked = 0;
    answer_questions(L, lib);
  }
  if (lib->interrupted) {
    note_where(L, lib);
    interrupt_raise(L, lib);
  }
}

/* -- signals ----------------------------------------------------------------------------------- */

static void on_interrupt(void *ctx) {
  struct lib *lib = ctx;
  lib->interrupted = 1;
  arm(lib, lib->current);
}

static void on_asked(void *ctx) {
  struct lib *lib = ctx;
  lib->asked = 1;
  arm(lib, lib->current);
}

/* Asleep in an op: the answer is given here, and the hook that would give it later is not needed.
 */
static void on_awake(void *ctx) {
  struct lib *lib = ctx;
  if (!lib->asked)
    return;
  lib->asked = 0;
  if (!lib->interrupted)
    disarm(lib, lib->current);
  answer_questions(lib->current, lib);
}

void interrupt_on_question(struct lib *lib, lib_answer_fn *answer, void *ctx) {
  lib->answer = answer;
  lib->answer_ctx = ctx;
}

/* -- an interrupt under way -------------------------------------------------------------------- */

int interrupt_raise(lua_State *L, struct lib *lib) {
  lib->interrupted = 0;
  lib->unwinding = true;
  disarm(lib, L);
  luaL_where(L, 0); /* in a hook, which has no frame of its own, what was interrupted */
  if (*lua_tostring(L, -1) == '\0')
    luaL_where(L, 1); /* that may be written in C */
  lua_pushliteral(L, "interrupted!");
  lua_concat(L, 2);
  return lua_error(L);
}

void interrupt_clear(lua_State *L) {
  struct lib *lib = lib_find(L);
  lib->b->ops->take_interrupt(lib->b);
  lib->interrupted = 0;
  lib->unwinding = false;
  if (!lib->asked)
    disarm(lib, lib->current);
}

enum held { HELD_OPS = 1, HELD_NOTED = 2, HELD_UNWINDING = 4 };

unsigned interrupt_hold(lua_State *L) {
  struct lib *lib = lib_find(L);
  unsigned held = (lib->interrupted ? HELD_NOTED : 0u) | (lib->unwinding ? HELD_UNWINDING : 0u);
  if (lib->b->ops->set_interrupt(lib->b, false))
    held |= HELD_OPS;
  interrupt_clear(L);
  return held;
}

void interrupt_restore(lua_State *L, unsigned held) {
  struct lib *lib = lib_find(L);
  if (held & HELD_OPS)
    lib->b->ops->set_interrupt(lib->b, true);
  lib->unwinding |= (held & HELD_UNWINDING) != 0;
  if (held & HELD_NOTED)
    on_interrupt(lib);
}

void interrupt_enter(struct lib *lib, lua_State *co) {
  lib->current = co;
  if (lib->interrupted || lib->asked)
    arm(lib, co);
}

void interrupt_leave(struct lib *lib, lua_State *L) { interrupt_enter(lib, L); }

/* -- pcall and xpcall -------------------------------------------------------------------------- */

/*
 * The end of a protected call, or its continuation after a yield. `skip`: what stands below the
 * results.
 *   [..., results...] -> true, results...   or   [..., error] -> false, error
 */
static int finish(lua_State *L, int status, lua_KContext skip) {
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L) - (int)skip;
  if (lib_find(L)->unwinding)
    return lua_error(L);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

/* pcall(f, ...) */
static int l_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1); /* the first result, if all goes well */
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish);
  return finish(L, status, 0);
}

/* xpcall(f, handler, ...) */
static int l_xpcall(lua_State *L) {
  int args = lua_gettop(L) - 2;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2); /* f handler true f arguments... */
  int status = lua_pcallk(L, args, LUA_MULTRET, 2, 2, finish);
  return finish(L, status, 2);
}

/* -- opening ----------------------------------------------------------------------------------- */

/* The function that was there stays in the registry: the prompt catches what nobody else does. */
static void replace(lua_State *L, const char *name, const char *keep, lua_CFunction f) {
  lua_getglobal(L, name);
  lua_setfield(L, LUA_REGISTRYINDEX, keep);
  lua_pushcfunction(L, f);
  lua_setglobal(L, name);
}

void lib_open_interrupt(lua_State *L, struct lib *lib) {
  replace(L, "pcall", "sandbox.pcall", l_pcall);
  replace(L, "xpcall", "sandbox.xpcall", l_xpcall);
  lib->b->signal_ctx = lib;
  lib->b->interrupted = on_interrupt;
  lib->b->asked = on_asked;
  lib->b->awake = on_awake;
}
