/*
 * tests/unit/test_abroad.c - functions for another host: which globals they name, and values from one state to a fresh one
 * that shares nothing with it.
 */
#include "codec_fixture.h"

/* named(f) -> its globals that are not standard, sorted, with blanks between */
static int l_named(lua_State *L) {
  lua_settop(L, 1);
  lua_newtable(L);
  int top = lua_gettop(L);
  codec_named_globals(L, 1, 2);
  assert_int_equal(lua_gettop(L), top);
  return 1;
}

/* abroad(v [, shared]) -> bytes, modules */
static int l_abroad(lua_State *L) {
  lua_settop(L, 2);
  lua_newtable(L);
  struct buf *b = push_buf(L);
  codec_encode_abroad(L, 1, 1, "item", lua_istable(L, 2) ? 2 : 0, 3, b);
  lua_pushlstring(L, (const char *)b->data, b->len);
  buf_release(b);
  lua_pushvalue(L, 3);
  return 2;
}

/* there(bytes, script) -> what the script, called with the decoded value in a fresh state, returns as text */
static int l_there(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lua_State *other = fixture_open();
  codec_know_standard(other);
  lua_register(other, "abroad", l_abroad);
  lua_pushlstring(other, bytes, len);
  lua_setglobal(other, "bytes");
  fixture_run(other, luaL_checkstring(L, 2));
  lua_getglobal(other, "result");
  size_t result_len;
  const char *result = luaL_tolstring(other, -1, &result_len);
  lua_pushlstring(L, result, result_len);
  lua_close(other);
  return 1;
}

static void script(void **state) {
  lua_State *L = fixture_open();
  codec_know_standard(L);
  lua_register(L, "named_of", l_named);
  lua_register(L, "abroad", l_abroad);
  lua_register(L, "there", l_there);
  fixture_run(L, "function named(f)\n"
                 "  local names = {}\n"
                 "  for name in pairs(named_of(f)) do names[#names + 1] = name end\n"
                 "  table.sort(names)\n"
                 "  return table.concat(names, ' ')\n"
                 "end\n"
                 "function is(got, want)\n"
                 "  if got ~= want then error(('got %s, want %s'):format(tostring(got), tostring(want)), 2) end\n"
                 "end\n");
  fixture_run(L, *state);
  fixture_close(L);
}

static const char globals[] =
    "function helper() return 1 end  count = 0  Point = {}\n"
    "is(named(function() return helper() + count end), 'count helper')\n"
    "is(named(function() return print, string.format, math end), '')\n"        /* every state has them */
    "is(named(function() return missing end), '')\n"                            /* nil */
    "is(named(function(t) return t.count, t.helper, 'Point' end), '')\n"        /* fields and strings are no globals */
    "is(named(function() count = 1 end), '')\n"                                 /* it is only set */
    "is(named(function() return function() return function() return Point end end end), 'Point')\n"
    "local count = 1 is(named(function() return count end), '')\n"              /* a local variable */
    "local _ENV = {helper = 1, print = print}\n"
    "local function own() return helper, count end\n"                            /* another table of globals */
    "local same = _G\n";

static const char held_globals[] =
    "function helper() end  Point = {}  count = 1  other = 2\n"
    "is(named(function() return _G.helper end), 'helper')\n"
    "is(named(function() local e = _ENV return e.Point end), 'Point')\n"
    "is(named(function() return _G['co' .. 'unt'] end), '')\n"                   /* computed */
    "local lines = {}\n"                                                         /* more constants than an instruction names */
    "for i = 1, 400 do lines[i] = ('local a = \"text %d\"'):format(i) end\n"
    "lines = 'do ' .. table.concat(lines, ' end do ') .. ' end return helper, count'\n"
    "is(named(load(lines)), 'count helper')\n";

static const char overridden[] =
    "local said = print\n"
    "function print(...) return said(...) end\n"
    "is(named(function() print(1) end), 'print')\n"
    "log = tostring\n"
    "is(named(function() log(1) end), 'log')\n";

static const char values[] =
    "is(there(abroad{1, 'x', {y = 2.5}}, 'local v = decode(bytes) result = v[1] .. v[2] .. v[3].y'), '1x2.5')\n"
    "local n = 40\n"
    "is(there(abroad(function() return n + 2 end), 'result = decode(bytes)()'), '42')\n"
    "is(there(abroad(function() return string.rep('ab', 2) .. tostring(type) end), "
    "'result = decode(bytes)():sub(1, 12)'), 'ababfunction')\n"
    /* an alias of a function of Lua has the name that it has everywhere */
    "fmt, string = string.format, nil\n"
    "local f = fmt\n"
    "is(there(abroad(f), 'result = decode(bytes) == string.format'), 'true')\n";

static const char metatables[] =
    "Point = {}  Point.__index = Point  function Point.new(x) return setmetatable({x = x}, Point) end\n"
    "function Point:twice() return self.x * 2 end\n"
    /* by value: there is no such global there; one and the same within a message */
    "is(there(abroad{Point.new(4), Point.new(5), Point},\n"
    "  'local v = decode(bytes) assert(Point == nil) assert(getmetatable(v[1]) == v[3] and getmetatable(v[2]) == v[3]) '\n"
    "  .. 'result = v[1]:twice() + v[2]:twice()'), '18')\n"
    /* by name, if the reader has it */
    "is(there(abroad({Point = Point}),\n"
    "  'Point = decode(bytes).Point result = abroad(Point.new(7), {Point = true})'),\n"
    "  (abroad(Point.new(7), {Point = true})))\n"
    "local back = decode(there(abroad({Point = Point}),\n"
    "  'Point = decode(bytes).Point result = abroad(Point.new(7), {Point = true})'))\n"
    "assert(getmetatable(back) == Point and back:twice() == 14)\n";

static const char modules[] =
    "package.loaded.shapes = {area = function(r) return r * r end, Class = {}}\n"
    "package.loaded.numbers = {1, 2, 3}\n"
    "local shapes, numbers = package.loaded.shapes, package.loaded.numbers\n"
    "local bytes, names = abroad(function() return shapes.area(3), numbers[2] end)\n"
    "is(next(names), 'shapes') is(next(names, 'shapes'), nil)\n"                 /* one of mere data is data */
    "is(there(bytes, [[package.loaded.shapes = {area = function(r) return r end} "
    "local a, b = decode(bytes)() result = a + b]]), '5')\n"
    "bytes, names = abroad(setmetatable({}, shapes.Class))\n"
    "is(next(names), 'shapes')\n"
    "bytes, names = abroad{string.format, io.stdout, print, string}\n"
    "is(next(names), nil)\n";

static const char errors[] =
    "local function fails(text, v)\n"
    "  local ok, message = pcall(abroad, v)\n"
    "  assert(not ok, 'it was sent')\n"
    "  is(message, text)\n"
    "end\n"
    "local co = coroutine.create(print)\n"
    "fails(\"item upvalue 'co': a coroutine cannot be sent\", function() return co end)\n"
    "fails('item.q: a test.handle (userdata) cannot be sent to another host: it lives in the memory of this one', "
    "{q = handle(1)})\n"
    "alias = lua_own\n"
    "fails('item: a function written in C that has no name cannot be sent (it would have to be a global or a field of a "
    "loaded module)', named_of)\n"; /* a global here, but not there */

static const char many[] = /* every shape of bytecode: nested functions, goto, varargs, long strings, integer and float constants */
    "function used() end\n"
    "local text = ('local function f%d(...) local t = {...} for i = 1, #t do if t[i] == %d.5 then goto done end end ::done:: '\n"
    "  .. 'return function() return used(%d, \"%s\", nil, true, false) end end '):rep(1)\n"
    "local all = {}\n"
    "for i = 1, 100 do all[i] = text:format(i, i, i * 1000000007, ('x'):rep(i)) end\n"
    "local f = assert(load(table.concat(all) .. ' return f1'))\n"
    "is(named(f), 'used')\n"
    "local deep = 'return used'\n"
    "for i = 1, 40 do deep = 'return function() ' .. deep .. ' end' end\n"
    "is(named(assert(load(deep))), 'used')\n"
    "is(named(load(string.dump(load('return used'), true))), 'used')\n"; /* stripped */

int main(void) {
#define ABROAD(name)                                                                                                              \
  { #name, script, fixture_reset, NULL, (void *)(uintptr_t)(name) }
  const struct CMUnitTest tests[] = {ABROAD(globals), ABROAD(held_globals), ABROAD(overridden), ABROAD(values),
                                     ABROAD(metatables), ABROAD(modules), ABROAD(errors), ABROAD(many)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
