/* lua/state/interrupt.c - Ctrl-C in a script; see interrupt.h. */
#include "lua/state/interrupt.h"

#include <stdio.h>
#include <string.h>

#include "base/policy.h"
#include "lua/state/answer.h"
#include "lua/state/lib.h"

/* -- raising --------------------------------------------------------------------------------- */

/* Called in the handler of SIGINT. */
static void on_interrupt(void *ctx) {
  struct lib *lib = ctx;
  lib->interrupts.raise = 1;
  running_sync(lib);
}

static void note_throw(struct lib *lib, const char *where, bool running) {
  lib->interrupts.raise = 0; /* first: an interrupt from now on is another one */
  lib->interrupts.came |= lib->b->self->take_interrupt(lib->b);
  if (!lib->interrupts.came)
    lib->interrupts.came = INTERRUPT_ONE; /* it was taken together with an earlier one */
  lib->interrupts.throws++;
  if (lib->interrupts.at[0] != '\0')
    return;
  snprintf(lib->interrupts.at, sizeof lib->interrupts.at, "%s", where);
  if (running)
    lib->b->self->note_where(lib->b, where);
}

static int l_pcall(lua_State *L), l_pcall_near(lua_State *L);
static int l_xpcall(lua_State *L), l_xpcall_near(lua_State *L);

/*
 * The handler of the nearest protected call, if that is an xpcall: pushed, and the level of the
 * xpcall returned. 0: there is none. The handler is the second value in the frame of xpcall. The
 * running function itself, level 0, protects nothing yet, or nothing any more. A level costs as
 * many steps as its number, so the search has an end.
 */
static int push_handler(lua_State *L) {
  enum { LEVELS = 500 };
  lua_Debug ar;
  for (int level = 1; level < LEVELS && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "f", &ar);
    lua_CFunction f = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    if (f == l_pcall || f == l_pcall_near)
      return 0;
    if (f == l_xpcall || f == l_xpcall_near)
      return lua_getlocal(L, &ar, 2) ? level : 0;
  }
  return 0;
}

/* Does L run a message handler? One of the functions above the xpcall is its handler then. (It may
 * also have been called by the protected function, which makes no difference here.) */
static bool in_handler(lua_State *L) {
  lua_Debug ar;
  bool found = false;
  int level = push_handler(L);
  for (int i = 0; !found && i < level && lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "f", &ar);
    found = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
  }
  lua_pop(L, level ? 1 : 0);
  return found;
}

/* What lua_error throws without calling the message handler: Lua's own message for a lack of memory
 * (lapi.c of each 5.4). Where that is caught, the interrupt is raised again. */
static const char past_handlers[] = "not enough memory";

int interrupt_raise(lua_State *L, struct lib *lib, bool running) {
  char where[WHERE_MAX];
  running_locate(lib, L, 0, where);
  if (lib_in_finalizer(L))
    lib->interrupts.raise = 1;
  else
    note_throw(lib, where, running);
  lib->running.alert = 1;
  running_refresh(lib);
  if (in_handler(L)) /* it would be called again, where nothing can interrupt it */
    lua_pushstring(L, past_handlers);
  else if (where[0] == '(')
    lua_pushliteral(L, "interrupted!");
  else
    lua_pushfstring(L, "%s: interrupted!", where);
  return lua_error(L);
}

void interrupt_landed(struct lib *lib, uint32_t throws) {
  if (lib->interrupts.throws == throws || !lib->interrupts.came)
    return;
  lib->interrupts.raise = 1;
  lib->running.alert = 1;
  running_refresh(lib);
}

bool interrupt_pass(struct lib *lib, uint32_t throws) {
  if (lib->interrupts.throws == throws || !lib->interrupts.came)
    return false;
  lib->interrupts.raise = 0; /* which the landing had set */
  lib->running.alert = 1;
  running_refresh(lib);
  return true;
}

/* -- the end --------------------------------------------------------------------------------- */

unsigned interrupt_came(lua_State *L) {
  struct lib *lib = lib_find(L);
  if (!lib)
    return 0; /* not opened for want of memory */
  lib->interrupts.came |= lib->b->self->take_interrupt(lib->b);
  return lib->interrupts.came;
}

/* Begin with the interrupts of `came`. */
static void begin(struct lib *lib, unsigned came) {
  lib->interrupts.came = came;
  lib->interrupts.raise = came != 0;
  lib->interrupts.insist = false;
  lib->interrupts.at[0] = '\0';
  running_sync(lib);
}

void interrupt_clear(lua_State *L) {
  struct lib *lib = lib_find(L);
  if (!lib)
    return;
  unsigned blocked = running_block(lib);
  lib->b->self->take_interrupt(lib->b);
  begin(lib, 0);
  running_unblock(lib, blocked);
}

/* interrupt_hold returns bits of enum interrupt, and of this. */
enum { HELD_RAISE = 16, HELD_INSIST = 32 };

unsigned interrupt_hold(lua_State *L) {
  struct lib *lib = lib_find(L);
  unsigned blocked = running_block(lib);
  unsigned held = interrupt_came(L);
  held |= (lib->interrupts.raise ? HELD_RAISE : 0u) | (lib->interrupts.insist ? HELD_INSIST : 0u);
  lib->interrupts.raise = 0;
  lib->interrupts.came = 0;
  lib->interrupts.insist = false;
  running_sync(lib);
  running_unblock(lib, blocked);
  return held;
}

void interrupt_restore(lua_State *L, unsigned held) {
  struct lib *lib = lib_find(L);
  unsigned blocked = running_block(lib);
  lib->interrupts.came |= held & (INTERRUPT_ONE | INTERRUPT_RUN);
  lib->interrupts.raise |= (held & HELD_RAISE) != 0;
  lib->interrupts.insist |= (held & HELD_INSIST) != 0;
  running_sync(lib);
  running_unblock(lib, blocked);
}

void interrupt_defer(struct lib *lib, bool defer) {
  lib->interrupts.deferred = defer;
  running_refresh(lib);
}

void interrupt_forked(struct lib *lib) {
  unsigned blocked = running_block(lib);
  lib->running.resumers = NULL;
  lib->running.current = NULL;
  lib->interrupts.deferred = false;
  begin(lib, lib->b->self->take_interrupt(lib->b));
  running_unblock(lib, blocked);
}

/* -- pcall ----------------------------------------------------------------------------------- */

/* What the end of a protected call must know, in one number: how many values lie below its results,
 * and how many interrupts had been raised before it. */
static lua_KContext context_of(int below, uint32_t throws) {
  return (lua_KContext)throws << 2 | below;
}

/* The end of a protected call, also of one that yielded. */
static inline int end(lua_State *L, struct lib *lib, int status, lua_KContext context) {
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L) - (int)(context & 3);
  interrupt_landed(lib, (uint32_t)(context >> 2));
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int finish(lua_State *L, int status, lua_KContext context) {
  return end(L, lib_of(L), status, context);
}

/* pcall(f, ...) -> true, results... or false, error */
static inline int protect(lua_State *L, struct lib *lib) {
  lua_KContext context = context_of(0, lib->interrupts.throws);
  int count = lua_gettop(L);
  if (count == 0)
    luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1); /* true f ... */
  int status = lua_pcallk(L, count - 1, LUA_MULTRET, 0, context, finish);
  return end(L, lib, status, context);
}

static int l_pcall(lua_State *L) { return protect(L, lib_of(L)); }

static int l_pcall_near(lua_State *L) { return protect(L, lib_near(L)); }

/* [f, handler, ...] -> f, handler, true, f, ...; returns how many arguments f has */
static int prepare_xpcall(lua_State *L) {
  int args = lua_gettop(L) - 2;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return args;
}

/* xpcall(f, handler, ...), as lua has it */
static inline int protect_handling(lua_State *L, struct lib *lib) {
  lua_KContext context = context_of(2, lib->interrupts.throws);
  int args = prepare_xpcall(L);
  int status = lua_pcallk(L, args, LUA_MULTRET, 2, context, finish);
  return end(L, lib, status, context);
}

static int l_xpcall(lua_State *L) { return protect_handling(L, lib_of(L)); }

static int l_xpcall_near(lua_State *L) { return protect_handling(L, lib_near(L)); }

/* [chunk, name, mode, env]: the mode becomes one that takes text alone, or nothing. */
static void take_text(lua_State *L) {
  bool texts = lua_isnoneornil(L, 3) || strchr(luaL_checkstring(L, 3), 't');
  if (lua_gettop(L) < 3)
    lua_settop(L, 3);
  if (texts)
    lua_pushvalue(L, lua_upvalueindex(3));
  else
    lua_pushliteral(L, "none");
  lua_replace(L, 3);
}

/* load(chunk, ...), as lua has it: it catches the errors of a function that reads the chunk. Upvalues: struct lib, Lua's own
 * function, "t". */
static int l_load(lua_State *L) {
  struct lib *lib = lib_of(L);
  uint32_t throws = lib->interrupts.throws;
  if (policy_by_language(lib->b->policy))
    take_text(L);
  int results = lua_tocfunction(L, lua_upvalueindex(2))(L);
  interrupt_landed(lib, throws);
  return results;
}

/* -- opening --------------------------------------------------------------------------------- */

/* Lua's own function is kept in the registry for the prompt, where interrupts end. */
static void replace(lua_State *L, struct lib *lib, const char *name, const char *keep,
                    lua_CFunction f) {
  lua_getglobal(L, name);
  lua_setfield(L, LUA_REGISTRYINDEX, keep);
  lua_pushlightuserdata(L, lib);
  lua_pushcclosure(L, f, 1);
  lua_setglobal(L, name);
}

static void replace_load(lua_State *L, struct lib *lib) {
  lua_pushlightuserdata(L, lib);
  if (lua_getglobal(L, "load") == LUA_TFUNCTION && lua_iscfunction(L, -1)) {
    lua_pushliteral(L, "t");
    lua_pushcclosure(L, l_load, 3);
    lua_setglobal(L, "load");
  } else {
    lua_pop(L, 2);
  }
}

void lib_open_interrupt(lua_State *L, struct lib *lib) {
  replace(L, lib, "pcall", "sandbox.pcall", lib_pick(lib, l_pcall_near, l_pcall));
  replace(L, lib, "xpcall", "sandbox.xpcall", lib_pick(lib, l_xpcall_near, l_xpcall));
  replace_load(L, lib);
  running_open(L);
  unsigned blocked = running_block(lib); /* the handlers want all of them, or none */
  lib->b->signal_ctx = lib;
  lib->b->interrupted = on_interrupt;
  answer_open(lib);
  running_unblock(lib, blocked);
}
