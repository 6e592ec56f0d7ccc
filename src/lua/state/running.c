/* lua/state/running.c - see running.h. */
#include "lua/state/running.h"

#include <string.h>

#include "base/child_code.h"
#include "base/text.h"
#include "lua/state/answer.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"

enum {
  EVERYTHING = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT,
  PATIENCE = 100 * 1000 * 1000 /* instructions, about a second: see interrupt.h */
};

CHILD_CODE
unsigned running_block(struct lib *lib) { return lib->b->self->block_signals(lib->b); }

CHILD_CODE
void running_unblock(struct lib *lib, unsigned blocked) {
  lib->b->self->unblock_signals(lib->b, blocked);
}

/* -- the hook -------------------------------------------------------------------------------- */

static void on_hook(lua_State *L, lua_Debug *ar) {
  struct lib *lib = lib_find(L);
  (void)ar;
  if (lib->running.current == L)
    answer_questions(lib, NULL);
  if (!lib->interrupts.raise && lib->running.patient && lib->running.hooked == L)
    lib->interrupts.insist = true;
  if ((lib->interrupts.raise || lib->interrupts.insist) && !lib->interrupts.deferred)
    interrupt_raise(L, lib, true);
  unsigned blocked = running_block(lib);
  if (lib->running.hooked == L)
    running_sync(lib);
  else if (lua_gethook(L) == on_hook)
    lua_sethook(L, NULL, 0, 0); /* inherited from the coroutine that made this one */
  running_unblock(lib, blocked);
}

static void unhook(struct running *r) {
  if (r->hooked)
    lua_sethook(r->hooked, r->own, r->own_mask, r->own_count);
  r->hooked = NULL;
}

static void hook(struct running *r, int mask, int count) {
  lua_State *L = r->current;
  if (!L) {
    unhook(r);
    return;
  }
  if (r->hooked != L) {
    unhook(r);
    bool inherited = lua_gethook(L) == on_hook;
    r->own = inherited ? NULL : lua_gethook(L);
    r->own_mask = lua_gethookmask(L);
    r->own_count = lua_gethookcount(L);
    r->hooked = L;
  }
  lua_sethook(L, on_hook, mask, count);
}

CHILD_CODE
void running_sync(struct lib *lib) {
  struct running *r = &lib->running;
  r->patient = false;
  if ((lib->interrupts.raise || lib->interrupts.insist) && !lib->interrupts.deferred) {
    hook(r, EVERYTHING, 1);
  } else if (lib->questions.asked && !lib->questions.answering) {
    hook(r, LUA_MASKCOUNT, 1);
  } else if (lib->interrupts.came) {
    hook(r, LUA_MASKCOUNT, PATIENCE);
    r->patient = true;
  } else {
    unhook(r);
  }
  r->alert = lib->interrupts.raise || lib->questions.asked || lib->interrupts.came || r->hooked;
}

/* -- which coroutine runs --------------------------------------------------------------------- */

void running_refresh(struct lib *lib) {
  if (!lib->running.alert)
    return;
  unsigned blocked = running_block(lib);
  running_sync(lib);
  running_unblock(lib, blocked);
}

/* No function of the script runs: name the line that spawned the process. */
static void locate_process(const struct lib *lib, char where[WHERE_MAX]) {
  struct process_info me = {.id = 0};
  struct object *self;
  if (lib->b->self->process_self(lib->b, &self) == 0) {
    op_process_who(lib->b, self, &me);
    op_handle_release(lib->b, self);
  }
  text_copy(where, WHERE_MAX, me.spawned_at[0] ? me.spawned_at : "the end of the script");
}

void running_locate(const struct lib *lib, lua_State *L, int level, char where[]) {
  const struct resumer *r = lib->running.resumers;
  bool found = lib_locate_from(L, level, where);
  for (; r && !found; r = r->up)
    found = lib_locate_from(r->L, 0, where);
  if (!found && where[0] == '\0')
    locate_process(lib, where);
}

/* -- hooks of scripts ------------------------------------------------------------------------ */

/* Check what the function of the standard library checks, before signals are blocked. */
static void check_hook(lua_State *L) {
  int f = lua_isthread(L, 1) ? 2 : 1;
  if (lua_isnoneornil(L, f))
    return;
  luaL_checkstring(L, f + 1);
  luaL_checktype(L, f, LUA_TFUNCTION);
  luaL_optinteger(L, f + 2, 0);
}

/* debug.sethook([thread,] f, mask [, count]) and gethook([thread]), while our hook is away. */
static int l_hook_function(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct running *r = &lib->running;
  lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
  if (lua_toboolean(L, lua_upvalueindex(3)))
    check_hook(L);
  unsigned blocked = running_block(lib);
  if (r->hooked == co)
    unhook(r);
  int n = lua_tocfunction(L, lua_upvalueindex(2))(L);
  running_sync(lib);
  running_unblock(lib, blocked);
  return n;
}

/* Keys of the registry: sethook and gethook of the standard library, which alone know the hook
 * functions of scripts. */
static const char sethook_key, gethook_key;

bool running_has_own_hook(struct lib *lib, lua_State *L) {
  const struct running *r = &lib->running;
  unsigned blocked = running_block(lib);
  lua_Hook f = r->hooked == L ? r->own : lua_gethook(L);
  running_unblock(lib, blocked);
  return f && f != on_hook;
}

void running_move_hook(lua_State *L, lua_State *to) {
  int top = lua_gettop(L), base = lua_gettop(to);
  lua_Hook f = lua_gethook(L);
  int mask = lua_gethookmask(L), count = lua_gethookcount(L);
  lua_sethook(to, NULL, 0, 0); /* it must not see the calls here */
  lua_rawgetp(to, LUA_REGISTRYINDEX, &gethook_key);
  lua_pushthread(L);
  lua_xmove(L, to, 1);
  bool known = lua_isfunction(to, base + 1);
  if (known)
    lua_call(to, 1, 3); /* function, mask, count */
  lua_sethook(L, NULL, 0, 0);
  if (known && lua_isfunction(to, base + 1)) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &sethook_key);
    lua_pushthread(to);
    lua_insert(to, base + 1);
    lua_xmove(to, L, 4);
    lua_call(L, 4, 0);
  } else { /* a hook in C, or none */
    lua_sethook(to, f, mask, count);
  }
  lua_settop(to, base);
  lua_settop(L, top);
}

/* The table is at `debug`. */
static void replace(lua_State *L, int debug, const char *name, bool sets) {
  lua_pushlightuserdata(L, lib_find(L));
  if (lua_getfield(L, debug, name) == LUA_TFUNCTION && lua_iscfunction(L, -1)) {
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, sets ? &sethook_key : &gethook_key);
    lua_pushboolean(L, sets);
    lua_pushcclosure(L, l_hook_function, 3);
    lua_setfield(L, debug, name);
  }
}

void running_open(lua_State *L) {
  int top = lua_gettop(L);
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE) {
    replace(L, top + 1, "sethook", true);
    replace(L, top + 1, "gethook", false);
  }
  lua_settop(L, top);
}
