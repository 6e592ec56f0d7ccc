/* tests/unit/test_codec_hostile.c - the codec among broken messages and failing memory. */
#include "codec_fixture.h"

#include <stdio.h>

#include "base/fault.h"
#include "wire/siphash.h"
#include "wire/wire.h"

/*
 * Something of everything. Flips of its bytes must not name a function that hurts when called as a
 * finalizer.
 */
static const char make_rich[] =
    "Point = {}\n"
    "local n, private = 0, {__index = function() return n end}\n"
    "local function up() n = n + 1; return n end\n"
    "local shared = {1, 2.5, 'short', ('long'):rep(30), true, false, null}\n"
    "rich = {shared, {shared, -1, 1 << 40}, up, function() return n, shared, up end, print,\n"
    "  string, _G, handle(3), handle(4), setmetatable({x = 1}, Point), setmetatable({}, private),\n"
    "  setmetatable({y = {}}, private), [shared] = {shared}, k = {k = {k = {}}}, [2.5] = 'x'}\n"
    "rich.me = rich\n"
    "for i = 1, 30 do rich[#rich + 1] = setmetatable({i, {i}}, {i = i}) end\n";

static lua_State *open_rich(void) {
  lua_State *L = fixture_open();
  fixture_run(L, make_rich);
  return L;
}

/* ---- broken messages ---- */

static const char truncated[] =
    "local bytes = encode('item', rich, nil, 'x')\n"
    "assert(select('#', decode(bytes)) == 3)\n"
    "for n = 0, #bytes - 1 do\n"
    "  local ok, e = pcall(decode, bytes:sub(1, n))\n"
    "  assert(not ok and e:find('^malformed message: .* at byte %d+$'), e)\n"
    "end\n"
    "local ok, e = pcall(decode, bytes .. '\\0')\n"
    "assert(not ok and e == 'malformed message: something follows the end at byte ' .. #bytes, e)\n"
    "ok, e = pcall(decode, encode('item', 1) .. '\\0')\n"
    "assert(not ok and e:find 'something follows the end')\n";

static const char flipped[] =
    "local bytes = encode('item', rich)\n"
    "for i = 1, #bytes do\n"
    "  for _, mask in ipairs{1, 2, 4, 8, 16, 32, 64, 128, 255} do\n"
    "    local c = string.char(bytes:byte(i) ~ mask)\n"
    "    local ok, e = pcall(decode, bytes:sub(1, i - 1) .. c .. bytes:sub(i + 1))\n"
    "    assert(ok or type(e) == 'string')\n"
    "  end\n"
    "  if i % 100 == 0 then collectgarbage() end\n"
    "end\n";

static const char every_short_message[] =
    "for a = 0, 255 do\n"
    "  pcall(decode, string.char(a))\n"
    "  for b = 0, 255 do\n"
    "    pcall(decode, '\\x11\\1' .. string.char(a, b))\n"
    "    pcall(decode, '\\x10\\1' .. string.char(a, b))\n"
    "    pcall(decode, '\\x11\\1\\x09\\0\\0' .. string.char(a, b))\n"
    "    pcall(decode, '\\x11\\1\\x09\\0\\0\\x40' .. string.char(a, b, 0))\n"
    "  end\n"
    "end\n";

static const char malformed[] =
    "local function bad(problem, bytes)\n"
    "  local ok, e = pcall(decode, bytes)\n"
    "  assert(not ok and e:find(problem, 1, true), problem .. ' / ' .. tostring(e))\n"
    "  assert(e:find '^malformed message: ' and e:find ' at byte %d+$', e)\n"
    "end\n"
    "local huge = '\\x80\\x80\\x80\\x80\\x80\\x80\\x80\\x80\\x80\\x01'\n" /* 2^63 */
    "bad('ends early', '')\n"
    "bad('another version', '\\1\\1')\n"
    "bad('more values than bytes', '\\x10' .. huge)\n"
    "bad('more values than bytes', '\\x10\\2\\1')\n"
    "bad('cut off or too large', '\\x10\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x01')\n"
    "bad('beyond the end', '\\x10\\1\\7' .. huge)\n"
    "bad('beyond the end', '\\x10\\1\\7\\xff\\xff\\xff\\xff\\x0fx')\n"
    "bad('unknown or misplaced tag', '\\x10\\1\\9\\0\\0\\0\\0')\n" /* an object in a flat message */
    "for _, tag in ipairs{0, 0x0e, 0x0f, 0x10, 0x3f} do\n"
    "  bad('unknown or misplaced tag', '\\x10\\1' .. string.char(tag))\n"
    "  bad('unknown or misplaced tag', '\\x11\\1' .. string.char(tag))\n"
    "end\n"
    "bad('reference to nothing', '\\x11\\1\\x08\\0')\n"
    "bad('reference to nothing', '\\x11\\1\\9\\0\\0\\x08\\1\\0\\0')\n"
    "bad('reference to nothing', '\\x11\\1\\x08' .. huge)\n"
    "bad('larger than its contents', '\\x11\\1\\9\\xff\\0\\0\\0')\n"
    "bad('larger than its contents', '\\x11\\1\\9\\0\\xff\\0\\0')\n"
    "bad('nil in a table', '\\x11\\1\\9\\0\\0\\1\\0\\0')\n"
    "bad('nil as a key', '\\x11\\1\\9\\0\\0\\0\\1\\x80\\0')\n"
    "bad('NaN as a key', '\\x11\\1\\9\\0\\0\\0\\6' .. string.pack('<d', 0/0) .. '\\x80\\0')\n"
    "bad('nil in a table', '\\x11\\1\\9\\0\\0\\0\\x80\\1\\0')\n"
    "bad('misplaced tag', '\\x11\\1\\9\\0\\0\\0\\x80\\0\\0')\n"
    "bad('misplaced tag', '\\x11\\1\\9\\0\\0\\x0e\\x80\\0\\0')\n"
    "bad('misplaced tag', '\\x11\\1\\9\\0\\0\\x80\\x0e\\x08\\0\\0\\0')\n"
    "bad('metatable that is not a table', '\\x11\\1\\9\\0\\0\\x0e\\x0d\\2_G\\5print\\0\\0')\n"
    "bad('name is cut off', '\\x11\\1\\x0d\\2_G\\9print')\n"
    "bad('cut off', '\\x11\\1\\x0a\\1\\2\\3')\n"
    "local code = string.dump(function() end)\n"
    "bad('no process of this run', '\\x11\\1\\x0a' .. ('\\0'):rep(8) .. string.pack('<s4', code) "
    ".. '\\0')\n"
    "assert(next(decode '\\x11\\1\\9\\0\\0\\0\\0') == nil)\n"
    "local function bad_list(problem, bytes)\n"
    "  local ok, e = pcall(decode_list, bytes, {}, 1)\n"
    "  assert(not ok and e:find(problem, 1, true), problem .. ' / ' .. tostring(e))\n"
    "end\n"
    "bad_list('ends early', '')\n"
    "bad_list('another version', '\\x10\\0')\n"
    "bad_list('more values than bytes', '\\x12\\2\\1')\n"
    "bad_list('more values than bytes', '\\x12' .. huge)\n"
    "bad_list('something follows', '\\x12\\0\\1')\n"
    "for tag = 0, 0x3f do\n"
    "  if tag == 0 or tag > 7 and tag ~= 0x10 then\n"
    "    bad_list('unknown or misplaced tag', '\\x12\\1' .. string.char(tag) .. '\\0\\0')\n"
    "  end\n"
    "end\n"
    "for width = 0, 255 do\n"
    "  local run = '\\x10\\0' .. string.char(width)\n"
    "  local has = ({[1] = 1, [2] = 2, [4] = 4, [8] = 8})[width]\n"
    "  bad_list('run of integers', '\\x12\\1' .. run .. ('x'):rep((has or 1) - 1))\n"
    "  if not has then bad_list('run of integers', '\\x12\\1' .. run .. ('x'):rep(255)) end\n"
    "end\n"
    "bad_list('run of integers', '\\x12\\2\\x10\\2\\1abc')\n" /* three, and two announced */
    "bad_list('run of integers', '\\x12\\1\\x10\\xff\\1')\n"
    "local long = {}\n"
    "assert(decode_list('\\x12\\x80\\2\\x10\\xff\\1' .. ('\\xfe'):rep(256), long, 1) == 256)\n"
    "assert(long[1] == -2 and long[256] == -2 and #long == 256)\n";

/*
 * A message made by hand, with a hash that is right, around the bytecode of a function with two
 * upvalues.
 */
static int l_sign(lua_State *L) {
  size_t len;
  const char *code = luaL_checklstring(L, 1, &len);
  uint8_t head[12];
  store_fixed(head, siphash(fixture_key, code, len), 8);
  store_fixed(head + 8, len, 4);
  lua_pushlstring(L, (const char *)head, sizeof head);
  lua_pushvalue(L, 1);
  lua_concat(L, 2);
  return 1;
}

static void upvalues_must_match_the_function(void **state) {
  (void)state;
  lua_State *L = fixture_open();
  lua_register(L, "sign", l_sign);
  fixture_run(
      L,
      "local a, b = 1, 2\n"
      "local f = '\\x0a' .. sign(string.dump(function() return a, b end))\n"
      "local function try(problem, bytes)\n"
      "  local ok, e = pcall(decode, '\\x11' .. bytes)\n"
      "  assert(not ok and e:find(problem, 1, true), e)\n"
      "end\n"
      "local r = decode('\\x11\\1' .. f .. '\\x85\\x86\\0')\n"
      "local x, y = r()\n"
      "assert(x == 5 and y == 6)\n"
      "r = decode('\\x11\\1' .. f .. '\\x85\\x0f\\0\\1\\0')\n"
      "x, y = r()\n"
      "assert(x == 5 and y == 5)\n"
      "try('fewer upvalues', '\\1' .. f .. '\\x85\\0')\n"
      "try('more upvalues', '\\1' .. f .. '\\x85\\x86\\x87\\0')\n"
      "try('does not exist', '\\1' .. f .. '\\x85\\x0f\\0\\3\\0')\n"
      "try('does not exist', '\\1' .. f .. '\\x85\\x0f\\0\\0\\0')\n"
      "try('does not exist', '\\1' .. f .. '\\x85\\x0f\\0\\x81\\x80\\x80\\x80\\x10\\0')\n"
      "try('reference to nothing', '\\1' .. f .. '\\x85\\x0f\\1\\1\\0')\n"
      "try('something else than a function', '\\2' .. f .. "
      "'\\x0d\\2_G\\5print\\x0f\\1\\1\\x85\\0')\n"
      "try('something else than a function', '\\2\\9\\0\\0' .. f .. '\\0\\0\\x0f\\0\\1\\x85\\0')\n"
      "try('does not load', '\\1\\x0a' .. sign('\\27Luax') .. '\\0')\n"
      "try('does not load', '\\1\\x0a' .. sign('return 1') .. '\\0')\n");
  fixture_close(L);
}

/* Forged sizes cost no more memory than honest bytes do. */
static void memory_is_in_proportion_to_bytes(void **state) {
  (void)state;
  enum { PER_BYTE = 64, AT_LEAST = 4096 };
  lua_State *L = fixture_open();
  uint8_t bytes[2 + 3 * 1333];
  for (unsigned elements = 0; elements < 256; elements += 5) {
    for (unsigned pairs = 0; pairs < 256; pairs += 5) {
      uint8_t cell[] = {TAG_TABLE, (uint8_t)elements, (uint8_t)pairs};
      bytes[0] = FORMAT_GRAPH;
      bytes[1] = 1;
      for (size_t i = 2; i + sizeof cell <= sizeof bytes; i += sizeof cell)
        memcpy(bytes + i, cell, sizeof cell);
      lua_gc(L, LUA_GCCOLLECT);
      size_t before = memory.peak = memory.used;
      lua_pushcfunction(L, l_decode);
      lua_pushlstring(L, (const char *)bytes, sizeof bytes);
      assert_int_not_equal(lua_pcall(L, 1, 0, 0), 0);
      assert_true(memory.peak - before < PER_BYTE * sizeof bytes + AT_LEAST);
      lua_settop(L, 0);
    }
  }
  fixture_close(L);
}

/* ---- failing memory ---- */

/* [-0, +0] rich is sent and comes back; raises if not. A protected call. */
static int round_trip(lua_State *L) {
  lua_settop(L, 0);
  struct buf *b = push_buf(L);
  lua_getglobal(L, "rich");
  codec_encode(L, 2, 1, "item", b);
  assert_int_equal(codec_decode(L, b->data, b->len), 1);
  assert_true(lua_istable(L, -1));
  return 0;
}

/* Fail every allocation from the n-th on, for all n, until none is left to fail. */
static void lua_may_run_out_of_memory_anywhere(void **state) {
  (void)state;
  long n = 0;
  for (bool failed = true; failed; n++) {
    lua_State *L = open_rich();
    if (n % 2) { /* with what names.c remembers, and without */
      lua_pushcfunction(L, round_trip);
      lua_call(L, 0, 0);
    }
    lua_pushcfunction(L, round_trip);
    memory.left = n / 2;
    int status = lua_pcall(L, 0, 0, 0);
    failed = memory.left == 0;
    memory.left = -1;
    if (status)
      assert_string_equal(lua_tostring(L, -1), "not enough memory");
    lua_settop(L, 0);
    lua_pushcfunction(L, round_trip);
    assert_int_equal(lua_pcall(L, 0, 0, 0), 0);
    fixture_run(L, "local r = rt(rich); assert(r.me == r and getmetatable(r[10]) == Point)");
    fixture_close(L);
  }
  assert_true(n > 100);
}

/* [buffer, value] -> [] */
static int encode_into(lua_State *L) {
  codec_encode(L, 2, 1, "item", lua_touserdata(L, 1));
  return 0;
}

/* The buffer has "abc" before; whatever fails, it has "abc" after. */
static int try_encode_into(lua_State *L, struct buf *b, const char *global) {
  lua_settop(L, 1);
  lua_pushcfunction(L, encode_into);
  lua_pushvalue(L, 1);
  lua_getglobal(L, global);
  int status = lua_pcall(L, 2, 0, 0);
  assert_memory_equal(b->data, "abc", 3);
  if (status)
    assert_int_equal(b->len, 3);
  return status;
}

static void the_buffer_is_as_it_was_after_an_error(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    lua_State *L = open_rich();
    struct buf *b = push_buf(L);
    assert_int_equal(buf_append(b, "abc", 3), 0);
    lua_getglobal(L, "rich"); /* so that the name is at hand when memory is out */
    memory.left = n;
    int status = try_encode_into(L, b, "rich");
    memory.left = -1;
    bool done = !status;
    if (done)
      assert_true(b->len > 3);
    fixture_close(L);
    if (done)
      break;
  }
}

static void a_value_that_cannot_be_sent_leaves_the_buffer_alone(void **state) {
  (void)state;
  lua_State *L = fixture_open();
  struct buf *b = push_buf(L);
  assert_int_equal(buf_append(b, "abc", 3), 0);
  fixture_run(
      L, "bad = {}; for i = 1, 1000 do bad[i] = {i} end bad[1001] = {coroutine.create(print)}");
  assert_int_equal(try_encode_into(L, b, "bad"), LUA_ERRRUN);
  assert_string_equal(lua_tostring(L, -1), "item[1001][1]: a coroutine cannot be sent");
  fixture_close(L);
}

#ifdef SBX_FAULTS
static void the_buffer_may_fail_to_grow(void **state) {
  (void)state;
  lua_State *L = open_rich();
  struct buf *b = push_buf(L);
  int failures = 0;
  for (int n = 1;; n++) {
    char plan[64];
    snprintf(plan, sizeof plan, "buf.alloc:%d:fail", n);
    buf_release(b);
    fault_plan(plan);
    bool started = buf_append(b, "abc", 3) == 0;
    if (!started)
      continue;
    int status = try_encode_into(L, b, "rich");
    fault_plan(NULL);
    if (!status)
      break;
    assert_string_equal(lua_tostring(L, -1), "not enough memory");
    failures++;
  }
  assert_true(failures >= 3);
  fixture_close(L);
}
#endif

static void the_lua_stack_may_be_full(void **state) {
  (void)state;
  lua_State *L = open_rich();
  fixture_run(L, "local bytes = '\\x10' .. '\\xc0\\x84\\x3d' .. ('\\1'):rep(1000000)\n"
                 "local ok, e = pcall(decode, bytes)\n"
                 "assert(not ok, 'a million results')\n"
                 "assert(rt(rich).me)\n");
  fixture_close(L);
}

#define RICH(name, text)                                                                           \
  { (name), rich_script, fixture_reset, NULL, (void *)(uintptr_t)(text) }

static void rich_script(void **state) {
  lua_State *L = open_rich();
  fixture_run(L, *state);
  fixture_close(L);
}

#define TEST(name) cmocka_unit_test_setup(name, fixture_reset)

int main(void) {
  const struct CMUnitTest tests[] = {
      RICH("truncated", truncated),
      RICH("flipped", flipped),
      SCRIPT("every short message", every_short_message),
      SCRIPT("malformed", malformed),
      TEST(upvalues_must_match_the_function),
      TEST(memory_is_in_proportion_to_bytes),
      TEST(lua_may_run_out_of_memory_anywhere),
      TEST(the_buffer_is_as_it_was_after_an_error),
      TEST(a_value_that_cannot_be_sent_leaves_the_buffer_alone),
#ifdef SBX_FAULTS
      TEST(the_buffer_may_fail_to_grow),
#endif
      TEST(the_lua_stack_may_be_full),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
