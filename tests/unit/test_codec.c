/*
 * tests/unit/test_codec.c - values through the codec: what comes back, what travels how, what
 * cannot be sent.
 */
#include "codec_fixture.h"

/* ---- values ---- */

static const char scalars[] =
    "local function same(v)\n"
    "  local r = rt(v)\n"
    "  assert(r == v and math.type(r) == math.type(v) and type(r) == type(v), tostring(v))\n"
    "end\n"
    "for _, v in ipairs{0, 1, -1, 127, 128, -128, 300, 1 << 31, 1 << 53, math.maxinteger,\n"
    "    math.mininteger, 0.0, 1.0, 1.5, -1e300, 5e-324, math.huge, -math.huge, 2^53, true, null} "
    "do\n"
    "  same(v)\n"
    "end\n"
    "same(false) same(nil)\n"
    "assert(1 / rt(-0.0) == -math.huge)\n"
    "local nan = rt(0/0)\n"
    "assert(nan ~= nan and math.type(nan) == 'float')\n"
    "assert(string.pack('d', rt(-(0/0))) == string.pack('d', -(0/0)))\n"
    "for bits = 0, 62 do same(1 << bits) same(-(1 << bits)) same((1 << bits) - 1) end\n";

static const char strings[] =
    "local all = {}\n"
    "for i = 0, 255 do all[#all + 1] = string.char(i) end\n"
    "all = table.concat(all)\n"
    "assert(rt(all) == all)\n"
    "for _, n in ipairs{0, 1, 39, 40, 41, 62, 63, 64, 65, 127, 128, 16383, 16384, 70000} do\n"
    "  local s = ('\\0x'):rep(n):sub(1, n)\n"
    "  assert(#s == n and rt(s) == s)\n"
    "end\n"
    "local big = ('0123456789'):rep(1024 * 1024)\n"
    "assert(rt(big) == big and rt({big})[1] == big)\n"
    "assert(rt('10') == '10' and rt(10) == 10)\n";

static const char several_values[] =
    "local function check(...)\n"
    "  local a, b = table.pack(...), table.pack(rt(...))\n"
    "  assert(a.n == b.n)\n"
    "  for i = 1, a.n do assert(a[i] == b[i]) end\n"
    "end\n"
    "check() check(nil) check(nil, nil) check(1, nil, 'x', nil, false, nil)\n"
    "check(table.unpack({}, 1, 1000))\n"
    "local a, b, c = rt(nil, {1}, nil)\n"
    "assert(a == nil and b[1] == 1 and c == nil)\n"
    "local t = {}\n"
    "local r = table.pack(rt(t, t, 1, t))\n"
    "assert(r.n == 4 and r[1] == r[2] and r[2] == r[4] and r[3] == 1 and r[1] ~= t)\n"
    "local many = {}\n"
    "for i = 1, 500 do many[i] = {i} end\n"
    "r = table.pack(rt(table.unpack(many)))\n"
    "for i = 1, 500 do assert(r[i][1] == i) end\n";

static const char tables[] =
    "local function equal(a, b)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
    "  for k, v in pairs(a) do if not equal(v, b[k]) then return false end end\n"
    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local function check(t) assert(equal(t, rt(t))) end\n"
    "check{} check{1, 2, 3} check{a = 1} check{1, 2, a = {b = {c = {}}}} check{[0] = 0, [-1] = 1}\n"
    "check{[1.5] = 1, [true] = 2, [false] = 3, ['a b'] = 4, [1e300] = 5, [math.mininteger] = 6}\n"
    "check{1, nil, 3} check{nil, nil, 3} check{[1000] = 1} check{1, 2, [4] = 4, [8] = 8}\n"
    "local backwards = {}\n"
    "for i = 100, 1, -1 do backwards[i] = -i end\n"
    "check(backwards)\n"
    "local holes = table.pack(table.unpack({}, 1, 200))\n"
    "holes[200], holes[7] = 1, 2\n"
    "check(holes)\n"
    "for n = 1, 70 do\n"
    "  local t = {}\n"
    "  for i = 1, n do t[i] = i; t['k' .. i] = {i} end\n"
    "  check(t)\n"
    "end\n"
    "local records = {}\n"
    "for i = 1, 2000 do records[i] = {id = i, name = 'n' .. i, tags = {'a', 'b'}, at = i / 2} end\n"
    "check(records)\n";

static const char identity[] =
    "local t = {}\n"
    "t.self, t[t] = t, t\n"
    "local r = rt(t)\n"
    "assert(r ~= t and r.self == r and r[r] == r)\n"
    "local a, b = {}, {}\n"
    "a.b, b.a = b, a\n"
    "r = rt(a)\n"
    "assert(r.b.a == r)\n"
    "local shared = {1}\n"
    "r = rt{shared, {shared}, k = shared, [shared] = shared}\n"
    "assert(r[1] == r[2][1] and r.k == r[1] and r[r[1]] == r[1])\n"
    "local key = {'key'}\n"
    "r = rt{[key] = {key}}\n"
    "local k, v = next(r)\n"
    "assert(k[1] == 'key' and v[1] == k)\n"
    "local many = {}\n"
    "for i = 1, 1000 do many[i] = {} end\n"
    "for i = 1, 1000 do many[i].next = many[i % 1000 + 1]; many[many[i]] = i end\n"
    "r = rt(many)\n"
    "for i = 1, 1000 do assert(r[i].next == r[i % 1000 + 1] and r[r[i]] == i) end\n";

static const char deep_list[] = "local list\n"
                                "for i = 1, 100000 do list = {next = list, i} end\n"
                                "local r, n = rt(list), 0\n"
                                "while r do n = n + 1; assert(r[1] == 100001 - n); r = r.next end\n"
                                "assert(n == 100000)\n"
                                "local f = function() end\n"
                                "for i = 1, 20000 do local g = f; f = function() return g end end\n"
                                "f, n = rt(f), 0\n"
                                "while f do f, n = f(), n + 1 end\n"
                                "assert(n == 20001)\n";

static const char inside_a_coroutine[] = "assert(coroutine.wrap(function()\n"
                                         "  local t = rt{1, {2}, f = print}\n"
                                         "  return t[2][1] == 2 and t.f == print\n"
                                         "end)())\n";

/* ---- functions ---- */

static const char functions[] =
    "assert(rt(function(a, ...) return a + select('#', ...) end)(40, 1, 2) == 42)\n"
    "local n = 10\n"
    "local function add(x) n = n + x; return n end\n"
    "local copy = rt(add)\n"
    "assert(copy(1) == 11 and copy(1) == 12 and add(1) == 11)\n"
    "local function factorial(i) return i == 0 and 1 or i * factorial(i - 1) end\n"
    "copy = rt(factorial)\n"
    "factorial = nil\n"
    "assert(copy(10) == 3628800)\n"
    "local count = 0\n"
    "local object = {up = function() count = count + 1 end, get = function() return count end}\n"
    "local r = rt(object)\n"
    "r.up() r.up()\n"
    "assert(r.get() == 2 and count == 0)\n"
    "local up, get = rt(object.up, object.get)\n"
    "up()\n"
    "assert(get() == 1)\n"
    "local f = function() return function() return count end end\n"
    "assert(rt(f)()() == 0)\n"
    "r = rt{f, f}\n"
    "assert(r[1] == r[2])\n"
    "local none\n"
    "assert(rt(function() return none end)() == nil)\n"
    "local t = {}\n"
    "function t.me() return t end\n"
    "r = rt(t)\n"
    "assert(r.me() == r)\n"
    "local up1, up2 = 1, 2\n"
    "local same = function() up1 = up1 + 1; return up1, up2 end\n"
    "debug.upvaluejoin(same, 2, same, 1)\n"
    "local x, y = rt(same)()\n"
    "assert(x == y)\n";

static const char functions_keep_debug_information[] =
    "local code = '\\n\\nlocal a_name = 1\\nreturn function(x)\\n  local sum = a_name + x.y\\n"
    "  error(\"boom\")\\nend'\n"
    "local f = load(code, '@somewhere.lua')()\n"
    "local g = rt(f)\n"
    "for _, arg in ipairs{{{y = 1}}, {1, nil}, {{}}} do\n"
    "  local _, e1 = pcall(f, arg[1])\n"
    "  local _, e2 = pcall(g, arg[1])\n"
    "  assert(e1 == e2 and e2:find('somewhere.lua:', 1, true), e2)\n"
    "end\n"
    "assert(debug.getupvalue(g, 1) == debug.getupvalue(f, 1))\n"
    "assert(debug.getinfo(g, 'S').linedefined == debug.getinfo(f, 'S').linedefined)\n";

static const char functions_use_the_globals_of_the_receiver[] =
    "local f = rt(function() return a_global, _G end)\n"
    "a_global = 42\n"
    "local v, g = f()\n"
    "assert(v == 42 and g == _G)\n"
    "local a, b = rt(load 'return a_global', load 'return a_global')\n"
    "assert(a() == 42 and b() == 42)\n"
    "local private = {x = 7}\n"
    "assert(rt(load('return x', 'c', 't', private))() == 7)\n"
    "local stripped = load(string.dump(load 'local a = ...; return function() return a end', "
    "true))(5)\n"
    "assert(rt(stripped)() == 5)\n";

/* ---- names ---- */

static const char by_name[] =
    "for _, f in ipairs{print, string.format, io.write, require, coroutine.wrap, os.exit} do\n"
    "  assert(rt(f) == f)\n"
    "end\n"
    "assert(rt(_G) == _G and rt(string) == string and rt(math) == math and rt(io.stdout) == "
    "io.stdout)\n"
    "local r = rt{string, print, {math, print}, [io.stderr] = _G, k = string}\n"
    "assert(r[1] == string and r[2] == print and r[3][1] == math and r[3][2] == print)\n"
    "assert(r[io.stderr] == _G and r.k == string)\n"
    "config = {1}\n"
    "assert(rt(config) ~= config and rt(config)[1] == 1)\n"
    "assert(rt(getmetatable('').__index) == string)\n";

static const char names_follow_changes[] =
    "local first, second = print, tostring\n"
    "thing = first\n"
    "print = nil\n"
    "assert(rt(first) == first)\n"
    "thing, other = second, first\n"
    "assert(rt(first) == first)\n"
    "other = nil\n"
    "assert(not pcall(encode, 'item', first))\n"
    "local class = {}\n"
    "Late = class\n"
    "assert(getmetatable(rt(setmetatable({}, class))) == class)\n"
    "Late = {}\n"
    "assert(getmetatable(rt(setmetatable({}, class))) ~= class)\n"
    "Late = class\n"
    "assert(getmetatable(rt(setmetatable({}, class))) == class)\n"
    "local m = {f = function() return 1 end}\n"
    "assert(rt(m) ~= m)\n"
    "package.loaded['late.module'] = m\n"
    "assert(rt(m) == m and rt{{m}, m}[1][1] == m)\n"
    "package.loaded['late.module'] = nil\n"
    "assert(rt(m) ~= m)\n"
    "package.loaded.data = {1, 2}\n"
    "local d = rt(package.loaded.data)\n"
    "assert(d ~= package.loaded.data and d[2] == 2)\n"
    "package.loaded.lazy = setmetatable({}, {__index = function() end})\n"
    "assert(rt{package.loaded.lazy}[1] == package.loaded.lazy)\n"
    "package.loaded._G = {pairs = pairs}\n"
    "local g = rt(package.loaded._G)\n"
    "assert(g ~= _G and g.pairs == pairs and rt(_G) == _G)\n";

static const char the_shortest_name_is_taken[] =
    "package.loaded.a_very_long_module = {twice = print, f = os.clock}\n"
    "assert(encode('item', print):find('_G.print') and encode('item', os.clock):find('os.clock'))\n"
    "assert(encode('item', string):find('\\x06string', 1, true))\n";

static const char metatables[] =
    "Point = {}\n"
    "Point.__index = Point\n"
    "function Point:len() return self.x end\n"
    "local p = rt(setmetatable({x = 3}, Point))\n"
    "assert(getmetatable(p) == Point and p:len() == 3)\n"
    "local list = {}\n"
    "for i = 1, 100 do list[i] = setmetatable({x = i}, Point) end\n"
    "list = rt(list)\n"
    "for i = 1, 100 do assert(getmetatable(list[i]) == Point and list[i].x == i) end\n"
    "local r = rt{setmetatable({p = Point}, Point)}\n"
    "assert(r[1].p == Point)\n"
    "local copy, q = rt(Point, setmetatable({}, Point))\n" /* a table of data first */
    "assert(getmetatable(q) == Point and copy ~= Point)\n"
    "package.loaded.shapes = {Circle = {}, f = print}\n"
    "r = rt(setmetatable({}, package.loaded.shapes.Circle))\n"
    "assert(getmetatable(r) == package.loaded.shapes.Circle)\n"
    "local Private = {__index = {hello = function() return 'hi' end}, __metatable = 'no'}\n"
    "local a, b = rt(setmetatable({}, Private), setmetatable({}, Private))\n"
    "assert(a.hello() == 'hi' and getmetatable(a) == 'no')\n"
    "assert(debug.getmetatable(a) == debug.getmetatable(b) and debug.getmetatable(a) ~= Private)\n"
    "local own = {}\n"
    "own.__index = own\n"
    "r = rt(setmetatable(own, own))\n"
    "assert(debug.getmetatable(r) == r and r.__index == r)\n"
    "local many = {}\n"
    "for i = 1, 50 do many[i] = setmetatable({}, {i = i}) end\n"
    "many = rt(many)\n"
    "for i = 1, 50 do assert(getmetatable(many[i]).i == i) end\n";

static const char metamethods_do_not_run[] =
    "local function boom() error 'a metamethod ran' end\n"
    "local meta = {__index = boom, __newindex = boom, __len = boom, __pairs = boom, __eq = boom,\n"
    "  __tostring = boom, __call = boom, __close = boom, __name = 'x'}\n"
    "local r = rt(setmetatable({1, 2, k = setmetatable({}, meta)}, meta))\n"
    "assert(rawget(r, 2) == 2 and getmetatable(rawget(r, 'k')) == getmetatable(r))\n"
    "setmetatable(_G, {__index = boom, __newindex = boom})\n"
    "local f = rt(print)\n"
    "setmetatable(_G, nil)\n"
    "assert(f == print)\n";

static const char finalizers_see_whole_tables[] =
    "seen = {}\n"
    "local class = {__gc = function(t) seen[#seen + 1] = t.name end}\n"
    "local source = {setmetatable({name = 'a'}, class), setmetatable({name = 'b'}, class)}\n"
    "local t = rt(source)\n"
    "t = nil\n"
    "collectgarbage() collectgarbage()\n"
    "table.sort(seen)\n"
    "assert(table.concat(seen) == 'ab' and #source == 2)\n"
    "local weak = rt(setmetatable({[{}] = 1, x = 2}, {__mode = 'k'}))\n"
    "collectgarbage()\n"
    "assert(next(weak) == 'x' and next(weak, 'x') == nil)\n";

/* A finalizer sends something while a message is being made, again and again. */
static const char the_codec_may_be_entered_again[] =
    "collectgarbage('setpause', 1)\n"
    "collectgarbage('setstepmul', 1000)\n"
    "local runs = 0\n"
    "local function again()\n"
    "  setmetatable({}, {__gc = function()\n"
    "    runs = runs + 1\n"
    "    assert(rt{{runs}}[1][1] == runs)\n"
    "    if runs < 300 then again() end\n"
    "  end})\n"
    "end\n"
    "again()\n"
    "for i = 1, 200 do\n"
    "  local t = {}\n"
    "  for j = 1, 40 do t[j] = {j, f = function() return i end, {k = ('x'):rep(j * 10)}} end\n"
    "  local r = rt(t)\n"
    "  for j = 1, 40 do assert(r[j][1] == j and r[j].f() == i and #r[j][2].k == j * 10) end\n"
    "end\n"
    "assert(runs > 10)\n";

/* ---- handles ---- */

static const char handles[] =
    "local h = rt(handle(7))\n"
    "assert(h.n == 7)\n"
    "h = handle(9)\n"
    "local r = rt{h, {h}, k = handle(1 << 40), [h] = 1}\n"
    "assert(r[1].n == 9 and r[2][1] == r[1] and r.k.n == 1 << 40 and r[r[1]] == 1)\n"
    "fails('item.x[2]: the handle is closed', {x = {1, handle(13)}})\n"
    "local ok, message = pcall(rt, handle(14))\n"
    "assert(not ok and message == 'no such handle')\n"
    "a_global_handle = h\n"
    "assert(rt(h) ~= h)\n"; /* not by name */

/* ---- errors ---- */

static const char what_cannot_be_sent[] =
    "local co = coroutine.create(print)\n"
    "fails('item: a coroutine cannot be sent', co)\n"
    "fails('item 2: a coroutine cannot be sent', 1, co)\n"
    "fails('item 3.x: a coroutine cannot be sent', {}, 1, {x = co})\n"
    "fails('item.handlers[3]: a coroutine cannot be sent', {handlers = {1, 2, co}})\n"
    "fails('item[\"a key\"][1.5][true][-1]: a coroutine cannot be sent',\n"
    "  {['a key'] = {[1.5] = {[true] = {[-1] = co}}}})\n"
    "fails('item[\"\\\\\"\\\\\\\\\\\\000\\\\010\"]: a coroutine cannot be sent', {['\"\\\\\\0\\n'] "
    "= co})\n"
    "fails('item[\"' .. ('x'):rep(40) .. '...\"]: a coroutine cannot be sent', {[('x'):rep(99)] = "
    "co})\n"
    "fails('item[\"' .. ('x'):rep(39) .. '...\"]: a coroutine cannot be sent',\n"
    "  {[('x'):rep(39) .. 'äää'] = co})\n"
    "fails('item: key (a coroutine) cannot be sent', {[co] = 1})\n"
    "fails('item.a key (a table)[1]: a coroutine cannot be sent', {a = {[{co}] = 1}})\n"
    "fails('item metatable.__index: a coroutine cannot be sent', setmetatable({}, {__index = "
    "co}))\n"
    "fails('item.x metatable.y: a coroutine cannot be sent', {x = setmetatable({}, {y = co})})\n"
    "fails('item[sandbox.null]: a coroutine cannot be sent', {[null] = co})\n"
    "local file <close> = io.tmpfile()\n"
    "local db = file\n"
    "fails(\"item[2].cb upvalue 'db': a FILE* (userdata) cannot be sent\",\n"
    "  {0, {cb = function() return db end}})\n"
    "global_file = file\n"
    "fails('item: a FILE* (userdata) cannot be sent', file)\n"
    "local t = {co}\n"
    "fails(\"item upvalue 't'[1]: a coroutine cannot be sent\", function() return t end)\n"
    "fails('item: a function written in C that has no name cannot be sent '\n"
    "  .. '(it would have to be a global or a field of a loaded module)', string.gmatch('', ''))\n"
    "local ok, message = pcall(encode, 'result', {handle(13)})\n"
    "assert(message == 'result[1]: the handle is closed')\n";

static const char long_paths_are_cut[] = "local list = {coroutine.create(print)}\n"
                                         "for i = 1, 100000 do list = {next = list} end\n"
                                         "local n = ('.next'):rep(8)\n"
                                         "fails('item' .. n .. ' ...(99984 levels)... ' .. n .. "
                                         "'[1]: a coroutine cannot be sent', list)\n"
                                         "local key = ('\\1'):rep(100)\n"
                                         "list = {coroutine.create(print)}\n"
                                         "for i = 1, 50 do list = {[key] = list} end\n"
                                         "local ok, message = pcall(encode, 'item', list)\n"
                                         "assert(not ok and #message < 8000 and message:find(': a "
                                         "coroutine cannot be sent', 1, true))\n";

static void other_light_userdata_cannot_be_sent(void **state) {
  (void)state;
  lua_State *L = fixture_open();
  lua_pushlightuserdata(L, L);
  lua_setglobal(L, "light");
  fixture_run(L, "fails('item.x: a light userdata cannot be sent', {x = light})\n"
                 "fails('item: a light userdata cannot be sent', light)\n");
  fixture_close(L);
}

/* ---- two processes ---- */

/*
 * Encode what `script` returns in one state, decode it in another that ran `there`: the outcome of
 * `check`.
 */
static void across(const char *here, const char *there, const char *check) {
  lua_State *from = fixture_open(), *to = fixture_open();
  fixture_run(from, here);
  fixture_run(to, there);
  size_t len;
  const char *bytes = lua_tolstring(from, -1, &len);
  assert_non_null(bytes);
  lua_pushlstring(to, bytes, len);
  lua_setglobal(to, "bytes");
  fixture_run(to, check);
  lua_close(from);
  fixture_close(to);
}

static void names_mean_what_the_receiver_has(void **state) {
  (void)state;
  const char *object = "Point = {}; return encode('item', setmetatable({x = 1}, Point))";
  across(object, "Point = {}", "assert(getmetatable(decode(bytes)) == Point)");
  across(object, "",
         "local ok, e = pcall(decode, bytes)\n"
         "assert(e == \"the message needs the global 'Point', which this process does not have: "
         "define \"\n"
         "  .. 'it before the receiving process is spawned', e)");
  across(object, "Point = 1",
         "local ok, e = pcall(decode, bytes)\n"
         "assert(e:find '^malformed message: a metatable that is not a table', e)");
  across("package.loaded['a.b'] = {f = print, g = os.time}; os.time = nil; "
         "return encode('item', package.loaded['a.b'].g)",
         "",
         "local ok, e = pcall(decode, bytes)\n"
         "assert(e == \"the message needs 'a.b.g', which this process does not have: require 'a.b' "
         "\"\n"
         "  .. 'before the receiving process is spawned', e)");
  across("package.loaded.m = {f = print}; return encode('item', {package.loaded.m})", "",
         "local ok, e = pcall(decode, bytes)\n"
         "assert(e == \"the message needs the module 'm', which this process has not loaded: "
         "require it \"\n"
         "  .. 'before the receiving process is spawned', e)");
  across("return encode('item', function() return 6 * x end)", "x = 7",
         "assert(decode(bytes)() == 42)");
}

/* Strings that agree in their first eight bytes, in their last eight, or in both; of all lengths; more than are kept. */
static const char keys[] =
    "local list = {}\n"
    "for n = 0, 20 do\n"
    "  for _, c in ipairs {'a', '\\0', '\\xff'} do\n"
    "    local s = c:rep(n)\n"
    "    list[#list + 1] = s\n"
    "    for i = 1, n do list[#list + 1] = s:sub(1, i - 1) .. 'b' .. s:sub(i + 1) end\n"
    "  end\n"
    "end\n"
    "for i = 1, 100 do list[#list + 1] = 'key' .. i end\n"
    "for _, each in ipairs {1, 2, 3, 32, 33, 200} do\n" /* keys in a table */
    "  for _ = 1, 3 do\n"
    "    for i = 1, #list - each, 1 + each // 3 do\n"
    "      local t, n = {}, 0\n"
    "      for j = i, i + each - 1 do t[list[j]] = j end\n"
    "      local r = rt({t, {[list[i]] = list[i]}})\n"
    "      for k, v in pairs(r[1]) do assert(t[k] == v) n = n + 1 end\n"
    "      for _ in pairs(t) do n = n - 1 end\n"
    "      assert(n == 0 and r[2][list[i]] == list[i])\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local r = rt({id = 1, list = {{id = 2, name = 'x'}, {id = 3, name = 'y'}}})\n"
    "assert(r.id == 1 and r.list[1].id == 2 and r.list[2].id == 3 and r.list[2].name == 'y')\n";

static void a_collection_at_any_moment_is_harmless(void **state) {
  (void)state;
  lua_State *L = fixture_open();
  fixture_run(L, "collectgarbage('generational') collectgarbage('generational', 1, 1)");
  fixture_run(L, tables);
  fixture_run(L, keys);
  fixture_run(L, "collectgarbage('incremental', 1, 1000, 1)");
  fixture_run(L, tables);
  fixture_close(L);
}

static const char lists[] =
    "local function check(list, n, first)\n"
    "  first = first or 1\n"
    "  local r = {'before'}\n"
    "  assert(decode_list(assert(encode_list(list, first, n)), r, 2) == n)\n"
    "  assert(r[1] == 'before' and r[n + 2] == nil)\n"
    "  for i = 1, n do\n"
    "    local a, b = list[first + i - 1], r[i + 1]\n"
    "    assert(a == b and math.type(a) == math.type(b), ('%d: %s, %s'):format(i, a, b))\n"
    "  end\n"
    "end\n"
    "check({}, 0)\n"
    "check({nil, nil}, 3)\n"
    "check({1, 'x', 2.0, true, false, null, nil, ('y'):rep(1000), -1, 3, nil, 5}, 14)\n"
    "for _, n in ipairs {1, 63, 64, 65, 127, 128, 129, 1000} do\n" /* the ends of runs */
    "  for _, top in ipairs {1, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000,\n"
    "                        math.maxinteger} do\n"
    "    local list = {}\n"
    "    for i = 1, n do list[i] = i % 3 == 0 and top or i % 3 == 1 and -top - 1 or 0 end\n"
    "    check(list, n)\n"
    "    check(list, n // 2, n - n // 2 + 1)\n"
    "    for i = 7, n, 7 do list[i] = i % 2 == 0 and i + 0.0 or 's' .. i end\n"
    "    check(list, n)\n"
    "  end\n"
    "end\n"
    "local list = {}\n"
    "for i = 1, 5000 do list[i] = i end\n"
    "assert(#encode_list(list, 1, 5000) < 2.1 * 5000)\n" /* two bytes each */
    "for _, x in ipairs {{}, print, function() end, coroutine.create(print), handle(1),\n"
    "                    io.stdout} do\n"
    "  for _, at in ipairs {1, 100, 5000} do\n"
    "    local was = list[at]\n"
    "    list[at] = x\n"
    "    assert(not encode_list(list, 1, 5000))\n"
    "    list[at] = was\n"
    "  end\n"
    "end\n"
    "local asked = setmetatable({1}, {__index = error, __newindex = error})\n"
    "assert(not encode_list(asked, 1, 2))\n"
    "assert(decode_list(encode_list({1, 2}, 1, 2), asked, 1) == 2 and rawget(asked, 2) == 2)\n";

/* Two collections: of what has a finalizer, the first one only runs it. */
static size_t used_at_least(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  return memory.used;
}

/* Memory is as before: the strings are gone, and a second time changes nothing. */
static void keys_are_forgotten(void **state) {
  (void)state;
  lua_State *L = fixture_open();
  size_t used[3];
  for (int i = 0; i < 3; i++) {
    codec_forget(L);
    used[i] = used_at_least(L);
    fixture_run(L, "for i = 1, 40 do rt({['a key ' .. i] = {['of ' .. i] = i}}) end");
    assert_true(used_at_least(L) > used[i]); /* else nothing was kept */
    assert_int_equal(lua_gettop(L), 0);
  }
  assert_int_equal(used[1], used[2]); /* the first time also makes room for strings */
  fixture_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SCRIPT("scalars", scalars),
      SCRIPT("strings", strings),
      SCRIPT("several values", several_values),
      SCRIPT("tables", tables),
      SCRIPT("identity", identity),
      SCRIPT("deep list", deep_list),
      SCRIPT("inside a coroutine", inside_a_coroutine),
      SCRIPT("functions", functions),
      SCRIPT("functions keep debug information", functions_keep_debug_information),
      SCRIPT("functions use the globals of the receiver",
             functions_use_the_globals_of_the_receiver),
      SCRIPT("by name", by_name),
      SCRIPT("names follow changes", names_follow_changes),
      SCRIPT("the shortest name is taken", the_shortest_name_is_taken),
      SCRIPT("metatables", metatables),
      SCRIPT("metamethods do not run", metamethods_do_not_run),
      SCRIPT("finalizers see whole tables", finalizers_see_whole_tables),
      SCRIPT("the codec may be entered again", the_codec_may_be_entered_again),
      SCRIPT("handles", handles),
      SCRIPT("what cannot be sent", what_cannot_be_sent),
      SCRIPT("long paths are cut", long_paths_are_cut),
      SCRIPT("lists", lists),
      SCRIPT("keys", keys),
      cmocka_unit_test_setup(other_light_userdata_cannot_be_sent, fixture_reset),
      cmocka_unit_test_setup(names_mean_what_the_receiver_has, fixture_reset),
      cmocka_unit_test_setup(a_collection_at_any_moment_is_harmless, fixture_reset),
      cmocka_unit_test_setup(keys_are_forgotten, fixture_reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
