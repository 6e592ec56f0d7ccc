-- Arrays: numbers in shared memory.
local rounds = require "support.rounds"
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

local function text(a, from, to) return table.concat(a:copy(from, to), " ") end

describe("an array", function()
  it("begins with zeros, or with a list, and has its size and its kind for good", function()
    local a = sandbox.array(3)
    assert.are.equal(3, #a)
    assert.are.equal("0 0 0", text(a))
    assert.are.equal("integer", math.type(a[1]))
    local b = sandbox.array(2, "number")
    assert.are.equal("0.0 0.0", text(b))
    assert.are.equal("1 2 3", text(sandbox.array { 1, 2, 3 }))
    assert.are.equal("1.0 2.5", text(sandbox.array { 1, 2.5 }))
    assert.are.equal("1.0 2.0", text(sandbox.array({ 1, 2 }, "number")))
    assert.are.equal("1 2", text(sandbox.array({ 1.0, 2.0 }, "integer")))
    assert.are.equal(5000, #sandbox.array(5000))
  end)

  it("has numbers of its kind, converted as Lua does", function()
    local i, f = sandbox.array(2), sandbox.array(2, "number")
    i[1], f[1] = 3.0, 3
    assert.are.equal("integer", math.type(i[1]))
    assert.are.equal("float", math.type(f[1]))
    i[2] = math.maxinteger
    assert.are.equal(math.mininteger, i:add(2, 1)) -- as Lua's integers wrap around
    assert.are.equal(3.5, f:add(1, 0.5))
    f[2] = -math.huge
    assert.are.equal(-math.huge, f[2])
    f[2] = 0 / 0
    assert.are_not.equal(f[2], f[2])
    f[2] = -0.0
    assert.are.equal(-math.huge, 1 / f[2])
    i[1] = math.mininteger
    assert.are.equal(math.mininteger, i[1])
  end)

  it("adds, compares and sets, each in one step", function()
    local a = sandbox.array { 5, 5, 5 }
    assert.are.equal(7, a:add(2, 2))
    assert.are.equal(4, a:add(2, -3))
    assert.are.same({ false, 5 }, { a:cas(3, 4, 9) })
    assert.are.same({ true }, { a:cas(3, 5, 9) })
    assert.are.same({ true }, { a:cas(3, 9.0, 1) })
    assert.are.same({ false, 1 }, { a:cas(3, 1.5, 2) })
    assert.are.equal("5 4 1", text(a))
    local f = sandbox.array({ 0 / 0 }, "number")
    assert.is_false((f:cas(1, 0 / 0, 1))) -- NaN is equal to nothing
  end)

  it("fills, and copies a range", function()
    local a = sandbox.array { 1, 2, 3, 4 }
    assert.are.equal("2 3", text(a, 2, 3))
    assert.are.equal("3 4", text(a, 3))
    assert.are.equal("4", text(a, 4, 4))
    assert.are.same({}, a:copy(5))
    assert.are.same({}, a:copy(3, 2))
    assert.is_true(a:fill(7))
    assert.are.equal("7 7 7 7", text(a))
    local big = sandbox.array(100000)
    big:fill(3)
    local list, sum = big:copy(), 0
    for i = 1, #list do sum = sum + list[i] end
    assert.are.equal(300000, sum)
  end)

  it("loses no addition of processes that add at the same time", function()
    local a, f, ps, n = sandbox.array(3), sandbox.array(1, "number"), {}, rounds.count(5000)
    for i = 1, 4 do
      ps[i] = spawn(function()
        for k = 1, n do
          a:add(k % 3 + 1, 1)
          f:add(1, 0.5)
          repeat local old = a[1] until a:cas(1, old, old + 1)
        end
      end)
    end
    assert.is_true(sandbox.join_all(ps, sync.limit))
    assert.are.equal(4 * n * 2, a[1] + a[2] + a[3])
    assert.are.equal(2.0 * n, f[1])
  end)

  it("shows no fill that is half done, in copies", function()
    for _ in rounds(3) do
      local a, ps = sandbox.array(1000), {}
      for i = 1, 2 do
        ps[i] = spawn(function() for k = 1, 300 do a:fill(k) end end)
      end
      for i = 3, 4 do
        ps[i] = spawn(function()
          for _ = 1, 300 do
            local list = a:copy()
            for k = 2, #list do assert(list[k] == list[1], "half a fill") end
          end
        end)
      end
      for i = 1, 4 do results(ps[i]) end
    end
  end)

  it("keeps the order of what a process sets, in gets and in copies", function()
    local a, size = sandbox.array(20000), 20000 -- a copy takes a while: the first is copied before others set the last
    local n = rounds.count(100000)
    local p = spawn(function()
      for k = 1, n do
        a[1] = k
        a[size] = k
      end
    end)
    repeat
      local last = a[size]
      local first = a[1]
      assert.is_true(first >= last)
      local list = a:copy()
      assert.is_true(list[1] - list[size] == 0 or list[1] - list[size] == 1)
    until last == n
    results(p)
  end)

  -- Each process stores and then loads what the other stores: without an order of these two, both would be inside.
  it("lets Peterson's algorithm exclude, on real processes", function()
    local flag, turn, inside, ps = sandbox.array(2), sandbox.array(1), sandbox.array(2), {}
    local n = rounds.count(3000)
    for me = 1, 2 do
      ps[me] = spawn(function()
        local other = 3 - me
        for _ = 1, n do
          flag[me] = 1
          turn[1] = other
          while flag[other] == 1 and turn[1] == other do
            sleep(0)
          end
          inside[1] = inside[1] + 1
          flag[me] = 0
        end
      end)
    end
    assert.is_true(sandbox.join_all(ps, sync.limit))
    assert.are.equal(2 * n, inside[1])
  end)

  it("does not mind a process being killed", function()
    local a = sandbox.array(100)
    for i in rounds(20) do
      local ready = sandbox.latch(1)
      local p = spawn({ quiet = true }, function()
        a:fill(i)
        ready:down()
        while true do
          a:fill(i)
          a:copy()
          a:add(1, 0)
        end
      end)
      ready:wait()
      sync.kill(p)
      assert.are.equal(i, a[100])
      a[1] = -1
      assert.are.equal(-1, a:copy(1, 1)[1])
    end
  end)

  it("is the same in every process, and tells its state", function()
    local a, q = sandbox.array(3, "number", { name = "plate" }), queue()
    assert.is_truthy(tostring(a):match("^array: plate#%d+ %(3 numbers%)$"))
    assert.is_truthy(tostring(sandbox.array(1)):match("^array: array#%d+ %(1 integer%)$"))
    local p = spawn(function()
      local b = q:get()
      b[2] = 4
      return b == a
    end)
    q:put(a)
    assert.is_true(results(p))
    assert.are.equal(4.0, a[2])
    assert.is_nil(a.size)
  end)

  it("gives its memory back", function()
    for _ = 1, 200 do
      local a = sandbox.array(1 << 20) -- 8 MB
      a[1 << 20] = 1
    end
  end)

  it("refuses misuse, at the caller's line", function()
    local a, f = sandbox.array(3), sandbox.array(1, "number")
    raises("index 0 is out of bounds: the array has elements 1 to 3", function() return a[0] end)
    raises("index 4 is out of bounds: the array has elements 1 to 3", function() a[4] = 1 end)
    raises("index -1 is out of bounds", function() a:add(-1, 1) end)
    raises("index 4 is out of bounds", function() a:cas(4, 1, 1) end)
    raises("index " .. math.mininteger .. " is out of bounds", function() return a[math.mininteger] end)
    raises("index 2 is out of bounds: the array has elements 1 to 1", function() return f[2] end)
    raises("1.5 cannot be an index of an array", function() return a[1.5] end)
    raises("nil cannot be an index of an array", function() return a[nil] end)
    raises("the string x cannot be an index of an array", function() a.x = 1 end)
    raises("the string 1 cannot be an element of an array", function() a[1] = "1" end)
    raises("nil cannot be an element of an array", function() a[1] = nil end)
    raises("0.5 is not a whole number, as those of an array of integers are: make it with \"number\"",
      function() a[1] = 0.5 end)
    raises("is not a whole number", function() a:fill(1 / 0) end)
    raises("is not a whole number", function() a:add(1, 1e300) end)
    raises("copy: 0 to 3 is out of bounds: the array has elements 1 to 3", function() a:copy(0) end)
    raises("copy: 1 to 4 is out of bounds", function() a:copy(1, 4) end)
    raises("copy: 5 to 3 is out of bounds", function() a:copy(5) end)
    raises("array expected, got no value; call methods with a colon", function() a.fill() end)
    raises("n must be a whole number, 1 or more, not 0", function() sandbox.array(0) end)
    raises("n must be a whole number, 1 or more, not nil", function() sandbox.array() end)
    raises("the list is empty: an array has at least one element", function() sandbox.array {} end)
    raises("bad argument #1 to 'array' (element 2 of the list is the string x, not a number", function() sandbox.array { 1, "x" } end)
    raises("bad argument #1 to 'array' (element 1 of the list is 1.5, and not a whole number", function() sandbox.array({ 1.5 }, "integer") end)
    raises("the kind must be \"integer\" or \"number\", not 'float'", function() sandbox.array(1, "float") end)
    raises("at most 2147483647 elements", function() sandbox.array(1 << 31) end)
    raises("unknown option 'size'; there are name", function() sandbox.array(1, "number", { size = 1 }) end)
    assert.are.equal("0 0 0", text(a))
  end)
end)
