/* tests/unit/test_mark.c - sandbox.mark: what the observer of perform is told. */
#include "support/os_world.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/bind/sandbox_lib.h"
#include "os/foreign.h"

static struct {
  int calls;
  struct mark_request mark;
  char where[WHERE_MAX];
} seen;

static int watch(void *observer, const struct op *op, enum op_phase phase, int rc) {
  (void)observer;
  if (op->kind != OP_MARK || phase != OP_END)
    return rc;
  assert_int_equal(rc, 0);
  seen.calls++;
  seen.mark = *op->mark;
  op->locate(op->locate_ctx, seen.where);
  return rc;
}

static int protected_open(lua_State *L) { return sandbox_lib_open(L, lua_touserdata(L, 1)); }

static lua_State *open_state(struct backend **ret_backend) {
  const struct foreign_options o = {.speed = 1};
  assert_int_equal(foreign_open(&o, ret_backend), 0);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_pushcfunction(L, protected_open);
  lua_pushlightuserdata(L, *ret_backend);
  assert_int_equal(lua_pcall(L, 1, 0, 0), LUA_OK);
  return L;
}

static void run(lua_State *L, const char *code) {
  seen.calls = 0;
  if (luaL_loadbuffer(L, code, strlen(code), "=a.lua") || lua_pcall(L, 0, 0, 0))
    fail_msg("%s", lua_tostring(L, -1));
}

/* One state for all: a process has one run in its life. */
static void a_mark_is_told_with_its_name_its_value_and_its_line(void **state) {
  struct backend *b;
  lua_State *L = open_state(&b);
  (void)state;
  run(L, "sandbox.mark('nobody sees it')");
  assert_int_equal(seen.calls, 0);
  backend_observe(b, watch, NULL, false);

  run(L, "\n\nsandbox.mark('phase two')");
  assert_int_equal(seen.calls, 1);
  assert_string_equal(seen.mark.name, "phase two");
  assert_int_equal(seen.mark.value.kind, NUMBER_NONE);
  assert_string_equal(seen.where, "a.lua:3");

  run(L, "sandbox.mark('n', -7)");
  assert_int_equal(seen.mark.value.kind, NUMBER_INTEGER);
  assert_int_equal(seen.mark.value.i, -7);

  run(L, "sandbox.mark('n', 2.5)");
  assert_int_equal(seen.mark.value.kind, NUMBER_FLOAT);
  assert_true(seen.mark.value.f >= 2.5 && seen.mark.value.f <= 2.5);

  run(L, "sandbox.mark(('ä'):rep(100), 1)"); /* cut between characters, as names are */
  assert_int_equal(strlen(seen.mark.name), 47);
  assert_string_equal(seen.mark.name + 44, "…");

  run(L, "pcall(sandbox.mark, 'n', 0/0)");
  assert_int_equal(seen.calls, 0);
  backend_observe(b, NULL, NULL, false);
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_mark_is_told_with_its_name_its_value_and_its_line)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
