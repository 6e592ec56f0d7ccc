-- Shared values: each change is whole, whoever dies.
local sync = require "support.sync"
local rounds = require "support.rounds"
local raises, results = sync.raises, sync.results

describe("a value", function()
  it("holds whatever can be sent", function()
    local function f(n) return n + 1 end
    local q = queue()
    for _, v in ipairs { 1, -1.5, math.huge, math.mininteger, 0x7fffffffffffffff, "", "text", ("x"):rep(5000), true,
      false, sandbox.null } do
      local x = sandbox.value(v)
      assert.are.equal(v, x:get())
      assert.are.equal(math.type(v), math.type(x:get()))
    end
    local nan = sandbox.value(0 / 0):get()
    assert.is_true(nan ~= nan)
    assert.are.equal(-math.huge, 1 / sandbox.value(-0.0):get())
    assert.is_nil(sandbox.value():get())
    assert.is_nil(sandbox.value(nil):get())
    assert.are.equal(8, sandbox.value(f):get()(7))
    assert.are.same({ 1, { a = "b" } }, sandbox.value({ 1, { a = "b" } }):get())
    assert.is_true(sandbox.value(q):get() == q)
  end)

  it("is set by one and seen by all", function()
    local x = sandbox.value("old")
    results(spawn(function()
      assert(x:get() == "old")
      assert(x:set({ "new" }) == true)
    end))
    assert.are.same({ "new" }, x:get())
    x:set(nil)
    assert.is_nil(x:get())
  end)

  it("goes from small to large and back", function()
    local x = sandbox.value(0)
    for i = 1, 200 do
      local n = (i * 7919) % 40000
      local text = string.char(97 + i % 26):rep(n)
      x:set(text)
      assert.are.equal(text, x:get())
      if i % 5 == 0 then
        x:set(i)
        assert.are.equal(i, x:get())
      end
    end
  end)

  it("adds as Lua does", function()
    local x = sandbox.value(1)
    assert.are.equal(3, x:add(2))
    assert.are.equal("integer", math.type(x:add(-5)))
    assert.are.equal(-1.5, x:add(0.5))
    assert.are.equal(-1.5, x:get())
    x:set(math.maxinteger)
    assert.are.equal(math.mininteger, x:add(1))
    x:set("5")
    raises("add: the value is not a number", function() x:add(1) end)
    assert.are.equal("5", x:get())
  end)

  it("loses no addition", function()
    local x, ps = sandbox.value(0), {}
    for i = 1, 4 do ps[i] = spawn(function() for _ = 1, 5000 do x:add(1) end end) end
    for i = 1, 4 do results(ps[i]) end
    assert.are.equal(20000, x:get())
  end)

  it("is compared and set", function()
    local x = sandbox.value(1)
    assert.are.same({ true }, { x:cas(1, 2) })
    assert.are.same({ false, 2 }, { x:cas(1, 3) })
    assert.are.same({ true }, { x:cas(2.0, "two") }) -- numbers as Lua compares them
    assert.are.same({ false, "two" }, { x:cas("Two", 3) })
    assert.are.same({ true }, { x:cas("two", { 1 }) })
    assert.are.same({ true }, { x:cas({ 1 }, nil) })
    assert.are.same({ false, nil }, { x:cas(false, 1) })
    assert.are.same({ true }, { x:cas(nil, ("x"):rep(1000)) })
    assert.are.same({ false, ("x"):rep(1000) }, { x:cas(("x"):rep(999) .. "y", 1) })
    assert.are.same({ true }, { x:cas(("x"):rep(1000), ("y"):rep(2000)) })
    assert.are.same({ true }, { x:cas(("y"):rep(2000), 9007199254740993) })
    assert.are.same({ false, 9007199254740993 }, { x:cas(9007199254740992.0, 1) })
    x:set(0 / 0)
    assert.is_false((x:cas(0 / 0, 1)))
    x:set(math.maxinteger)
    assert.is_false((x:cas(2 ^ 63, 1)))
    x:set(-2 ^ 63)
    assert.is_true((x:cas(math.mininteger, 1)))
  end)

  it("gives a place to one of many by cas", function()
    for _ = 1, 20 do
      local x, ps, won = sandbox.value("free"), {}, 0
      for i = 1, 4 do ps[i] = spawn(function() return (x:cas("free", i)) end) end
      for i = 1, 4 do won = won + (results(ps[i]) and 1 or 0) end
      assert.are.equal(1, won)
    end
  end)

  it("refuses misuse, at the caller's line", function()
    local x = sandbox.value(1)
    raises("value expected", function() x:set() end)
    raises("number expected, got string", function() x:add("1") end)
    raises("number expected, got no value", function() x:add() end)
    raises("value expected", function() x:cas(1) end)
    raises("function expected", function() x:update(5) end)
    raises("value: a coroutine cannot be sent", function() x:set(coroutine.create(print)) end)
    raises("value.f[1]: a coroutine cannot be sent", function() x:set({ f = { coroutine.create(print) } }) end)
    raises("old: a coroutine cannot be sent", function() x:cas(coroutine.create(print), 1) end)
    raises("new: a coroutine cannot be sent", function() x:cas("a", coroutine.create(print)) end)
    raises("unknown option 'max'", function() sandbox.value(1, { max = 1 }) end)
    raises("table of options expected", function() sandbox.value(1, "x") end)
    raises("call methods with a colon", function() x.get() end)
    assert.are.equal(1, x:get())
  end)

  it("tells its state", function()
    assert.is_truthy(tostring(sandbox.value(42, { name = "n" })):match("^value: n#%d+ %(42%)$"))
    assert.is_truthy(tostring(sandbox.value("abc")):match("^value: value#%d+ %(%d+ bytes%)$"))
  end)
end)

describe("wait_for of a value", function()
  it("returns what fits, at once or when it comes", function()
    local x = sandbox.value(1)
    local function is(n) return function(v) return v == n end end
    assert.are.equal(1, x:wait_for(is(1), 0))
    assert.are.same({ nil, "timeout" }, { x:wait_for(is(2), 0) })
    assert.are.same({ nil, "timeout" }, { x:wait_for(is(2), 0.01) })
    local p = spawn(function() return x:wait_for(is(2)) end)
    sync.await_waiting(x, 1)
    x:set("2")
    x:set(2)
    assert.are.equal(2, (results(p)))
    p = spawn(function() return x:wait_for(function(v) return type(v) == "table" and #v == 3 and v[3] end) end)
    for i = 1, 3 do x:update(function(v) v = type(v) == "table" and v or {} v[i] = i return v end) end
    assert.are.same({ 1, 2, 3 }, (results(p)))
    assert.is_false(sandbox.value(false):wait_for(function(v) return v == false end))
    assert.is_nil(sandbox.value(nil):wait_for(function(v) return v == nil end))
    assert.is_truthy(sandbox.value(0 / 0):wait_for(function(v) return v ~= v end))
  end)

  it("is asked again after each change of whatever kind, also of large values and handles", function()
    local x, large = sandbox.value(0), ("x"):rep(100000)
    local q1, q2 = queue(), queue()
    local function await(what, change)
      local p = spawn(function() x:wait_for(function(v) return v == what end) return true end)
      sync.await_waiting(x, 1)
      change()
      assert.is_true(results(p))
    end
    await(1, function() x:add(1) end)
    await(1.5, function() x:set(1.5) end)
    await("a", function() x:cas(1.5, "a") end)
    await(large, function() x:set(large) end)
    await(large .. "y", function() x:update(function(v) return v .. "y" end) end)
    await(q1, function() x:set(q1) end)
    await(q2, function() x:set(q2) end)
  end)

  it("gets a copy", function()
    local x = sandbox.value { 1 }
    assert.are.same({ 1, 2 }, x:wait_for(function(v) v[2] = 2 return true end))
    assert.are.same({ 1 }, x:get())
  end)

  it("loses no wake-up", function()
    for _ in rounds(20) do
      local x, ps = sandbox.value(0), {}
      for i = 1, 4 do ps[i] = spawn(function() return x:wait_for(function(v) return v >= 400 end, sync.limit) end) end
      for i = 5, 8 do ps[i] = spawn(function() for _ = 1, 100 do x:add(1) end end) end
      for i = 1, 4 do assert.are.equal(400, (results(ps[i]))) end
      assert.is_true(sandbox.join_all(ps, sync.limit))
    end
  end)

  it("holds up no update, and no update holds it up", function()
    local x = sandbox.value(0)
    local waiter = spawn(function() return x:wait_for(function(v) return v == 3 end) end)
    sync.await_waiting(x, 1)
    local p = spawn(function() for _ = 1, 3 do x:update(function(v) sleep(0.02) return v + 1 end) end end)
    results(p)
    assert.are.equal(3, (results(waiter)))
  end)

  it("does not mind others being killed", function()
    local x = sandbox.value(0)
    local a = spawn({ quiet = true }, function() x:wait_for(function(v) return v > 0 end) end)
    local b = spawn(function() return x:wait_for(function(v) return v > 0 end) end)
    sync.await_waiting(x, 2)
    sync.kill(a)
    local p = spawn({ quiet = true }, function() x:update(function() sleep(1000) return 7 end) end)
    sync.await(function() return tostring(x):find("updated by", 1, true) end, "an update")
    sync.kill(p)
    x:add(1)
    assert.are.equal(1, (results(b)))
  end)

  it("has a function that may neither wait nor change what is shared", function()
    local x, y, q, l = sandbox.value(1), sandbox.value(2), queue(), sandbox.lock()
    for name, f in pairs {
      sleep = function() sleep(1) end,
      set = function() y:set(5) end,
      get = function() q:get(0) end,
      acquire = function() l:acquire() end,
      wait_for = function() x:wait_for(print) end,
      select = function() sandbox.select({ q }, 0) end,
      spawn = function() spawn(print) end,
      join = function() sandbox.self():join() end,
    } do
      local ok, message = pcall(x.wait_for, x, f)
      assert.is_false(ok)
      assert.is_truthy(message:find("may not wait, change what is shared", 1, true), name .. ": " .. message)
    end
    sleep(0) -- that is over
    assert.are.equal(1, x:wait_for(function() return #q == 0 and y:get() == 2 end))
  end)

  it("raises the errors of the function", function()
    local x = sandbox.value(1)
    local ok, err = pcall(x.wait_for, x, function() error({ code = 7 }) end)
    assert.are.same({ false, 7 }, { ok, err.code })
    sleep(0)
    raises("function expected", function() x:wait_for(1) end)
    raises("timeout cannot be negative", function() x:wait_for(print, -1) end)
  end)
end)

describe("the update of a value", function()
  it("is one step", function()
    local x, ps = sandbox.value({ n = 0 }), {}
    for i = 1, 4 do
      ps[i] = spawn(function()
        for _ = 1, 200 do x:update(function(t) t.n = t.n + 1 return t end) end
      end)
    end
    for i = 1, 4 do results(ps[i]) end
    assert.are.equal(800, x:get().n)
    assert.are.equal(7, x:update(function() return 7 end))
    assert.is_nil(x:update(function() return nil end))
    assert.is_nil(x:get())
  end)

  it("lets others know the value, but not change it, meanwhile", function()
    local x, inside, go = sandbox.value("old"), queue(), queue()
    local p = spawn(function()
      x:update(function(v)
        inside:put(1)
        go:get()
        return v .. " and new"
      end)
    end)
    inside:get()
    assert.are.equal("old", x:get())
    local setters = {
      spawn(function() x:update(function(v) return v .. ", updated" end) end),
      spawn(function() x:update(function(v) return v .. ", updated" end) end),
    }
    sync.await_waiting(x, 2)
    go:put(1)
    results(p)
    for _, s in ipairs(setters) do results(s) end
    assert.are.equal("old and new, updated, updated", x:get())
  end)

  it("that fails, or returns nothing, leaves it as it was, and the next goes on", function()
    local x = sandbox.value(5)
    raises("boom", function() x:update(function() error("boom") end) end)
    raises("update: the function returned nothing", function() x:update(function() end) end)
    raises("value: a coroutine cannot be sent", function() x:update(function() return coroutine.create(print) end) end)
    local ok, e = pcall(x.update, x, function() error({ code = 7 }) end)
    assert.is_false(ok)
    assert.are.equal(7, e.code)
    assert.are.equal(5, x:get())
    assert.are.equal(6, x:update(function(v) return v + 1 end))
  end)

  it("cannot be changed from inside", function()
    local x = sandbox.value(5)
    x:update(function(v)
      assert.are.equal(5, x:get())
      raises("the function that updates it must not change it", function() x:set(1) end)
      raises("the function that updates it must not change it", function() x:add(1) end)
      raises("the function that updates it must not change it", function() x:cas(5, 1) end)
      raises("the function that updates it must not change it", function() x:update(print) end)
      return v + 1
    end)
    assert.are.equal(6, x:get())
  end)

  it("whose process is killed has not happened, and the next goes on", function()
    local x, inside = sandbox.value(("a"):rep(1000)), queue()
    for _ = 1, 5 do
      local p = spawn({ quiet = true }, function() x:update(function() inside:put(1) sleep(1000) return "no" end) end)
      inside:get()
      local waiters = { spawn(function() x:update(function(v) return v .. "b" end) end), spawn(function() x:cas(1, 2) end) }
      sync.await_waiting(x, 2)
      sync.kill(p)
      for _, w in ipairs(waiters) do results(w) end
    end
    assert.are.equal(("a"):rep(1000) .. "bbbbb", x:get())
  end)
end)

-- Far more than there is room for at a time; sanitizers are slow.
local ROUNDS <const> = (os.getenv("SANDBOX_SANITIZED") or "") == "" and 20000 or 9000

describe("handles in a value", function()
  it("live as long as they are in it", function()
    local x = sandbox.value()
    results(spawn(function()
      local q = queue()
      q:put("inside")
      x:set({ q = q, l = sandbox.lock { name = "deep" } })
    end))
    collectgarbage()
    for _ = 1, 3 do
      assert.are.equal("inside", results(spawn(function() return x:get().q:peek() end)))
    end
    assert.is_truthy(tostring(x:get().l):find("deep", 1, true))
  end)

  it("go when they are replaced", function()
    local x = sandbox.value()
    for i = 1, ROUNDS do
      x:set({ sandbox.lock(), i })
      if i % 1000 == 0 then collectgarbage() end
    end
    for i = 1, ROUNDS do
      x:update(function(v)
        assert(v[1]:acquire(0))
        return { sandbox.lock(), ("x"):rep(i % 1000) }
      end)
      if i % 500 == 0 then collectgarbage() end
    end
    for _ = 1, ROUNDS do
      local y = sandbox.value({ sandbox.event() })
      assert.is_false(y:get()[1]:is_set())
    end
  end)
end)

describe("values are made and collected:", function()
  it("large ones, and their memory goes back", function()
    local text = ("x"):rep(1 << 20)
    for i in rounds(ROUNDS // 10) do
      local x = sandbox.value(text)
      if i % 100 == 0 then
        assert.are.equal(text, x:get())
        collectgarbage()
      end
    end
    for _ in rounds(20) do
      results(spawn({ quiet = true }, function()
        local list = {}
        for i = 1, 50 do list[i] = sandbox.value(text) end
      end))
    end
  end)
end)
