/* lua/state/collector.c - see collector.h. */
#include "lua/state/collector.h"

#include "base/arena.h"
#include "base/child_code.h"
#include "lua/codec/codec.h"
#include "lua/state/lib.h"
#include "lua/state/state.h"

bool lib_in_finalizer(lua_State *L) { return lua_gc(L, LUA_GCCOUNT) < 0; }

/*
 * How the collector is held off. LUA_GCSTOP and LUA_GCRESTART, which the manual offers, will not
 * do: a restart forgets the pace and makes a step due at once, in generational mode a collection of
 * all young objects. With one for each message a put beside a large heap takes a hundred times as
 * long (tests/regress/each-message-makes-the-collector-work.lua).
 *
 * Lua collects when its debt is above 0: the bytes allocated since the last step, less an
 * allowance. LUA_GCSTEP with n KiB adds n KiB to the debt, and then does what is due. So a step by
 * a negative number, larger than any program allocates, is a pause, and a step by the same positive
 * number ends it: the debt is then what it was, plus what was allocated meanwhile. That n may be
 * negative is not in the manual, but lapi.c of each 5.4 allows it. A Lua that ignored it would not
 * pause, which the regressions named *-when-a-finalizer-* notice.
 */
enum { PAUSE_KIB = 1 << 30 };

CHILD_CODE
void lib_pause(lua_State *L, struct lib *lib) {
  /* 0: a script stopped it; -1: inside a finalizer */
  if (!lib->collector.paused && lua_gc(L, LUA_GCISRUNNING) == 1) {
    lua_gc(L, LUA_GCSTEP, -PAUSE_KIB);
    lib->collector.paused = true;
  }
}

/* A pause is ended first: with some Lua (5.4.4, in generational mode) a collection leaves the debt as it was, with others not. */
void lib_collect(lua_State *L, bool paused) {
  codec_forget(L);
  if (paused)
    lua_gc(L, LUA_GCSTEP, PAUSE_KIB);
  lua_gc(L, LUA_GCCOLLECT);
  if (paused)
    lua_gc(L, LUA_GCSTEP, -PAUSE_KIB);
}

CHILD_CODE
void lib_resume(lua_State *L, struct lib *lib) {
  if (!lib->collector.paused)
    return;
  lib->collector.paused = false; /* first: finalizers that run now may pause it, too */
  lua_gc(L, LUA_GCSTEP, PAUSE_KIB);
}

/* -- a process that sleeps --------------------------------------------------------------------- */

static bool keeps(void *ctx) {
  const struct lib *lib = ctx;
  return arena_keeps(lib->arena) > 0;
}

static void keep_nothing(void *ctx) {
  const struct lib *lib = ctx;
  arena_trim(lib->arena);
}

void lib_open_collector(lua_State *L, struct lib *lib) {
  void *arena;
  if (!state_is_own(L))
    return;
  lua_getallocf(L, &arena);
  lib->arena = arena;
  lib->b->keeps = keeps;
  lib->b->keep_nothing = keep_nothing;
}
