-- Values that cross between processes: through queues, both ways, and as results. (The codec itself: tests/unit.)
local T = 20

-- A global that both sides have. (busted gives a file globals of its own; these are the real ones.)
local Point = { x = 0, y = 0 }
Point.__index = Point
_G.Point = Point
function Point.__add(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Point) end
function Point.__eq(a, b) return a.x == b.x and a.y == b.y end

-- A process that sends back what it gets, after it has really decoded it.
local to, from, echo

setup(function()
  to, from = queue(), queue()
  echo = spawn(function() for v in to:items() do from:put(v) end end)
end)

teardown(function()
  to:close()
  _G.Point = nil
  assert(echo:join(T))
end)

-- There and back, and as a result of a child.
local function round(v)
  to:put(v)
  local back = from:get(T)
  return back, (spawn(function() return v end):result(T))
end

local function each(v, check)
  local a, b = round(v)
  check(a)
  check(b)
end

describe("between processes,", function()
  it("integers and floats are exact", function()
    for _, v in ipairs { 0, 1, -1, 127, 128, 255, 256, 2 ^ 31 | 0, -2 ^ 31 | 0, math.maxinteger, math.mininteger,
      0.1, -1.5, 1e308, 5e-324, math.huge, -math.huge, 2 ^ 53, 1.0 } do
      to:put(v)
      local back = from:get(T)
      assert.are.equal(v, back)
      assert.are.equal(math.type(v), math.type(back))
    end
  end)

  it("NaN stays NaN, and -0.0 is not 0.0", function()
    each(0 / 0, function(v) assert.is_true(v ~= v) end)
    each(-0.0, function(v) assert.are.equal(-math.huge, 1 / v) end)
  end)

  it("booleans and null", function()
    for _, v in ipairs { true, false, sandbox.null } do each(v, function(back) assert.are.equal(v, back) end) end
  end)

  it("null tells its name, and other light userdata their address", function()
    each(sandbox.null, function(back) assert.are.equal("sandbox.null", tostring(back)) end)
    assert.are.equal("sandbox.null", ("%s"):format(sandbox.null))
    assert.is_false(getmetatable(sandbox.null))
    local upvalue = debug.upvalueid(function() return each end, 1)
    assert.are.equal(("userdata: %p"):format(upvalue), tostring(upvalue))
  end)

  it("strings of any bytes and any size", function()
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    local all = table.concat(bytes)
    for _, v in ipairs { "", "\0", all, all:rep(1000), ("x"):rep(32 << 20) } do
      each(v, function(back) assert.is_true(v == back) end)
    end
  end)

  it("several results with nils among them", function()
    local p = spawn(function() return nil, 1, nil, nil end)
    assert.are.same({ n = 5, true, nil, 1, nil, nil }, table.pack(p:join(T)))
  end)

  it("250 results", function()
    local got = table.pack(spawn(function()
      local t = {}
      for i = 1, 250 do t[i] = i end
      return table.unpack(t)
    end):result(T))
    assert.are.equal(250, got.n)
    for i = 1, 250 do assert.are.equal(i, got[i]) end
  end)

  it("tables: arrays, holes, mixed keys, nested", function()
    local v = { 1, 2, nil, 4, x = { y = { z = "deep" } }, [1.5] = "float", [true] = "boolean", [-3] = "negative",
      [math.maxinteger] = "far", [""] = "empty", ["a\0b"] = "zero" }
    each(v, function(back) assert.are.same(v, back) end)
  end)

  it("cycles and shared references, also as keys (fault 31)", function()
    local shared = { "shared" }
    local v = { a = shared, b = shared, list = { shared } }
    v.self = v
    v[shared] = "by key"
    v.inner = { up = v }
    each(v, function(back)
      assert.are.equal(back.a, back.b)
      assert.are.equal(back.a, back.list[1])
      assert.are.equal(back, back.self)
      assert.are.equal(back, back.inner.up)
      assert.are.equal("by key", back[back.a])
      assert.are_not.equal(shared, back.a)
    end)
  end)

  it("a list nested 100,000 deep (fault 31)", function()
    local v
    for i = 1, 100000 do v = { i, v } end
    each(v, function(back)
      for i = 100000, 1, -1 do
        if back[1] ~= i then error("wrong at " .. i) end
        back = back[2]
      end
      assert.is_nil(back)
    end)
  end)

  it("results share references, too", function()
    local t = { 1 }
    local a, b = spawn(function() return t, { t } end):result(T)
    assert.are.equal(a, b[1])
  end)

  it("each message is a copy of its own", function()
    local t = { n = 1 }
    local q = queue()
    q:put(t) q:put(t)
    t.n = 2
    local a, b = q:get(), q:get()
    assert.are.same({ 1, 1 }, { a.n, b.n })
    assert.are_not.equal(a, b)
  end)

  it("functions with upvalues that two of them share", function()
    local n = 10
    local v = { up = function() n = n + 1 return n end, get = function() return n end }
    each(v, function(back)
      assert.are.equal(11, back.up())
      assert.are.equal(12, back.up())
      assert.are.equal(12, back.get())
    end)
    assert.are.equal(10, n, "the sender's stays")
  end)

  it("functions that know themselves, their globals and their lines", function()
    local function fib(k) return k < 2 and k or fib(k - 1) + fib(k - 2) end
    each(fib, function(back)
      assert.are.equal(55, back(10))
      assert.are.equal(debug.getinfo(fib, "S").linedefined, debug.getinfo(back, "S").linedefined)
      assert.are.equal(debug.getinfo(fib, "S").short_src, debug.getinfo(back, "S").short_src)
    end)
    to:put(load("return string.format('%d', 42), Point", "=chunk", "t"))
    local text, point = from:get(T)()
    assert.are.equal("42", text)
    assert.are.equal(Point, point, "globals are those of the receiver")
  end)

  it("C functions and libraries by name", function()
    each({ print, string.rep, math, _G, io.stdout }, function(back)
      assert.are.equal(print, back[1])
      assert.are.equal(string.rep, back[2])
      assert.are.equal(math, back[3])
      assert.are.equal(_G, back[4])
      assert.are.equal(io.stdout, back[5])
    end)
  end)

  it("metatables with a name are the receiver's own", function()
    each(setmetatable({ x = 1, y = 2 }, Point), function(back)
      assert.are.equal(Point, getmetatable(back))
      assert.is_true(back + back == setmetatable({ x = 2, y = 4 }, Point))
    end)
  end)

  it("metatables without a name go by value", function()
    local mt = { __index = function(_, k) return k .. "!" end, __name = "Local" }
    each(setmetatable({ a = 1 }, mt), function(back)
      assert.are.equal("hello!", back.hello)
      assert.are.equal(1, back.a)
      assert.are_not.equal(mt, getmetatable(back))
    end)
  end)

  it("no metamethod runs on the way", function()
    local function never() error("a metamethod ran") end
    local guard = { __index = never, __newindex = never, __pairs = never, __len = never, __call = never,
      __eq = never, __tostring = never, __concat = never, __close = never }
    to:put(setmetatable({ 1, 2, a = 3 }, guard))
    local back = from:get(T)
    assert.are.equal(2, rawlen(back))
    assert.are.equal(3, rawget(back, "a"))
  end)

  it("a failure keeps its type when it travels", function()
    local _, failure = spawn({ quiet = true, name = "x" }, error, "boom", 0):join(T)
    each(failure, function(back)
      assert.are.equal(sandbox.failure, getmetatable(back))
      assert.are.equal(tostring(failure), tostring(back))
    end)
  end)

  it("tables of many entries and many tables", function()
    local v = {}
    for i = 1, 20000 do v[i] = { id = i, name = "n" .. i } end
    for i = 1, 5000 do v["k" .. i] = i end
    each(v, function(back)
      assert.are.equal(20000, #back)
      for i = 1, 20000 do if back[i].id ~= i or back[i].name ~= "n" .. i then error("wrong at " .. i) end end
      for i = 1, 5000 do if back["k" .. i] ~= i then error("wrong at k" .. i) end end
    end)
  end)

  it("an item that cannot be decoded is an error in get, stays in hand, and comes once it can be", function()
    local q, ready, go = queue(), queue(), queue()
    local p = spawn(function() -- does not know Later
      ready:put(1)
      local ok, message = pcall(q.get, q, T)
      go:get(T)
      _G.Later = { __index = { greet = function() return "hello" end } }
      return ok, message, q:get(T):greet(), q:get(T)
    end)
    ready:get(T)
    _G.Later = { __index = { greet = function() return "hello" end } }
    q:put(setmetatable({}, Later)) q:put("next")
    go:put(1)
    local ok, message, greeting, after = p:result(T)
    _G.Later = nil
    assert.is_false(ok)
    assert.is_truthy(message:find("Later", 1, true), message)
    assert.is_truthy(message:find("define it before the receiving process is spawned", 1, true), message)
    assert.are.same({ "hello", "next" }, { greeting, after })
  end)

  it("what cannot be sent is told with its path, everywhere", function()
    local co = coroutine.create(print)
    local file <close> = assert(io.open("/dev/null"))
    for wanted, v in pairs {
      ["item: a coroutine cannot be sent"] = co,
      ["item[1]: a coroutine cannot be sent"] = { co },
      ["item.a.b[\"c d\"]: a coroutine cannot be sent"] = { a = { b = { ["c d"] = co } } },
      ["item.f: a FILE* (userdata) cannot be sent"] = { f = file },
      ["key (a coroutine) cannot be sent"] = { t = { [co] = true } },
      ["upvalue 'co': a coroutine cannot be sent"] = function() return co end,
      ["item metatable"] = setmetatable({}, { secret = co }),
    } do
      local ok, message = pcall(function() to:put(v) end)
      assert.is_false(ok)
      assert.is_truthy(message:find(wanted, 1, true), message)
    end
  end)
end)
