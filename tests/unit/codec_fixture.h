/*
 * tests/unit/codec_fixture.h - a Lua state with the codec in it, for the tests of the codec.
 *
 * The state has these globals:
 *   encode(what, ...)   the bytes of a message, a string
 *   decode(bytes)       its values
 *   rt(...)             there and back
 *   encode_list(list, first, n) and decode_list(bytes, list, first)
 *   handle(n)           a userdata that the hooks know; h.n is n
 *                       (its export raises if n is 13, its import if n is 14)
 *   null                sandbox.null
 *   fails(text, ...)    asserts that encode("item", ...) raises exactly `text`
 */
#ifndef CODEC_FIXTURE_H
#define CODEC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "lua/codec/codec.h"

static const uint8_t fixture_key[16] = "0123456789abcde";

/* ---- memory that can be made to fail ---- */

static struct {
  long left;   /* allocations until every one fails; negative: none does */
  size_t used; /* bytes in use by Lua states */
  size_t peak;
} memory = {.left = -1};

static void *fixture_alloc(void *ud, void *p, size_t old, size_t new) {
  (void)ud;
  if (!p)
    old = 0; /* Lua tells the kind of object there */
  if (new == 0) {
    free(p);
    memory.used -= old;
    return NULL;
  }
  if (new > old && memory.left >= 0 && memory.left-- == 0) {
    memory.left = 0;
    return NULL;
  }
  void *q = realloc(p, new);
  if (!q)
    return NULL;
  memory.used = memory.used - old + new;
  if (memory.used > memory.peak)
    memory.peak = memory.used;
  return q;
}

/* ---- handles ---- */

static int l_handle(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  lua_Integer *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = n;
  luaL_setmetatable(L, "test.handle");
  return 1;
}

static int l_handle_index(lua_State *L) {
  lua_pushinteger(L, *(lua_Integer *)luaL_checkudata(L, 1, "test.handle"));
  return 1;
}

static enum codec_export export_handle(lua_State *L, int index, uint8_t ret[CODEC_HANDLE_BYTES]) {
  lua_Integer *h = luaL_testudata(L, index, "test.handle");
  if (!h)
    return CODEC_NO_HANDLE;
  if (*h == 13) {
    lua_pushliteral(L, "the handle is closed");
    return CODEC_REFUSED;
  }
  memset(ret, 0x55, CODEC_HANDLE_BYTES);
  memcpy(ret, h, sizeof *h);
  return CODEC_HANDLE;
}

static void import_handle(lua_State *L, const uint8_t ref[CODEC_HANDLE_BYTES]) {
  lua_Integer n;
  memcpy(&n, ref, sizeof n);
  if (n == 14) {
    lua_pushliteral(L, "no such handle");
    lua_error(L);
  }
  lua_pushcfunction(L, l_handle);
  lua_pushinteger(L, n);
  lua_call(L, 1, 1);
}

static const struct codec_hooks fixture_hooks = {.export_handle = export_handle,
                                                 .import_handle = import_handle};

/* ---- the codec for scripts ---- */

static int l_buf_gc(lua_State *L) {
  buf_release(lua_touserdata(L, 1));
  return 0;
}

/* [-0, +1] an empty buffer that Lua collects. */
static struct buf *push_buf(lua_State *L) {
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (struct buf){0};
  luaL_setmetatable(L, "test.buf");
  return b;
}

static int l_encode(lua_State *L) {
  const char *what = luaL_checkstring(L, 1);
  int top = lua_gettop(L);
  struct buf *b = push_buf(L);
  codec_encode(L, 2, top - 1, what, b);
  assert_int_equal(lua_gettop(L), top + 1);
  lua_pushlstring(L, (const char *)b->data, b->len);
  buf_release(b);
  return 1;
}

static int l_decode(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  uint8_t *copy = lua_newuserdatauv(L, len + 1, 0);
  memcpy(copy, bytes, len);
  int top = lua_gettop(L);
  int n = codec_decode(L, copy, len);
  assert_int_equal(lua_gettop(L), top + n);
  return n;
}

static int l_encode_list(lua_State *L) {
  lua_Integer first = luaL_checkinteger(L, 2), count = luaL_checkinteger(L, 3);
  int top = lua_gettop(L);
  struct buf *b = push_buf(L);
  bool encoded = codec_encode_list(L, 1, first, (size_t)count, b);
  assert_int_equal(lua_gettop(L), top + 1);
  assert_int_equal(encoded, b->len > 0);
  if (encoded)
    lua_pushlstring(L, (const char *)b->data, b->len);
  buf_release(b);
  return encoded;
}

/* [bytes, list, first] -> how many */
static int place_list(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  int n = codec_decode_list(L, (const uint8_t *)bytes, len, 2, luaL_checkinteger(L, 3));
  assert_int_equal(lua_gettop(L), 3);
  lua_pushinteger(L, n);
  return 1;
}

/* [bytes, list, first] -> how many: element by element, each held against that of the list */
static int step_list(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lua_Integer at = luaL_checkinteger(L, 3);
  struct list_reader l;
  codec_list_open(L, &l, (const uint8_t *)bytes, len);
  for (; l.left > 0; at++) {
    uint64_t left = l.left;
    codec_list_push(L, &l);
    assert_int_equal(l.left, left - 1);
    lua_rawgeti(L, 2, at);
    assert_int_equal(lua_gettop(L), 5);
    assert_true(lua_rawequal(L, 4, 5) && lua_isinteger(L, 4) == lua_isinteger(L, 5));
    lua_settop(L, 3);
  }
  lua_pushinteger(L, at - lua_tointeger(L, 3));
  return 1;
}

/* Both ways do the same, also with what is malformed. */
static int l_decode_list(lua_State *L) {
  static const lua_CFunction ways[] = {place_list, step_list};
  int status[2];
  lua_settop(L, 3);
  for (int way = 0; way < 2; way++) {
    lua_pushcfunction(L, ways[way]);
    for (int i = 1; i <= 3; i++)
      lua_pushvalue(L, i);
    status[way] = lua_pcall(L, 3, 1, 0);
  }
  assert_int_equal(status[0], status[1]);
  assert_true(lua_rawequal(L, 4, 5));
  return status[0] ? lua_error(L) : 1;
}

static const char fixture_prelude[] =
    "function rt(...) return decode(encode('item', ...)) end\n"
    "function fails(text, ...)\n"
    "  local ok, message = pcall(encode, 'item', ...)\n"
    "  assert(not ok, 'it was sent')\n"
    "  assert(message == text, ('\\n expected %s\\n got      %s'):format(text, message))\n"
    "end\n";

static void fixture_class(lua_State *L, const char *name, const char *key, lua_CFunction f) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, f);
  lua_setfield(L, -2, key);
  lua_pop(L, 1);
}

static void fixture_run(lua_State *L, const char *script) {
  if (luaL_dostring(L, script))
    fail_msg("%s", lua_tostring(L, -1));
}

static lua_State *fixture_open(void) {
  lua_State *L = lua_newstate(fixture_alloc, NULL);
  assert_non_null(L);
  luaL_openlibs(L);
  fixture_class(L, "test.buf", "__gc", l_buf_gc);
  fixture_class(L, "test.handle", "__index", l_handle_index);
  codec_open(L, fixture_key, &fixture_hooks);
  lua_register(L, "encode", l_encode);
  lua_register(L, "decode", l_decode);
  lua_register(L, "encode_list", l_encode_list);
  lua_register(L, "decode_list", l_decode_list);
  lua_register(L, "handle", l_handle);
  lua_pushlightuserdata(L, codec_null());
  lua_setglobal(L, "null");
  fixture_run(L, fixture_prelude);
  return L;
}

static void fixture_close(lua_State *L) {
  lua_close(L);
  assert_int_equal(memory.used, 0);
}

/* Before a test: what a failed one left behind is not this one's fault. */
static inline int fixture_reset(void **state) {
  (void)state;
  memory.left = -1;
  memory.used = memory.peak = 0;
  return 0;
}

/* Run a script in a state of its own: the initial state of the test is its text. */
static inline void fixture_script(void **state) {
  lua_State *L = fixture_open();
  fixture_run(L, *state);
  fixture_close(L);
}

#define SCRIPT(name, text)                                                                         \
  { (name), fixture_script, fixture_reset, NULL, (void *)(uintptr_t)(text) }

#endif
