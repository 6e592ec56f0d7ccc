-- Pools: maps, futures, workers that die, and how all of it ends.
local rounds = require "support.rounds"
local script = require "support.script"
local T = 20

-- Functions travel by value with their upvalues. The table of globals would be one of them, and under busted that is a
-- large one of its own: so what tasks use is local.
local sandbox, sleep, queue, os, error = sandbox, sleep, queue, os, error

local function range(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

local function square(x) return x * x end

local function squares(n)
  local list = {}
  for i = 1, n do list[i] = i * i end
  return list
end

-- The pids of the living children of this process.
local function children()
  local list = {}
  for _, p in ipairs(sandbox.children()) do list[#list + 1] = p.pid end
  return list
end

local function kill(pid) os.execute("kill -9 " .. pid .. " 2>/dev/null") end

local function fails(text, f, ...)
  local ok, e = pcall(f, ...)
  assert.is_false(ok)
  assert.is_truthy(tostring(e):find(text, 1, true), tostring(e))
  return e
end

describe("map", function()
  it("gives the results in order, for lists of any length and chunks of any size", function()
    local pool <close> = sandbox.pool(3)
    for _, n in ipairs { 0, 1, 2, 3, 10, 1000, 20000 } do
      assert.are.same(squares(n), pool:map(square, range(n)))
    end
    for _, chunk in ipairs { 1, 2, 7, 99, 100, 101, 100000 } do
      assert.are.same(squares(100), pool:map(square, range(100), chunk))
    end
  end)

  it("in order however the workers finish", function()
    local pool <close> = sandbox.pool(4)
    local list = pool:map(function(x) sleep((10 - x) / 500) return x end, range(10), 1)
    assert.are.same(range(10), list)
    for _ in rounds(30) do
      local items = {}
      for i = 1, 40 do items[i] = math.random(0, 300) end
      assert.are.same(items, pool:map(function(x) for _ = 1, x do end return x end, items))
    end
  end)

  it("takes any values, nils among the results, and an iterator", function()
    local pool <close> = sandbox.pool(2)
    local big = ("x"):rep(100000)
    local r = pool:map(function(x) if x then return x end end, { false, big, { 1, { 2 } }, 0.5, sandbox.null, "" })
    assert.is_nil(r[1])
    assert.are.same({ big, { 1, { 2 } }, 0.5, sandbox.null, "" }, { table.unpack(r, 2, 6) })
    local n = 0
    assert.are.same(squares(500), pool:map(square, function() n = n + 1 return n <= 500 and n or nil end))
    assert.are.same({ "A", "B" }, pool:map(string.upper, { "a", "b" }))
    assert.are.same({ 4 }, pool:map(setmetatable({}, { __call = function(_, x) return x * 2 end }), { 2 }))
  end)

  it("functions given later travel by value, with their upvalues", function()
    local pool <close> = sandbox.pool(2)
    for k = 1, 20 do
      local helper = function(x) return x + k end
      assert.are.same({ k + 1, k + 2, k + 3 }, pool:map(function(x) return helper(x) end, { 1, 2, 3 }))
    end
  end)

  it("handles travel, too", function()
    local pool <close> = sandbox.pool(2)
    local q = queue()
    pool:map(function(x) q:put(x) end, range(100))
    local sum = 0
    for v in function() return (q:try_get()) end do sum = sum + v end
    assert.are.equal(5050, sum)
    local list = pool:map(function(x) local new = queue() new:put(x) return new end, range(10))
    for i = 1, 10 do assert.are.equal(i, list[i]:get(0)) end
  end)

  it("starmap gives each item as arguments", function()
    local pool <close> = sandbox.pool(2)
    assert.are.same({ 5, 7 }, pool:starmap(math.max, { { 1, 5 }, { 7, 2 } }))
    local r = pool:starmap(select, { { "#", nil, nil, n = 3 }, { "#" }, { 2, "a", "b" } })
    assert.are.same({ 2, 0, "b" }, r)
  end)

  it("raises the first failure with the item's index, the worker and its traceback; the pool works on", function()
    local pool <close> = sandbox.pool { workers = 2, name = "crew" }
    for _, chunk in ipairs { 1, 3, 10, false } do
      local function inner(x) if x == 7 then error("seven!") end return x end
      local function outer(x) local y = inner(x) return y end
      local e = fails("seven!", pool.map, pool, outer, range(10), chunk or nil)
      assert.are.equal(7, e.index)
      assert.is_truthy(e.message:find("pool_spec.lua:%d+: seven!$"), e.message)
      assert.is_truthy(tostring(e):find("seven! %(item 7, process crew#%d+, pid %d+%)"), tostring(e))
      assert.is_truthy(e.traceback:find("in upvalue 'inner'", 1, true), e.traceback)
      assert.are.equal(2, select(2, e.traceback:gsub("pool_spec.lua:%d+: in ", "")), e.traceback)
      assert.is_nil(e.traceback:find("[sandbox", 1, true), e.traceback)
      assert.are.same({ 1, 2, 3 }, pool:map(function(x) return x end, { 1, 2, 3 }))
    end
    local e = fails("table value", pool.map, pool, function() error { code = 3 } end, { 1 })
    assert.are.equal(3, e.value.code)
  end)

  it("refuses what cannot be sent, with the item's number; results likewise", function()
    local pool <close> = sandbox.pool(2)
    local co = coroutine.create(print)
    local e = fails("map: item 3.f: a coroutine cannot be sent", pool.map, pool, square, { 1, 2, { f = co }, 4 })
    assert.is_truthy(e:find("pool_spec.lua:", 1, true) or true)
    fails("map: function", pool.map, pool, function() return co end, { 1 })
    e = fails("result[1]: a coroutine cannot be sent", pool.map, pool,
      function(x) return x == 5 and { coroutine.create(print) } or x end, range(8), 4)
    assert.are.equal(5, e.index)
    assert.are.same({ 1, 4 }, pool:map(square, { 1, 2 }))
  end)

  it("refuses a length that makes no sense, at the caller's line", function()
    local pool <close> = sandbox.pool(2)
    for _, length in ipairs { 2.5, "2", {} } do
      local list = setmetatable({}, { __len = function() return length end })
      for _, map in ipairs { "map", "starmap", "imap" } do
        local e = fails("length of the list is not a whole number", function() pool[map](pool, square, list) end)
        assert.is_truthy(e:find("^%S*pool_spec.lua:%d+: bad argument #2 to '" .. map .. "'"), e)
      end
    end
  end)

  it("of a chunk in which several things go wrong, the first one counts; only what cannot be sent is left out", function()
    local pool <close> = sandbox.pool(1)
    local function f(x)
      if x == 4 then return coroutine.create(print) end
      if x >= 6 then error({ code = x }) end
      return x
    end
    local e = fails("result: a coroutine cannot be sent", pool.map, pool, f, range(8), 8)
    assert.are.equal(4, e.index)
    e = fails("table value", pool.map, pool, f, { 1, 2, 7, 4 }, 4)
    assert.are.same({ 3, 7 }, { e.index, e.value.code })
    local seen = {}
    fails("result: a coroutine", function() for i in pool:imap(f, range(8), 8) do seen[#seen + 1] = i end end)
    assert.are.same({ 1, 2, 3 }, seen)
    local function g(x)
      local value = setmetatable({ coroutine.create(print) }, { __tostring = function() return "text" end })
      if x == 3 then error(value) end
      return x
    end
    seen = {}
    e = fails("text (item 3", function() for i in pool:imap(g, range(5), 5) do seen[#seen + 1] = i end end)
    assert.is_nil(e.value)
    assert.are.same({ 1, 2 }, seen)
  end)

  it("in chunks of any size each result is at its place: plain ones, others, nils, and both", function()
    local pool <close> = sandbox.pool(2)
    local kinds = {
      function(x) return x end, function(x) return x % 2 == 0 and x / 4 or "s" .. x end, function(x) return { x } end,
      function(x) if x % 3 > 0 then return x end end, function(x) return x == 100 and { x } or x end,
      function(x) return x >= 130 and { x } or x >= 70 and -x or ("y"):rep(x) end,
      function(x) if x % 64 > 0 then return x, "second" end end, function(x) if x % 64 == 0 then return x, "second" end end,
    }
    for _, f in ipairs(kinds) do
      local expected = {}
      for i = 1, 200 do expected[i] = f(i) end
      for _, chunk in ipairs { 1, 63, 64, 65, 127, 128, 129, 200, false } do
        assert.are.same(expected, pool:map(f, range(200), chunk or nil))
        local list = {}
        for i, v in pool:imap(f, range(200), chunk or nil) do list[i] = v end
        assert.are.same(expected, list)
      end
    end
  end)

  it("a failure at any item of a chunk: its index, and the results before it", function()
    local pool <close> = sandbox.pool(1)
    for _, bad in ipairs { 1, 2, 63, 64, 65, 100, 128, 129, 191, 192, 193, 200 } do
      for _, odd in ipairs { false, 50, 150 } do -- one before is no plain value
        local function f(x)
          if x == bad then error("bad", 0) end
          return x == odd and { x } or x ~= 7 and x or nil
        end
        local seen = {}
        local e = fails("bad (item " .. bad, function()
          for i, v in pool:imap(f, range(200), 200) do
            seen[#seen + 1] = i
            assert.are.same(i == odd and { i } or i ~= 7 and i or nil, v)
          end
        end)
        assert.are.equal(bad, e.index)
        assert.are.same(range(bad - 1), seen)
      end
    end
    local function deep(x) return x == 150 and 1 + deep(x) or x end
    assert.are.equal(150, fails("stack overflow", pool.map, pool, deep, range(200), 200).index)
    local function within(x) return x == 150 and coroutine.wrap(function() error("within", 0) end)() or x end
    assert.are.equal(150, fails("within", pool.map, pool, within, range(200), 200).index)
  end)

  it("works inside a worker of a pool", function()
    local pool <close> = sandbox.pool(2)
    local r = pool:map(function(n)
      local inner <close> = sandbox.pool(2)
      local sum = 0
      for _, v in ipairs(inner:map(function(x) return x * x end, { n, n + 1, n + 2 })) do sum = sum + v end
      return sum
    end, { 1, 10, 100 })
    assert.are.same({ 14, 365, 30605 }, r)
  end)

  it("repeats well (200 maps of both kinds of chunks)", function()
    local pool <close> = sandbox.pool(2)
    for i = 1, 200 do
      local n = i * 7 % 60
      assert.are.same(squares(n), pool:map(square, range(n), i % 2 == 0 and i % 5 + 1 or nil))
    end
  end)
end)

describe("imap", function()
  it("gives index and result, in order; unordered: each once", function()
    local pool <close> = sandbox.pool(3)
    for _, chunk in ipairs { 1, 4, false } do
      local k = 0
      for i, v in pool:imap(square, range(300), chunk or nil) do
        k = k + 1
        assert.are.same({ k, k * k }, { i, v })
      end
      assert.are.equal(300, k)
      local seen, n = {}, 0
      for i, v in pool:imap_unordered(square, range(300), chunk or nil) do
        assert.is_nil(seen[i])
        assert.are.equal(i * i, v)
        seen[i], n = true, n + 1
      end
      assert.are.equal(300, n)
    end
    for _ in pool:imap(square, {}) do error "there is none" end
  end)

  it("gives nil and false results", function()
    local pool <close> = sandbox.pool(2)
    local list = {}
    for i, v in pool:imap(function(x) if x == 2 then return false elseif x ~= 3 then return x end end, range(4)) do
      list[i] = v == nil and "nil" or v
    end
    assert.are.same({ 1, false, "nil", 4 }, list)
  end)

  it("unordered: what is ready first comes first", function()
    local pool <close> = sandbox.pool(2)
    local gate, order = queue(), {}
    for i in pool:imap_unordered(function(x) if x == 1 then gate:get(20) end end, range(4), 1) do
      order[#order + 1] = i
      if #order == 3 then gate:put(1) end
    end
    assert.are.equal(1, order[4])
  end)

  it("does not let a worker wait because the first item takes long and nobody knows yet what one costs", function()
    local pool <close> = sandbox.pool(2)
    local gate = queue()
    for _ = 1, 20 do -- the first items of a new worker take longer, and tell more
      local values = {}
      for i, v in pool:imap(function(x)
        if x == 6 then gate:put("six was done") end
        return x == 1 and gate:get(5) or x
      end, range(8)) do values[i] = v end
      assert.are.same({ "six was done", 2, 3, 4, 5, 6, 7, 8 }, values)
    end
  end)

  it("takes from an iterator only what it needs: a bounded number ahead", function()
    local pool <close> = sandbox.pool(2)
    local n = 0
    local function numbers() n = n + 1 return n end
    for i, v in pool:imap(square, numbers, 1) do
      assert.are.equal(i * i, v)
      assert.is_true(n - i <= 9, n - i) -- 4 chunks for each worker, and one in hand
      if i == 50 then break end
    end
    n = 0
    for i in pool:imap(square, numbers) do
      assert.is_true(n - i <= 4 * 2 * 32 + 32, n - i)
      if i == 2000 then break end
    end
    local before = n
    assert.are.same({ 1 }, pool:map(square, { 1 }))
    assert.are.equal(before, n, "the iterator of a loop that was left is asked no more")
  end)

  it("a loop that is left makes no more work: what was not begun is dropped", function()
    local pool <close> = sandbox.pool(2)
    for _ in rounds(20) do
      local begun = queue()
      for i in pool:imap(function(x) begun:put(x) sleep(0.001) return x end, range(10000), 1) do
        if i == 3 then break end
      end
      assert.are.same({ 1, 4, 9 }, pool:map(square, range(3)))
      assert.is_true(#begun <= 20, #begun)
    end
    pool:close()
    assert.is_true(pool:join(T)) -- nothing is under way
  end)

  it("a long chunk of a loop that was left is given up between two items", function()
    local pool <close> = sandbox.pool(2)
    for _ = 1, 5 do
      local done = queue()
      for i in pool:imap_unordered(function(x)
        if x <= 1000 then return x end
        sleep(0.004)
        done:put(x)
      end, range(8000), 1000) do
        if i then break end
      end
      -- The loop is left when the first chunk has come; those under way are not finished.
      pool:map(square, range(4))
      assert.is_true(#done < 1000, #done)
    end
  end)

  it("a loop left by an error or a return, two loops at once, a loop in a loop", function()
    local pool <close> = sandbox.pool(2)
    fails("out", function() for _ in pool:imap(square, function() return 1 end) do error "out" end end)
    assert.are.equal(9, (function() for i, v in pool:imap(square, function() return 3 end) do
      if i == 5 then return v end
    end end)())
    local sum = 0
    for _, a in pool:imap(square, range(5)) do
      for _, b in pool:imap_unordered(square, range(5)) do sum = sum + a * b end
    end
    assert.are.equal(55 * 55, sum)
    local f, g = pool:imap(square, range(10)), pool:imap(function(x) return -x end, range(10))
    for i = 1, 10 do assert.are.same({ i, i * i, i, -i }, { i, select(2, f()), g() }) end
    assert.is_nil(f())
    assert.is_nil(g())
  end)

  it("raises a failure at its place, after the results before it", function()
    local pool <close> = sandbox.pool(2)
    for _, chunk in ipairs { 1, 5, false } do
      local seen = {}
      local e = fails("no six", function()
        for i in pool:imap(function(x) if x == 6 then error("no six", 0) end return x end, range(20), chunk or nil) do
          seen[#seen + 1] = i
        end
      end)
      assert.are.equal(6, e.index)
      assert.are.same(range(5), seen)
    end
  end)

  it("an iterator that fails, ends the loop with its error", function()
    local pool <close> = sandbox.pool(2)
    local n = 0
    fails("iterator", function()
      for _ in pool:imap(square, function() n = n + 1 if n == 5 then error "iterator" end return n end, 1) do end
    end)
    assert.are.same({ 1, 4 }, pool:map(square, { 1, 2 }))
  end)

  -- Everything that the iterator of an imap gives, errors in "!..."; at most `most` steps.
  local function steps(next_result, most)
    local list = {}
    for k = 1, most do
      local ok, i = pcall(next_result)
      list[k] = ok and (i or "end") or "!" .. tostring(i)
      if ok and not i then break end
    end
    return list
  end

  it("an item that cannot be sent ends the loop after the results before it, whatever the chunk", function()
    local pool <close> = sandbox.pool(1)
    local items = range(6)
    items[4] = coroutine.create(print)
    for _, chunk in ipairs { 1, 2, 3, 4, 5, 6, false } do
      local list = steps(pool:imap(square, items, chunk or nil), 10)
      assert.is_truthy(tostring(list[4]):find("^!%S*pool_spec.lua:%d+: imap: item 4: a coroutine cannot be sent$"), list[4])
      list[4] = "!"
      assert.are.same({ 1, 2, 3, "!", "end" }, list)
    end
    fails("imap_unordered: item 4: a coroutine", function() for _ in pool:imap_unordered(square, items, 1) do end end)
    assert.are.equal(1, #steps(pool:imap(square, setmetatable({}, { __len = function() return 0 end })), 10))
    local list = setmetatable({}, { __len = function() return 6 end,
      __index = function(_, k) if k == 3 then error("no third", 0) end return k end })
    assert.are.same({ 1, 2, "!no third", "end" }, steps(pool:imap(square, list, 2), 10))
    assert.are.same({ 1, 2, "!no third", "end" }, steps(pool:imap(square, list, 6), 10))
  end)

  it("an iterator that fails, does so after the results before it", function()
    local pool <close> = sandbox.pool(2)
    for chunk = 1, 6 do
      local n = 0
      local function items()
        n = n + 1
        if n == 5 then error("no fifth", 0) end
        return n
      end
      assert.are.same({ 1, 2, 3, 4, "!no fifth", "end" }, steps(pool:imap(square, items, chunk), 10))
    end
  end)

  it("what is wrong with its items is told to the loop alone, whoever else uses the pool meanwhile", function()
    local items = range(40)
    items[20] = coroutine.create(print)
    local function failing()
      local n = 0
      return function()
        n = n + 1
        if n == 20 then error("imap: item 20: an error", 0) end
        return n
      end
    end
    local uses = {
      function(pool) assert.are.same({ 1, 4, 9 }, pool:map(square, { 1, 2, 3 })) end,
      function(pool) assert.are.equal(81, pool:submit(square, 9):result(T)) end,
      function(pool) assert.is_true(pool:submit(square, 9):join(T)) end,
      function(pool) local f = pool:submit(square, 9) while not f:done() do sleep(0) end end,
      function(pool) assert.is_true(sandbox.join_all({ pool:submit(square, 9), pool:submit(square, 8) }, T)) end,
      function(pool) for i in pool:imap(square, { 1, 2, 3 }, 1) do assert(i) end end,
    }
    for _, source in ipairs { function() return items end, failing } do
      for _, use in ipairs(uses) do
        for _, workers in ipairs { 1, 3 } do
          local pool <close> = sandbox.pool(workers)
          local next_result, list = pool:imap(square, source(), 1), {}
          for k = 1, 19 do
            list[k] = next_result()
            use(pool)
          end
          assert.are.same(range(19), list)
          fails("imap: item 20: a", next_result)
          assert.is_nil(next_result())
        end
      end
    end
  end)

  it("a pool can be closed and joined while an item that cannot be sent is on its way", function()
    local items = range(30)
    items[10] = coroutine.create(print)
    local pool <close> = sandbox.pool(1)
    local next_result = pool:imap(square, items, 1)
    assert.are.equal(1, next_result())
    pool:close()
    assert.is_true(pool:join(T))
  end)

  it("Ctrl-C in an iterator ends whoever had it called, and the loop of the iterator", function()
    local r = script.run [[
      local pool <close> = sandbox.pool(1)
      local super = io.open("/proc/self/stat"):read("a"):match("^.*%) %a (%d+)")
      local n = 0
      local next_result = pool:imap(function(x) return x end, function()
        n = n + 1
        if n == 9 then os.execute("kill -INT -" .. super .. " " .. super .. " 2>/dev/null") while true do end end
        return n <= 20 and n or nil
      end, 1)
      for _ = 1, 20 do next_result() pool:map(function(x) return x end, { 1, 2, 3 }) end
      print("not reached")
    ]]
    assert.are.equal(130, r.status, r.err)
    assert.are.equal("", r.out)
    assert.are.equal(1, script.count(r.err, "interrupted"), r.err)
  end)

  it("can be begun after workers were replaced, and by nobody but who made it", function()
    local pool <close> = sandbox.pool(1)
    local next_result = pool:imap(square, { 1, 2, 3 }, 1)
    assert.is_nil((pool:submit(os.exit, 1):join(T)))
    assert.are.same({ 1, 1 }, { next_result() })
    local e = fails("imap: a pool belongs to the process that made it", function()
      spawn({ quiet = true }, function() local i = next_result() return i end):result(T)
    end)
    assert.is_truthy(e.message:find("pool_spec.lua:%d+: imap: "), e.message)
    assert.are.same({ 2, 4 }, { next_result() })
  end)

  it("can be ended by its own iterator; so can the pool", function()
    local pool <close> = sandbox.pool(1)
    local n, next_result, closing, _ = 0, nil, nil, nil
    next_result, _, _, closing = pool:imap(square, function()
      n = n + 1
      if n == 2 then local _ <close> = closing end
      return n
    end, 1)
    assert.are.same({ 1, 1 }, { next_result() })
    assert.is_nil(next_result())
    assert.are.same({ 4 }, pool:map(square, { 2 }))
    for _, map in ipairs { "map", "imap" } do
      local ending = sandbox.pool(1)
      fails("the pool was terminated", function()
        local next_or_list = ending[map](ending, square, function() return ending:terminate() and 1 end)
        next_or_list()
      end)
      local closed = sandbox.pool(1)
      fails(map .. ": the pool has ended", function()
        local next_or_list = closed[map](closed, square, function() return closed:close() and closed:join(T) and 1 end)
        next_or_list()
      end)
    end
  end)

  it("a list's own __index may use the pool, and may fail once", function()
    local pool <close> = sandbox.pool(1)
    local calls = 0
    local list = setmetatable({}, { __len = function() return 5 end, __index = function(_, k)
      calls = calls + 1
      return pool:submit(math.max, k):result(T)
    end })
    assert.are.same({ 1, 4, 9, 16, 25 }, pool:map(square, list))
    assert.are.equal(5, calls)
    assert.are.same({ 1, 2, 3, 4, 5, "end" }, steps(pool:imap(square, list), 10))
    local once = true
    list = setmetatable({}, { __len = function() return 3 end, __index = function(_, k)
      if k == 2 and once then once = false error("not yet", 0) end
      return k
    end })
    fails("not yet", pool.map, pool, square, list, 3)
  end)

  it("no line of the library is in an error of the script's own", function()
    local pool <close> = sandbox.pool(1)
    local function level2() error("level 2", 2) end
    local cases = {
      function() pool:map(string.rep, { "a" }) end,
      function() pool:submit(string.rep, "a"):result(T) end,
      function() pool:map(level2, { 1 }) end,
      function() pool:starmap(level2, { { 1 } }) end,
      function() pool:map(square, coroutine.wrap(function() coroutine.yield(1) error("x") end)) end,
      function() pool:map(square, level2) end,
      function() pool:map(square, setmetatable({}, { __len = level2 })) end,
      function() pool:map(square, setmetatable({}, { __len = function() return 2 end, __index = level2 })) end,
    }
    for i, case in ipairs(cases) do
      local _, e = pcall(case)
      assert.is_nil(tostring(e):find("[sandbox", 1, true), i .. ": " .. tostring(e))
    end
  end)

  it("loops that nobody goes on with cost the others nothing", function()
    local pool <close> = sandbox.pool(2)
    local function begin_and_drop()
      for _ = 1, 50 do pool:imap(square, { 1, 2, 3 })() end
      for _ = 1, 50 do pool:imap(square, range(1000))() end
    end
    begin_and_drop()
    collectgarbage()
    collectgarbage()
    assert.are.same({ 4 }, pool:map(square, { 2 }))
    local state = debug.getuservalue(pool, 1)
    assert.are.equal(0, #state.feeding)
    assert.is_nil(next(state.jobs))
  end)

  it("an iterator that uses the pool itself", function()
    local pool <close> = sandbox.pool(2)
    local n = 0
    local list = {}
    for _, v in pool:imap(square, function()
      n = n + 1
      return n <= 10 and pool:submit(square, n):result(T) or nil
    end, 2) do list[#list + 1] = v end
    assert.are.same({ 1, 16, 81, 256, 625, 1296, 2401, 4096, 6561, 10000 }, list)
  end)
end)

describe("submit", function()
  it("calls with arguments, and gives all results", function()
    local pool <close> = sandbox.pool(2)
    local f = pool:submit(function(...) return select("#", ...), ... end, nil, 2, nil)
    assert.are.same({ true, 3, nil, 2, nil, n = 5 }, table.pack(f:join(T)))
    assert.are.same({ 3, nil, 2, nil, n = 4 }, table.pack(f:result(T)))
    assert.is_true(f:done())
    assert.is_false(f:cancel())
    assert.are.same({ true, n = 1 }, table.pack(pool:submit(function() end):join(T)))
  end)

  it("does many, whatever the order in which they are asked", function()
    local pool <close> = sandbox.pool(3)
    local list = {}
    for i = 1, 300 do list[i] = pool:submit(square, i) end
    for i = 300, 1, -1 do assert.are.equal(i * i, list[i]:result(T)) end
  end)

  it("goes on while the owner does something else, and idle workers take over what waits behind long tasks", function()
    local pool <close> = sandbox.pool(2)
    local gate, done = queue(), queue()
    local long = pool:submit(function() gate:get(20) end)
    local list = {}
    for i = 1, 20 do list[i] = pool:submit(function(x) done:put(x) return x end, i) end
    for i = 1, 20 do assert.are.equal(i, list[i]:result(T)) end
    assert.is_false(long:done())
    gate:put(1)
    assert.is_true(long:join(T))
  end)

  it("times out, fails, and says what it is doing", function()
    local pool <close> = sandbox.pool { workers = 1, name = "one" }
    local gate = queue()
    local f = pool:submit(function() gate:get(20) error("later", 0) end)
    assert.are.same({ nil, "timeout" }, { f:join(0.01) })
    assert.are.same({ nil, "timeout" }, { f:result(0) })
    assert.is_truthy(tostring(f):find("future: task %d+ of one %(under way%)"))
    gate:put(1)
    local ok, e = f:join(T)
    assert.are.same({ nil, "later" }, { ok, e.message })
    assert.is_nil(e.index)
    fails("later", f.result, f)
    assert.is_truthy(tostring(f):find("(failed)", 1, true))
  end)

  it("a task that has not begun can be cancelled; one that has, cannot", function()
    local pool <close> = sandbox.pool(1)
    local gate, ran, begun = queue(), queue(), queue()
    for _ in rounds(20) do
      local first = pool:submit(function() begun:put(1) gate:get(20) end)
      local list = {}
      for i = 1, 6 do list[i] = pool:submit(function() ran:put(i) end) end
      begun:get(T)
      assert.is_false(first:cancel())
      for _, i in ipairs { 2, 3, 6 } do assert.is_true(list[i]:cancel()) end
      assert.is_false(list[3]:cancel())
      gate:put(1)
      local ok, e = list[2]:join(T)
      assert.are.same({ nil, "cancelled" }, { ok, e.message })
      assert.is_true(list[2]:done())
      for _, i in ipairs { 1, 4, 5 } do assert.is_true(list[i]:join(T)) end
      assert.is_true(first:join(T))
      assert.are.same({ 1, 4, 5 }, { ran:get(0), ran:get(0), ran:get(0) })
      assert.is_true(ran:empty())
    end
  end)

  it("join_all and as_completed take futures, and processes with them", function()
    local pool, other <close> = sandbox.pool(2), sandbox.pool(1)
    for _ in rounds(10) do
      local gate, list = queue(), {}
      for i = 1, 20 do list[i] = (i % 5 == 0 and other or pool):submit(square, i) end
      list[21] = pool:submit(function() gate:get(20) return "last" end)
      list[22] = spawn(function() return "process" end)
      local seen, n = {}, 0
      for f, ok, v in sandbox.as_completed(list, T) do
        assert.is_true(ok)
        seen[f], n = v, n + 1
        if n == 21 then gate:put(1) end
      end
      assert.are.equal(22, n)
      for i = 1, 20 do assert.are.equal(i * i, seen[list[i]]) end
      assert.are.same({ "last", "process" }, { seen[list[21]], seen[list[22]] })
      assert.is_true(sandbox.join_all(list))
      list[1] = pool:submit(error, "no", 0)
      local ok, e, f = sandbox.join_all(list, T)
      assert.are.same({ nil, "no", true }, { ok, e.message, rawequal(f, list[1]) })
      local slow = pool:submit(function() gate:get(20) end)
      assert.are.same({ nil, "timeout" }, { sandbox.join_all({ slow, list[2] }, 0.01) })
      gate:put(1)
      assert.is_true(sandbox.join_all({ slow }, T))
      list = { pool:submit(os.exit, 4), pool:submit(square, 2) }
      n = 0
      for _, fine, v in sandbox.as_completed(list, T) do
        n = n + 1
        assert.is_true(fine and v == 4 or v.exitcode == 4)
      end
      assert.are.equal(2, n)
    end
    pool:terminate()
  end)

  it("sends the arguments as they are when it is called, whoever does the task in the end (20 rounds)", function()
    local pool <close> = sandbox.pool(3)
    for _ in rounds(20) do
      local argument, list = {}, {}
      for i = 1, 60 do
        argument.v = i
        list[i] = pool:submit(function(a) if a.v == 1 then sleep(0.005) end return a.v end, argument)
      end
      argument.v = coroutine.create(print) -- could not even be sent
      for i = 1, 60 do assert.are.equal(i, list[i]:result(T)) end
    end
  end)

  it("keeps the handles in what it was given, whatever becomes of the tables and upvalues that held them", function()
    local pool <close> = sandbox.pool { workers = 1, retries = 1 }
    local gate, list = queue(), {}
    local function collect() collectgarbage() collectgarbage() end
    pool:submit(function() gate:get(T) end)
    local q
    for i = 1, 5 do
      q = queue()
      q:put(i)
      list[i] = pool:submit(function() return q:get(T) end)
    end
    local argument = { q = queue() }
    argument.q:put("x")
    list[6] = pool:submit(function(a) return a.q:get(T) end, argument)
    q, argument.q = nil, nil
    collect()
    gate:put(1)
    for i = 1, 5 do assert.are.equal(i, list[i]:result(T)) end
    assert.are.equal("x", list[6]:result(T))
    local items, tries = {}, queue()
    for i = 1, 6 do
      items[i] = { q = queue(), i = i }
      items[i].q:put(i)
    end
    local upvalue = queue()
    for i = 1, 6 do upvalue:put(i) end
    local next_result = pool:imap(function(t)
      if t.i == 3 and #tries == 0 then tries:put(1) os.exit(1) end
      return t.q:get(T) + 0 * upvalue:get(T)
    end, items, 2)
    assert.are.same({ 1, 1 }, { next_result() })
    for i = 2, 6 do items[i].q = nil end
    upvalue = nil
    collect()
    for i = 2, 6 do assert.are.same({ i, i }, { next_result() }) end
  end)

  it("refuses what cannot be sent, at the caller's line", function()
    local pool <close> = sandbox.pool(1)
    local co = coroutine.create(print)
    local e = fails("submit: argument 2.x: a coroutine cannot be sent", function() pool:submit(print, 1, { x = co }) end)
    assert.is_truthy(e:find("^%S*pool_spec.lua:%d+: "), e)
    fails("submit: function", function() pool:submit(function() return co end) end)
    e = pool:submit(function() return 1, coroutine.create(print) end)
    fails("result: a coroutine cannot be sent", e.result, e)
    assert.are.equal(4, pool:submit(square, 2):result(T))
  end)
end)

describe("a worker that dies", function()
  it("has the globals of the moment when it was made, as one that replaces it has", function()
    local r = require "support.script".run([[
      x = 1
      local pool = sandbox.pool(1)
      x = 2
      local function see() return x end
      print(pool:submit(see):result(), pool:submit(function() sandbox.self():kill() end):join())
      print(pool:submit(see):result(), pool:submit(see):result())
    ]])
    assert.are.equal("1", r.out:match("^%d"), r.err)
    assert.is_truthy(r.out:find("\n2\t2\n$"), r.out)
  end)

  it("fails its task alone: kill -9, os.exit, with the reason; it is replaced", function()
    local pool <close> = sandbox.pool { workers = 2, name = "w" }
    for _ = 1, 5 do
      local bad = pool:submit(function() os.execute("kill -9 " .. sandbox.getpid()) sleep(100) end)
      local left = pool:submit(function() os.exit(7) end)
      local good = {}
      for i = 1, 10 do good[i] = pool:submit(square, i) end
      local ok, e = bad:join(T)
      assert.are.same({ nil, 9, "killed by signal 9 (Killed)" }, { ok, e.signal, e.message })
      ok, e = left:join(T)
      assert.are.same({ nil, 7, "left with exit status 7" }, { ok, e.exitcode, e.message })
      for i = 1, 10 do assert.are.equal(i * i, good[i]:result(T)) end
    end
    assert.are.equal(2, #children())
  end)

  it("map: the failure tells the item", function()
    local pool <close> = sandbox.pool(2)
    local function mortal(x) if x == 3 then os.exit(0) end return x end
    local e = fails("left with exit status 0", pool.map, pool, mortal, range(5), 1)
    assert.are.equal(3, e.index)
    e = fails("left with exit status 0", pool.map, pool, mortal, range(8), 4)
    assert.are.equal("1 to 4", e.index)
    assert.are.same(squares(5), pool:map(square, range(5)))
  end)

  it("retries: the task is done by another worker; only whose item kills again and again fails", function()
    local pool <close> = sandbox.pool { workers = 2, retries = 2 }
    local tries = queue()
    local f = pool:submit(function()
      tries:put(1)
      if #tries < 3 then os.exit(1) end
      return "third time"
    end)
    assert.are.equal("third time", f:result(T))
    for _ = 1, 5 do
      local died = queue(1)
      local r = pool:map(function(x)
        if x == 13 and died:try_put(1) then os.execute("kill -9 " .. sandbox.getpid()) sleep(100) end
        return x * x
      end, range(40), 8)
      assert.are.same(squares(40), r)
    end
    local e = fails("left with exit status 1", pool.map, pool, function(x) if x == 6 then os.exit(1) end end, range(9), 3)
    assert.are.equal(6, e.index)
  end)

  it("kills at random from outside: each task is done once, or fails with the reason (100 kills)", function()
    for round in rounds(10) do
      local pool <close> = sandbox.pool { workers = 3 }
      local begun, list = queue(), {}
      for i = 1, 60 do
        list[i] = pool:submit(function(x)
          begun:put(x)
          if x % 4 == round % 4 then sleep(0.002) end
          return x * x
        end, i)
      end
      for _ = 1, 10 do
        local pids = children()
        if pids[1] then kill(pids[math.random(#pids)]) end
        list[math.random(60)]:done()
      end
      local failed = 0
      for i = 1, 60 do
        local ok, v = list[i]:join(T)
        if ok then assert.are.equal(i * i, v)
        else
          assert.are.equal(9, v.signal)
          failed = failed + 1
        end
      end
      assert.is_true(failed <= 10, failed)
      local times = {}
      for x in function() return (begun:try_get()) end do
        assert.is_nil(times[x], "done twice")
        times[x] = true
      end
      assert.are.same(squares(20), pool:map(square, range(20)))
    end
  end)

  it("kills at random during maps with retries: the results are right (30 maps)", function()
    local killer_orders = queue()
    local pool <close> = sandbox.pool { workers = 2, retries = 50 }
    local pids = children()
    local killer = spawn(function()
      for pid in killer_orders:items() do kill(pid) end
    end)
    for i in rounds(30) do
      pids = children()
      for _, pid in ipairs(pids) do
        if pid ~= killer.pid and math.random() < 0.4 then killer_orders:put(pid) end
      end
      assert.are.same(squares(200), pool:map(function(x) for _ = 1, 300 do end return x * x end, range(200)), i)
      local n = 0
      for k, v in pool:imap_unordered(square, range(50), 5) do
        assert.are.equal(k * k, v)
        n = n + 1
      end
      assert.are.equal(50, n)
    end
    killer_orders:close()
    killer:join(T)
  end)

  it("a task that is done again gets what the first try got, whatever became of it meanwhile", function()
    local pool <close> = sandbox.pool { workers = 1, retries = 2 }
    for _, chunk in ipairs { 1, 2 } do
      local tries, list = queue(), {}
      for i = 1, 4 do list[i] = { i } end
      local next_result = pool:imap(function(t)
        if t[1] == 3 and #tries == 0 then tries:put(1) os.exit(1) end
        return t[1]
      end, list, chunk)
      assert.are.same({ 1, 1 }, { next_result() }) -- all four have been given to the worker
      for i = 1, 4 do list[i][1], list[i] = 100, coroutine.create(print) end
      for i = 2, 4 do assert.are.same({ i, i }, { next_result() }) end
      assert.is_nil(next_result())
    end
    local tries, go, argument = queue(), queue(), { v = 1 }
    local f = pool:submit(function(a)
      if #tries == 0 then tries:put(1) go:get(T) os.exit(1) end
      return a.v
    end, argument)
    argument.v = 2
    go:put(1)
    assert.are.equal(1, f:result(T))
  end)

  it("an idle one is replaced, and no task fails", function()
    local pool <close> = sandbox.pool(2)
    for _ in rounds(10) do
      local pids = children()
      for _, pid in ipairs(pids) do kill(pid) end
      assert.is_true(script.gone(pids))
      assert.are.same(squares(10), pool:map(square, range(10)))
    end
  end)

  it("a stopped one does not hold up the others", function()
    local pool <close> = sandbox.pool(2)
    local pids = children()
    assert.is_true(script.asleep(pids[1]))
    os.execute("kill -STOP " .. pids[1])
    local list = {}
    for i = 1, 20 do list[i] = pool:submit(square, i) end
    local done = 0
    repeat
      done = 0
      for i = 1, 20 do if list[i]:join(0.05) then done = done + 1 end end
    until done >= 19
    os.execute("kill -CONT " .. pids[1])
    for i = 1, 20 do assert.are.equal(i * i, list[i]:result(T)) end
  end)

  it("too many deaths in a row end the pool with an error", function()
    local pool = sandbox.pool { workers = 2, retries = 1000 }
    local f, g = pool:submit(os.exit, 1), pool:submit(os.exit, 2)
    fails("the pool gave up: 14 workers died in a row, the last one: left with exit status", f.result, f)
    assert.is_nil((g:join(T)))
    fails("the pool gave up", pool.map, pool, square, { 1 })
    fails("the pool gave up", pool.submit, pool, square, 1)
    assert.are.equal(0, #children())
    pool:close()
    assert.is_true(pool:join(T))
    pool = sandbox.pool { workers = 2, retries = 1000 }
    local e = fails("the pool gave up", pool.map, pool, function(x) if x == 2 then os.exit(1) end end, range(4), 1)
    assert.is_nil(e.index)
    assert.are.equal(0, #children())
  end)

  it("with retries=0 each of many deaths fails its own task", function()
    local pool <close> = sandbox.pool(2)
    for i = 1, 40 do
      local bad, good = pool:submit(os.exit, 1), pool:submit(square, i)
      assert.is_nil((bad:join(T)))
      assert.are.equal(i * i, good:result(T))
    end
  end)
end)

describe("options:", function()
  it("init runs once in each worker, before its first task", function()
    local log = queue()
    local pool <close> = sandbox.pool { workers = 2, init = function()
      _G.prepared = (_G.prepared or 0) + 1
      log:put(sandbox.getpid())
    end }
    for _ = 1, 20 do assert.are.equal(1, pool:submit(function() return prepared end):result(T)) end -- luacheck: ignore
    pool:close()
    pool:join(T)
    local a, b = log:get(0), log:get(0)
    assert.is_true(a ~= b and log:empty())
  end)

  it("an init that fails ends the pool with its error", function()
    local pool = sandbox.pool { workers = 2, init = function() error("not today") end }
    local e = fails("init of the pool: ", pool.map, pool, square, range(10))
    assert.is_truthy(tostring(e):find("not today", 1, true))
    fails("not today", pool.submit, pool, square, 1)
    assert.are.equal(0, #children())
  end)

  it("max_tasks: a worker leaves after that many", function()
    local pool <close> = sandbox.pool { workers = 2, max_tasks = 5 }
    local count = {}
    for _, pid in ipairs(pool:map(function() return sandbox.getpid() end, range(43))) do
      count[pid] = (count[pid] or 0) + 1
    end
    for i = 1, 20 do
      local pid = pool:submit(sandbox.getpid):result(T)
      count[pid] = (count[pid] or 0) + 1
      assert.is_true(i > 0)
    end
    for _, n in pairs(count) do assert.is_true(n <= 5, n) end
    assert.is_true(#children() <= 2) -- one that has left is replaced when the pool is used again
  end)

  it("max_tasks: no worker does more, whatever is cancelled meanwhile (10 rounds)", function()
    local pool <close> = sandbox.pool { workers = 1, max_tasks = 3 }
    local done, count = sandbox.queue(), {}
    for _ in rounds(10) do
      local futures = {}
      for i = 1, 20 do futures[i] = pool:submit(function() return (done:put(sandbox.getpid())) end) end
      local open = 0
      for i = 20, 1, -1 do
        if i % 7 == 0 or not futures[i]:cancel() then
          assert.is_true(futures[i]:result(T))
          open = open + 1
        end
      end
      assert.are.equal(open, #done)
      for _ = 1, open do
        local pid = done:get(0)
        count[pid] = (count[pid] or 0) + 1
      end
    end
    for _, n in pairs(count) do assert.is_true(n <= 3, n) end
  end)

  it("refuses what makes no sense, at the caller's line", function()
    local function refuses(text, f, ...)
      local args = table.pack(...)
      local e = fails(text, function() f(table.unpack(args, 1, args.n)) end)
      assert.is_truthy(e:find("^%S*pool_spec.lua:%d+: "), e)
    end
    refuses("workers must be a whole number, 1 or more, not 0", sandbox.pool, 0)
    refuses("workers must be a whole number, 1 or more, not 1.5", sandbox.pool, 1.5)
    refuses("workers must be at most 32767, not 1000000000", sandbox.pool, 1000000000) -- at once: no queue is made
    refuses("--max-procs", sandbox.pool, { workers = 32768, hosts = { "here" } })
    refuses("the number of processes must be at most 32767", sandbox.team, 1000000000, print)
    refuses("number of workers or table of options expected, got string", sandbox.pool, "2")
    refuses("unknown option 'worker'", sandbox.pool, { worker = 2 })
    refuses("init must be a function", sandbox.pool, { init = 1 })
    refuses("retries must be a whole number, 0 or more", sandbox.pool, { retries = -1 })
    refuses("max_tasks must be a whole number, 1 or more", sandbox.pool, { max_tasks = 0 })
    refuses("name must be text", sandbox.pool, { name = "a\nb" })
    local pool <close> = sandbox.pool(1)
    refuses("function expected, got number", pool.map, pool, 1, {})
    refuses("list of items expected, got no value", pool.map, pool, square)
    refuses("chunk must be a whole number, 1 or more", pool.map, pool, square, {}, 0)
    refuses("item 2: list of arguments expected", pool.starmap, pool, square, { {}, 1 })
    refuses("pool expected, got table", pool.map, {}, square, {})
    refuses("future expected, got userdata", pool:submit(square, 1).join, pool)
    refuses("a timeout cannot be negative", pool:submit(square, 1).join, pool:submit(square, 1), -1)
    refuses("join: the pool must be closed first", pool.join, pool)
    fails("a sandbox.pool (userdata) cannot be sent", queue().put, queue(), pool)
  end)

  it("refuses more workers than there can be objects", function()
    local e = fails("pool: queue: too many queues, locks and other objects exist (8192)", sandbox.pool, 30000)
    assert.is_truthy(e:find("^%S*pool_spec.lua:%d+: "), e)
  end)
end)

describe("the number of processes", function()
  it("is the pool's limit, too: none are left if it cannot have all, and the caller's line is named", function()
    local r = script.run([[
      print(pcall(sandbox.pool, 30))
      print(#sandbox.children())
      local pool <close> = sandbox.pool(10)
      print(#sandbox.children())
    ]], { args = "--max-procs 20" })
    assert.are.equal("", r.err)
    assert.is_truthy(r.out:find(
      "^false\t%S+:1: pool: spawn: too many processes are alive, main included: join some, or raise %-%-max%-procs %(the limit is %d+%)\n0\n10\n$"), r.out)
  end)
end)

describe("the end of a pool:", function()
  it("close and join: all that was submitted is done, the workers have gone", function()
    local pool, list = sandbox.pool(2), {}
    for i = 1, 50 do list[i] = pool:submit(square, i) end
    pool:close()
    fails("submit: the pool is closed", pool.submit, pool, square, 1)
    fails("map: the pool is closed", pool.map, pool, square, {})
    assert.is_true(pool:join(T))
    assert.is_true(pool:join())
    for i = 1, 50 do assert.are.equal(i * i, list[i]:result(0)) end
    assert.are.equal(0, #children())
    assert.is_truthy(tostring(pool):find("ended"))
  end)

  it("join times out, and can be tried again", function()
    local pool, gate = sandbox.pool(1), queue()
    pool:submit(function() gate:get(20) end)
    pool:close()
    assert.are.same({ nil, "timeout" }, { pool:join(0.02) })
    gate:put(1)
    assert.is_true(pool:join(T))
  end)

  it("a loop goes on after close", function()
    local pool = sandbox.pool(2)
    local n = 0
    for i, v in pool:imap(square, range(500), 3) do
      if i == 2 then pool:close() end
      assert.are.equal(i * i, v)
      n = n + 1
    end
    assert.are.equal(500, n)
    assert.is_true(pool:join(T))
  end)

  it("terminate: the workers are killed, what is not done fails", function()
    local pool, begun = sandbox.pool(2), queue()
    local list = {}
    for i = 1, 5 do list[i] = pool:submit(function() begun:put(1) sleep(1000) end) end
    begun:get(T)
    assert.is_true(pool:terminate())
    assert.is_true(pool:terminate())
    for i = 1, 5 do
      local ok, e = list[i]:join(0)
      assert.are.same({ nil, "the pool was terminated" }, { ok, e.message })
    end
    assert.are.equal(0, #children())
    fails("terminated", pool.submit, pool, square, 1)
    assert.is_true(pool:join())
  end)

  it("its block: what was submitted is done; an error terminates", function()
    local f
    do
      local pool <close> = sandbox.pool(2)
      f = pool:submit(function() sleep(0.02) return "done" end)
    end
    assert.are.equal("done", f:result(0))
    local g
    fails("left by an error", function()
      local pool <close> = sandbox.pool(2)
      g = pool:submit(sleep, 1000)
      error "left by an error"
    end)
    assert.are.equal("the pool was terminated", select(2, g:join(0)).message)
    assert.are.equal(0, #children())
  end)

  it("one that nothing but a call under way refers to is kept until it is over", function()
    local function collected(n) -- items, and the collector runs before each
      local i = 0
      return function()
        collectgarbage()
        i = i + 1
        if i <= n then return i end
      end
    end
    assert.are.same(squares(20), sandbox.pool(2):map(square, collected(20)))
    local lists = setmetatable({}, { __len = function() return 20 end, __index = function(_, i)
      collectgarbage()
      return i <= 20 and { i } or nil
    end })
    assert.are.same(squares(20), sandbox.pool(2):starmap(square, lists))
    local got = {}
    for i, v in sandbox.pool(2):imap(square, collected(20)) do got[i] = v end
    assert.are.same(squares(20), got)
    local future = sandbox.pool(2):submit(square, 3)
    collectgarbage() collectgarbage()
    assert.are.equal(9, future:result())
  end)

  it("one that is collected when all is done holds up nobody", function()
    local function leave_open()
      local pool = sandbox.pool(3)
      pool:map(square, range(10))
      return children()
    end
    local pids = leave_open()
    collectgarbage() collectgarbage()
    assert.is_true(script.gone(pids))
  end)

  local ENDS = { -- how a script ends that has submitted tasks, and its status
    ["at its last line"] = { "", 0 }, ["by os.exit"] = { "os.exit(7)", 7 }, ["by an error"] = { "error('main')", 1 },
    ["with the pool closed"] = { "pool:close()", 0 }, ["with the pool collected"] = { "pool = nil collectgarbage() collectgarbage()", 0 },
    ["with a loop that was left"] = { "local f = pool:imap(function(x) return x end, { 1, 2, 3 }) f()", 0 },
  }
  for how, ending in pairs(ENDS) do
    it("its tasks are done before the script ends: " .. how, function()
      local r = script.run(([[
        local pool = sandbox.pool(2)
        local q = queue()
        for i = 1, 6 do pool:submit(function() q:get() io.write(i, "\n") end) end
        spawn(function() for i = 1, 6 do sleep(0.01) q:put(i) end end)
        ]] .. ending[1]))
      local lines = {}
      for line in r.out:gmatch("%d") do lines[#lines + 1] = line end
      table.sort(lines)
      assert.are.same({ "1 2 3 4 5 6", ending[2] }, { table.concat(lines, " "), r.status }, r.err)
    end)
  end

  it("in any process: also one that is killed over them, and tasks that fail", function()
    local r = script.run [[
      local q = queue()
      local p = spawn(function()
        local pool = sandbox.pool { workers = 1, retries = 1 }
        local tries = queue()
        pool:submit(function() tries:put(1) if #tries == 1 then os.exit(1) end q:put("again") end)
        pool:submit(function() q:put("after") end)
      end)
      p:join()
      print(#q, #(q:get(0) .. q:get(0)))
    ]]
    assert.are.same({ "2\t10\n", 0 }, { r.out, r.status }, r.err)
  end)

  it("a killed owner takes its workers along: also in the middle of a run", function()
    local box = queue()
    local owner = spawn({ quiet = true }, function()
      local pool = sandbox.pool(3)
      for _, p in ipairs(sandbox.children()) do box:put(p.pid) end
      pool:submit(sleep, 0.01)
      box:put("ready")
      sleep(1000)
    end)
    local pids = {}
    for pid in function() local v = box:get(T) return v ~= "ready" and v or nil end do pids[#pids + 1] = pid end
    owner:kill()
    owner:join(T)
    assert.are.equal(3, #pids)
    assert.is_true(script.gone(pids))
  end)

  it("descriptors and processes stay flat over many pools", function()
    collectgarbage() collectgarbage()
    local before = script.descriptors()
    for i = 1, 15 do
      local pool <close> = sandbox.pool(2)
      assert.are.same(squares(5), pool:map(square, range(5)), i)
    end
    collectgarbage() collectgarbage()
    assert.are.equal(before, script.descriptors())
    assert.are.equal(0, #children())
  end)

  it("belongs to the process that made it", function()
    local pool <close> = sandbox.pool(1)
    local f = pool:submit(square, 3)
    local p = spawn({ quiet = true }, function()
      local ok, e = pcall(pool.map, pool, square, { 1 })
      local ok2, e2 = pcall(f.result, f)
      collectgarbage() collectgarbage()
      return ok, e, ok2, e2
    end)
    local ok, e, ok2, e2 = p:result(T)
    assert.is_false(ok)
    assert.is_truthy(e:find("a pool belongs to the process that made it", 1, true), e)
    assert.is_false(ok2)
    assert.is_truthy(e2:find("a pool belongs to the process that made it", 1, true), e2)
    assert.are.equal(9, f:result(T))
  end)

  it("Ctrl-C: one line, no traceback of a worker", function()
    local r = script.run [[
      local super = io.open("/proc/self/stat"):read("a"):match("^.*%) %a (%d+)")
      local pool <close> = sandbox.pool(3)
      spawn({ daemon = true }, function() sleep(0.1) os.execute("kill -INT -" .. super .. " " .. super .. " 2>/dev/null") end)
      pool:map(function(x) sleep(1000) end, { 1, 2, 3, 4, 5, 6 }, 1)
    ]]
    assert.are.equal(130, r.status, r.err)
    assert.are.equal(0, script.count(r.err, "traceback"), r.err)
    assert.are.equal(1, script.count(r.err, "\n"), r.err)
  end)
end)
