/* tests/unit/test_state.c - the arena of a Lua state, with what the bindings allocate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/memory.h"
#include "lua/state/site.h"
#include "lua/state/state.h"

static void buffers_lie_in_the_arena_of_the_state(void **unused) {
  (void)unused;
  struct buf before = {0}, small = {0}, large = {0};
  assert_int_equal(buf_append(&before, "from malloc", 11), 0);
  void *first = before.data;
  lua_State *L = state_new();
  assert_non_null(L);
  assert_null(memory_used());
  state_use_arena(L);
  const struct arena *a = memory_used();
  assert_non_null(a);
  assert_int_equal(buf_append(&small, "some bytes", 10), 0);
  assert_int_equal(buf_reserve(&large, 3 << 20), 0);
  assert_true(arena_holds(a, small.data) && arena_holds(a, large.data));
  assert_true(!arena_holds(a, before.data));
  assert_int_equal(buf_reserve(&before, 1000), 0); /* it moves */
  assert_true(arena_holds(a, before.data));
  assert_memory_equal(before.data, "from malloc", 11);
  state_close(L); /* the arena stays: what others have there is whole, and can be freed */
  assert_memory_equal(small.data, "some bytes", 10);
  buf_release(&small);
  buf_release(&large);
  buf_release(&before);
  memory_use(NULL);
  free(first); /* nobody else did */
}

static void a_state_alone_takes_its_arena_with_it(void **unused) {
  (void)unused;
  lua_State *L = state_new();
  assert_non_null(L);
  assert_true(state_is_own(L));
  luaL_dostring(L, "t = {} for i = 1, 1000 do t[i] = {} end");
  state_close(L);
  assert_null(memory_used());
}

/* -- places that are kept ---------------------------------------------------------------------- */

static struct {
  struct sites sites;
  int known, asked; /* calls whose place was known, or Lua was asked for */
} places;

/* here(): the place that is kept for the caller is the one that Lua tells. */
static int here(lua_State *L) {
  lua_Debug ar;
  if (!lua_getstack(L, 1, &ar)) /* the first function of a coroutine */
    return 0;
  const struct site *known = site_find(&places.sites, &ar);
  lua_getinfo(L, "Sl", &ar);
  if (known) {
    assert_int_equal(known->line, ar.currentline);
    assert_string_equal(known->source, ar.short_src);
    places.known++;
  } else {
    places.asked++;
    if (ar.currentline > 0)
      site_keep(&places.sites, &ar);
  }
  return 0;
}

static void run(lua_State *L, const char *script) {
  int rc = luaL_loadbuffer(L, script, strlen(script), "=script");
  if (rc == LUA_OK)
    rc = lua_pcall(L, 0, 0, 0);
  if (rc != LUA_OK)
    fail_msg("%s", lua_tostring(L, -1));
}

static void a_kept_place_is_the_one_that_lua_tells(void **unused) {
  (void)unused;
  lua_State *L = state_new();
  assert_non_null(L);
  state_open_libs(L);
  lua_register(L, "here", here);
  sites_open(&places.sites, state_arena(L));
  run(L, "for _ = 1, 10 do\n here()\n here() here()\nend");
  assert_int_equal(places.asked, 3);
  assert_int_equal(places.known, 27);
  run(L, "local function f() here() end\n" /* a record of a call serves functions in Lua and in C in turns */
         "for _ = 1, 10 do f() pcall(here) f() end\n"
         "for _ = 1, 10 do coroutine.wrap(f)() coroutine.wrap(here)() end\n"
         "local function tail() return here() end\n"
         "for _ = 1, 10 do tail() end");
  /* Functions that take the places of others, which were collected; more than are kept, too. */
  places.known = places.asked = 0;
  run(L, "for i = 1, 20000 do\n"
         "  local f = load(('\\n'):rep(i % 7) .. 'here() here()', '=' .. i)\n"
         "  f() f()\n"
         "  if i % 10 == 0 then collectgarbage() end\n"
         "end");
  assert_int_equal(places.known + places.asked, 80000);
  assert_in_range(places.known, 35000, 40000); /* each is asked for once; more often if a collection came in between */
  sites_close(&places.sites);
  run(L, "here() here()");
  assert_int_equal(places.sites.list[0].line, 0);
  state_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buffers_lie_in_the_arena_of_the_state),
      cmocka_unit_test(a_state_alone_takes_its_arena_with_it),
      cmocka_unit_test(a_kept_place_is_the_one_that_lua_tells),
  };
  return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
