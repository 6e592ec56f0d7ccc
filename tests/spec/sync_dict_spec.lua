-- Shared tables.
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

local function contents(d)
  local t = {}
  for k, v in pairs(d) do
    assert(t[k] == nil, "twice")
    t[k] = v
  end
  return t
end

describe("a dict", function()
  it("is a table that all share", function()
    local d = sandbox.dict { ann = 30, [1] = "one", [2.5] = true, [false] = { "x" } }
    assert.are.equal(4, #d)
    results(spawn(function()
      assert(d.ann == 30 and d[1] == "one" and d[1.0] == "one" and d[2.5] == true and d[false][1] == "x")
      d.bob = { age = 25 }
      d.ann = nil
      d[1] = "uno"
      d["1"] = "text"
      d.none = nil
    end))
    assert.are.same({ [1] = "uno", ["1"] = "text", [2.5] = true, [false] = { "x" }, bob = { age = 25 } }, contents(d))
    assert.are.equal(5, #d)
    assert.is_nil(d.ann)
    assert.is_nil(d.never)
    assert.is_nil(d[nil])
    assert.is_nil(d[0 / 0])
    assert.are.same({}, contents(sandbox.dict()))
    assert.are.equal(0, #sandbox.dict {})
  end)

  it("does as a table does, whatever is done", function()
    math.randomseed(7)
    local d, t, n = sandbox.dict(), {}, 0
    for step = 1, 5000 do
      local key = ({ "k" .. math.random(60), math.random(60), math.random(60) / 4, ("long"):rep(40) .. math.random(9) })[math.random(4)]
      if math.random(3) == 1 then
        d[key], t[key] = nil, nil
      else
        local v = ({ step, "v" .. step, ("x"):rep(math.random(3000)), { step } })[math.random(4)]
        d[key], t[key] = v, v
      end
      assert.are.same(t[key], d[key])
      if step % 500 == 0 then
        n = 0
        for _ in pairs(t) do n = n + 1 end
        assert.are.equal(n, #d)
        assert.are.same(t, contents(d))
      end
    end
    assert.is_true(n > 50)
  end)

  it("holds a hundred thousand keys", function()
    local d, n = sandbox.dict(), 100000
    for i = 1, n do d[i] = i end
    assert.are.equal(n, #d)
    local sum = 0
    for k, v in pairs(d) do
      assert(k == v)
      sum = sum + v
    end
    assert.are.equal(n * (n + 1) // 2, sum)
    local a, b = results(spawn(function() return d[1], d[n] end))
    assert.are.equal(1, a)
    assert.are.equal(n, b)
    for i = 1, n do d[i] = nil end
    assert.are.equal(0, #d)
    assert.are.same({}, contents(d))
  end)

  it("loses no key, whoever writes at the same time", function()
    local d, ps = sandbox.dict(), {}
    for p = 1, 4 do
      ps[p] = spawn(function()
        for i = 1, 500 do
          d[p .. ":" .. i] = i
          d.last = p
        end
      end)
    end
    for p = 1, 4 do results(ps[p]) end
    assert.are.equal(2001, #d)
    for p = 1, 4 do
      for i = 1, 500 do assert.are.equal(i, d[p .. ":" .. i]) end
    end
  end)

  it("is gone through as it was at the beginning", function()
    local d, seen = sandbox.dict { a = 1, b = 2, c = 3 }, 0
    for k in pairs(d) do
      seen = seen + 1
      d[k] = nil
      d[k .. "!"] = 1
    end
    assert.are.equal(3, seen)
    assert.are.same({ ["a!"] = 1, ["b!"] = 1, ["c!"] = 1 }, contents(d))
  end)

  it("is updated by a function, key by key, in one step", function()
    local d, ps = sandbox.dict(), {}
    for i = 1, 4 do
      ps[i] = spawn(function()
        for _, word in ipairs { "to", "be", "or", "not", "to", "be" } do
          for _ = 1, 50 do d:update(word, function(n) return (n or 0) + 1 end) end
        end
      end)
    end
    for i = 1, 4 do results(ps[i]) end
    assert.are.same({ to = 400, be = 400, ["or"] = 200, ["not"] = 200 }, contents(d))
    assert.are.equal(5, d:update("to", function() return 5 end))
    assert.is_nil(d:update("to", function() return nil end))
    assert.is_nil(d.to)
    assert.are.equal(3, #d)
  end)

  it("is as it was when an update fails or its process is killed", function()
    local d, inside = sandbox.dict { a = 1 }, queue()
    raises("boom", function() d:update("a", function() error("boom") end) end)
    raises("the function returned nothing", function() d:update("a", function() end) end)
    raises("value: a coroutine cannot be sent", function() d:update("a", function() return coroutine.create(print) end) end)
    d:update("a", function(v)
      raises("the function that updates it must not change it", function() d.b = 1 end)
      raises("the function that updates it must not change it", function() d:update("b", print) end)
      assert.are.equal(1, d.a)
      return v + 1
    end)
    local p = spawn({ quiet = true }, function() d:update("a", function() inside:put(1) sleep(1000) return 0 end) end)
    inside:get()
    local w = spawn(function() d.b = "after" end)
    sync.await_waiting(d, 1)
    assert.are.equal(2, d.a)
    sync.kill(p)
    results(w)
    assert.are.same({ a = 2, b = "after" }, contents(d))
  end)

  it("takes strings of any bytes as keys, and no other types", function()
    local d = sandbox.dict()
    for _, k in ipairs { "", "\0", "a\0b", ("x"):rep(100000), "\xff" } do
      d[k] = #k
      assert.are.equal(#k, d[k])
    end
    assert.are.equal(5, #d)
    raises("a table cannot be a key of a dict (strings, numbers and booleans can)", function() d[{}] = 1 end)
    raises("a table cannot be a key of a dict", function() return d[{}] end)
    raises("a function cannot be a key of a dict", function() sandbox.dict { [print] = 1 } end)
    raises("nil cannot be a key of a dict", function() d[nil] = 1 end)
    raises("the key is NaN", function() d[0 / 0] = 1 end)
    raises("the key 'update' cannot be used", function() d.update = 1 end)
    raises("value: a coroutine cannot be sent", function() d.x = coroutine.create(print) end)
    raises("table expected, got number", function() sandbox.dict(5) end)
    raises("unknown option 'n'", function() sandbox.dict(nil, { n = 1 }) end)
    raises("function expected", function() d:update("x") end)
    assert.are.equal(5, #d)
    assert.is_truthy(tostring(sandbox.dict({ 1 }, { name = "ages" })):match("^dict: ages#%d+ %(1 key%)$"))
  end)

  it("keeps what its values name, until they are replaced", function()
    local d = sandbox.dict()
    results(spawn(function()
      for i = 1, 10 do
        local q = queue()
        q:put(i)
        d[i] = { q }
      end
    end))
    collectgarbage()
    for i = 1, 10 do assert.are.equal(i, d[i][1]:peek()) end
    for i, v in pairs(d) do assert.are.equal(i, v[1]:get(0)) end
    for i = 1, 20000 do
      d[i % 7] = { sandbox.lock() }
      if i % 1000 == 0 then collectgarbage() end
    end
    for _ = 1, 12000 do
      local other = sandbox.dict { sandbox.lock() }
      assert.is_true(other[1]:acquire(0))
    end
  end)

  it("travels, and is one in every process", function()
    local q, d = queue(), sandbox.dict()
    local p = spawn(function() q:get().answer = 42 end)
    q:put(d)
    results(p)
    assert.are.equal(42, d.answer)
    q:put({ d })
    assert.is_true(q:get()[1] == d)
  end)

  it("stays small when one key is set again and again", function()
    local d = sandbox.dict { other = ("x"):rep(10000) }
    for i = 1, 20000 do d.hot = ("y"):rep(i % 500) end
    assert.are.equal(2, #d)
    assert.are.equal(10000, #d.other)
    assert.are.equal(0, #d.hot)
  end)
end)

describe("numbers of a dict", function()
  it("are added to in one step, from 0", function()
    local d = sandbox.dict { a = 1, text = "x" }
    assert.are.equal(3, d:add("a", 2))
    assert.are.equal(-1, d:add("new", -1))
    assert.are.equal("float", math.type(d:add("a", 0.5)))
    assert.are.equal(3.5, d.a)
    assert.are.equal(math.mininteger, sandbox.dict { max = math.maxinteger }:add("max", 1))
    assert.are.same({ a = 3.5, new = -1, text = "x" }, contents(d))
    raises("add: the value is not a number", function() d:add("text", 1) end)
    raises("number expected", function() d:add("a") end)
    raises("the key is NaN", function() d:add(0 / 0, 1) end)
    local ps = {}
    for i = 1, 4 do ps[i] = spawn(function() for k = 1, 100 do d:add(k % 5, 1) end end) end
    assert.is_true(sandbox.join_all(ps, sync.limit))
    for k = 0, 4 do assert.are.equal(80, d[k]) end
    d:update("update", function() return 1 end) -- as a key that is an argument
    assert.are.equal(3, d:add("update", 2))
  end)

  it("keep their kind", function()
    local d = sandbox.dict { i = 2, f = 2.0, nan = 0 / 0, zero = -0.0 }
    assert.are.equal("integer", math.type(d.i))
    assert.are.equal("float", math.type(d.f))
    assert.is_true(d.nan ~= d.nan)
    assert.are.equal(-math.huge, 1 / d.zero)
    for k, v in pairs(d) do assert.are.equal(math.type(d[k]), math.type(v)) end
  end)
end)

describe("cas of a dict", function()
  it("exchanges what is as expected; nil is no entry", function()
    local d = sandbox.dict { a = 1, t = { 1, { 2 } } }
    assert.are.same({ true }, { d:cas("a", 1.0, "one") })
    assert.are.same({ false, "one" }, { d:cas("a", 1, 2) })
    assert.are.same({ true }, { d:cas("a", "one", nil) })
    assert.is_nil(d.a)
    assert.are.same({ false, nil }, { d:cas("a", "one", 3) })
    assert.are.same({ true }, { d:cas("a", nil, 3) })
    assert.are.same({ false, 3 }, { d:cas("a", nil, 4) })
    assert.are.same({ true }, { d:cas("t", { 1, { 2 } }, queue()) })
    assert.are.same({ false, d.t }, { d:cas("t", 5, 5) })
    assert.are.same({ true }, { d:cas("never", nil, nil) })
    assert.are.equal(2, #d)
    raises("value expected", function() d:cas("a") end)
  end)

  it("gives a place to one of many", function()
    local d, ps = sandbox.dict(), {}
    for i = 1, 8 do ps[i] = spawn(function() return (d:cas("chair", nil, i)) end) end
    local taken = 0
    for i = 1, 8 do taken = taken + (results(ps[i]) and 1 or 0) end
    assert.are.equal(1, taken)
  end)
end)

describe("wait_for of a dict", function()
  it("returns what fits at a key, and minds no other", function()
    local d = sandbox.dict { a = 1 }
    assert.are.equal(1, d:wait_for("a", function(v) return v end, 0))
    assert.are.same({ nil, "timeout" }, { d:wait_for("b", function(v) return v end, 0.01) })
    local asked = 0
    local p = spawn(function()
      local v = d:wait_for("b", function(v) asked = asked + 1 return v == "go" end)
      return v, asked
    end)
    sync.await_waiting(d, 1)
    for i = 1, 50 do d.a = i end
    d.c = "go"
    d.b = "go"
    local v, times = results(p)
    assert.are.same({ "go", 2 }, { v, times })
    p = spawn(function() return d:wait_for("b", function(v) return v == nil end) == nil end)
    sync.await_waiting(d, 1)
    d.b = nil
    assert.is_true(results(p))
    p = spawn(function() return d:wait_for("n", function(v) return v == 3 end) end)
    for _ = 1, 3 do d:add("n", 1) end
    assert.are.equal(3, (results(p)))
    p = spawn(function() return d:wait_for("x", function(v) return v and v.y end).y end)
    d:cas("x", nil, { y = 7 })
    assert.are.equal(7, (results(p)))
    p = spawn(function() return #d:wait_for(("key"):rep(50), function(v) return v end) end)
    d[("key"):rep(50)] = ("z"):rep(100000)
    assert.are.equal(100000, (results(p)))
    raises("function expected", function() d:wait_for("a") end)
  end)
end)
