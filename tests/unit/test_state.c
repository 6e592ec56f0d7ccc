/* tests/unit/test_state.c - the arena of a Lua state, with what the bindings allocate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/memory.h"
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buffers_lie_in_the_arena_of_the_state),
      cmocka_unit_test(a_state_alone_takes_its_arena_with_it),
  };
  return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
