-- imap over iterators that take their time: each result comes as soon as it can, whatever the iterator waits for.
local script = require "support.script"
local T = 20

local sandbox, sleep, queue, spawn, coroutine, os = sandbox, sleep, queue, spawn, coroutine, os

local function same(x) return x end

local function fails(text, f, ...)
  local ok, e = pcall(f, ...)
  assert.is_false(ok)
  assert.is_truthy(tostring(e):find(text, 1, true), tostring(e))
  return e
end

-- Iterators that wait in each operation of the library for what the loop does: `ready(i)` makes item i possible. If a result
-- had to wait for the next item, nothing would ever come.
local waits = {}

function waits.get()
  local q = queue()
  return function() return q:get() end, function(i) q:put(i) end
end

function waits.items()
  local q = queue()
  return q:items(), function(i) q:put(i) end
end

function waits.recv()
  local a, b = sandbox.pipe()
  return function() return (b:recv()) end, function(i) a:send(i) end
end

function waits.select()
  local q, never = queue(), queue()
  return function() return (select(2, sandbox.select { never, q })) end, function(i) q:put(i) end
end

function waits.event()
  local e, n = sandbox.event(), 0
  return function()
    e:wait()
    e:clear()
    n = n + 1
    return n
  end, function() e:set() end
end

function waits.join()
  local q = queue()
  local p = spawn(function() return q:get() end)
  return function()
    local i = p:result()
    p = spawn(function() return q:get() end)
    return i
  end, function(i) q:put(i) end, function() q:close() p:join() end
end

function waits.sleep()
  local n, possible = 0, 0
  return function()
    n = n + 1
    while possible < n do sleep(0.01) end
    return n
  end, function(i) possible = i end
end

-- In a function that the iterator calls, in protected calls.
function waits.deep()
  local q = queue()
  local function inner() return select(2, pcall(q.get, q)) end
  return function() return select(2, xpcall(inner, print)) end, function(i) q:put(i) end
end

describe("imap:", function()
  for name, make in pairs(waits) do
    for _, method in ipairs { "imap", "imap_unordered" } do
      it(method .. " gives a result before its iterator waits for the next item, in " .. name, function()
        local pool <close> = sandbox.pool(2)
        local next_item, ready, done = make()
        local list, last = {}, (name == "join" or name == "sleep") and 20 or 100
        ready(1)
        for i, v in pool[method](pool, same, next_item, nil, T) do
          list[#list + 1] = v
          assert.are.same({ #list, #list }, { i, v })
          if #list == last then break end
          ready(#list + 1)
        end
        assert.are.equal(last, #list)
        if done then done() end
      end)
    end
  end

  it("an iterator without end that takes its time: the first result is not the last", function()
    local pool <close> = sandbox.pool(2)
    local n = 0
    for i, v in pool:imap(same, function() n = n + 1 sleep(0.02) return n end) do
      assert.are.equal(i, v)
      if i == 5 then break end
    end
  end)

  it("one that takes long for reasons that the library does not see", function()
    local told
    for _, seconds in ipairs { 0.2, 0.9, 0.9, 0.9 } do -- workers of a busy machine may take longer than an item
      local pool <close> = sandbox.pool(2)
      local n, asked = 0, {}
      for i in pool:imap(same, function()
        n = n + 1
        if n > 1 then os.execute("sleep " .. seconds) end
        return n <= 4 and n or nil
      end) do
        asked[i] = n
      end
      assert.are.equal(4, #asked)
      told = table.concat(asked, " ")
      if told == "1 2 3 4" or told == "2 2 3 4" then return end
    end
    error("when it had been asked for so many items, there were the results: " .. told)
  end)

  it("in bursts: what came in one is given before the next", function()
    local pool <close> = sandbox.pool(2)
    local q, size = queue(), 50
    local function burst(b) for k = 1, size do q:put(b * size + k) end end
    burst(0)
    local count = 0
    for i, v in pool:imap(same, q:items()) do
      count = count + 1
      assert.are.equal(count, i)
      assert.are.equal(count, v)
      if count == 5 * size then q:close()
      elseif count % size == 0 then burst(count // size) end
    end
    assert.are.equal(5 * size, count)
  end)

  it("a quick iterator is read ahead, and in chunks", function()
    local pool <close> = sandbox.pool(2)
    local n, most = 0, 0
    for i in pool:imap(same, function() n = n + 1 return n <= 5000 and n or nil end) do most = math.max(most, n - i) end
    assert.is_true(most > 8, most)
  end)

  it("waits of the iterator keep their own timeouts", function()
    local pool <close> = sandbox.pool(1)
    local q, reasons = queue(), {}
    q:put(1)
    for _, method in ipairs { "get", "items" } do
      local list = {}
      local ok, e = pcall(function()
        local next_item = method == "items" and q:items(0.02) or function()
          local v, reason = q:get(0.02)
          reasons[#reasons + 1] = reason
          return v
        end
        for _, v in pool:imap(function(x) sleep(0.1) return x end, next_item) do list[#list + 1] = v end
      end)
      assert.are.same(method == "items" and { false } or { true }, { ok })
      if not ok then assert.is_truthy(e:find("items: timeout", 1, true), e) end
      assert.are.same(method == "get" and { 1 } or {}, list)
    end
    assert.are.same({ "timeout" }, reasons)
    local slept = sandbox.now()
    for _ in pool:imap(function() sleep(0.05) end, function() sleep(0.03) return sandbox.now() - slept < 0.2 or nil end) do end
    assert.is_true(sandbox.now() - slept >= 0.2)
  end)

  it("generators, and iterators that yield to a coroutine around the loop", function()
    local pool <close> = sandbox.pool(2)
    local list = {}
    for _, v in pool:imap(same, coroutine.wrap(function() for i = 1, 40 do coroutine.yield(i) end end)) do list[#list + 1] = v end
    assert.are.equal(40, #list)
    local co = coroutine.wrap(function()
      local n, sum = 0, 0
      for _, v in pool:imap(same, function()
        n = n + 1
        return n <= 10 and coroutine.yield(n) or nil
      end) do sum = sum + v end
      return "sum", sum
    end)
    local value, sum = co()
    local times = 0
    while value ~= "sum" do
      times = times + 1
      value, sum = co(value * 10)
    end
    assert.are.same({ 10, 550 }, { times, sum })
    local r = script.run [[
      local pool <close> = sandbox.pool(1)
      print(pcall(function() for _ in pool:imap(print, coroutine.yield) do end end))
    ]]
    assert.are.same({ "false\tattempt to yield from outside a coroutine\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("what an iterator has open is closed when the loop is left", function()
    local pool <close> = sandbox.pool(1)
    local q, closed = queue(), false
    q:put(1)
    for _ in pool:imap(same, function()
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      closed = false
      return q:get()
    end) do
      sleep(0.01)
      pool:map(same, { 1 }) -- the iterator is asked, and waits
      break
    end
    assert.is_true(closed)
  end)

  it("loops in loops, whose iterators wait for one another", function()
    local pool <close> = sandbox.pool(2)
    local a, b, list = queue(), queue(), {}
    a:put(1)
    for _, x in pool:imap(same, a:items()) do
      b:put(x)
      for _, y in pool:imap(same, b:items()) do
        list[#list + 1] = y
        if #list % 3 == 0 then break end
        b:put(y + 1)
      end
      if #list == 30 then break end
      a:put(x + 3)
    end
    assert.are.equal(30, #list)
    for i = 1, 30 do assert.are.equal(i, list[i]) end
  end)

  it("an iterator that waits for ever is a deadlock, at its own line", function()
    local r = script.run [[
      local pool <close> = sandbox.pool(2)
      local q = queue { name = "jobs" }
      q:put(1)
      for i, v in pool:imap(function(x) return x end, function()
        return q:get()
      end) do print(i, v) end
    ]]
    assert.are.same({ "1\t1\n", 4 }, { r.out, r.status }, r.err)
    assert.is_truthy(r.err:find("jobs", 1, true), r.err)
    assert.is_truthy(r.err:find(r.name .. ":5", 1, true), r.err)
  end)

  it("is interrupted while its iterator waits; the pool works on", function()
    local p = spawn({ quiet = true }, function()
      local pool <close> = sandbox.pool(1)
      local q = queue()
      q:put(1)
      for _ in pool:imap(same, q:items()) do end
    end)
    sleep(0.05)
    p:interrupt()
    local ok, failure = p:join(T)
    assert.is_nil(ok)
    assert.are.equal(130, failure.exitcode)
  end)
end)

describe("timeouts", function()
  local function block(gate) return function(x) if x == 2 then gate:get(T) end return x end end

  it("of map and starmap come last: nil and \"timeout\"; the pool works on", function()
    local pool <close> = sandbox.pool(2)
    for _, chunk in ipairs { 1, false } do
      for name, list in pairs { map = { 1, 2, 3 }, starmap = { { 1 }, { 2 }, { 3 } } } do
        local gate = queue()
        assert.are.same({ nil, "timeout", n = 2 }, table.pack(pool[name](pool, block(gate), list, chunk or nil, 0.02)))
        gate:put(1) -- its task may be under way
      end
      assert.are.same({ nil, "timeout", n = 2 }, table.pack(pool:map(sleep, { 0.05 }, nil, 0)))
      assert.are.same({ 1, 4 }, pool:map(function(x) return x * x end, { 1, 2 }, chunk or nil, T))
    end
    local q = queue()
    assert.are.same({ nil, "timeout", n = 2 }, table.pack(pool:map(same, q:items(), nil, 0.02)))
    assert.are.same({}, pool:map(same, {}, nil, 0))
  end)

  it("of imap are those of each step: raised at the caller's line; the loop can be gone on with", function()
    local pool <close> = sandbox.pool(2)
    for _, method in ipairs { "imap", "imap_unordered" } do
      local gate = queue()
      local next_result, _, _, closing = pool[method](pool, function(x) gate:get(T) return x end, { 7 }, nil, 0.02)
      local e = fails(method .. ": timeout", function() local i = next_result() return i end)
      assert.is_truthy(e:find("^%S*imap_spec.lua:%d+: "), e)
      gate:put(1)
      local i, v
      repeat local ok, a, b = pcall(next_result) i, v = a, b until ok
      assert.are.same({ 1, 7 }, { i, v })
      assert.is_nil(next_result())
      local _ = closing
      fails(method .. ": timeout", function()
        for _ in pool[method](pool, same, queue():items(), nil, 0.02) do error "none" end
      end)
    end
  end)

  it("negative ones and what follows them are errors; so is any argument too many, at the caller's line", function()
    local pool <close> = sandbox.pool(1)
    local f, p = pool:submit(same, 1), spawn(same, 1)
    local scope <close> = sandbox.scope()
    local cases = {
      ["bad argument #4 to 'map' (a timeout cannot be negative)"] = function() pool:map(same, {}, nil, -1) end,
      ["bad argument #4 to 'starmap' (a timeout cannot be NaN)"] = function() pool:starmap(same, {}, 1, 0 / 0) end,
      ["bad argument #4 to 'imap' (timeout in seconds expected, got string)"] = function() pool:imap(same, {}, 1, "x") end,
      ["bad argument #4 to 'imap_unordered' (a timeout"] = function() pool:imap_unordered(same, {}, 1, -1) end,
      ["bad argument #5 to 'map' (there is no such argument)"] = function() pool:map(same, {}, 1, 1, 1) end,
      ["bad argument #5 to 'starmap'"] = function() pool:starmap(same, {}, 1, 1, false) end,
      ["bad argument #5 to 'imap'"] = function() pool:imap(same, {}, 1, 1, 1) end,
      ["bad argument #5 to 'imap' (there"] = function() pool:imap(same, print, nil, nil, 1) end,
      ["bad argument #6 to 'imap' (there"] = function() pool:imap(same, print, nil, nil, io.stdout, 1) end,
      ["bad argument #5 to 'imap_unordered'"] = function() pool:imap_unordered(same, {}, 1, 1, 1) end,
      ["bad argument #2 to 'join'"] = function() f:join(1, 1) end,
      ["bad argument #2 to 'result'"] = function() f:result(1, 1) end,
      ["bad argument #1 to 'done'"] = function() f:done(1) end,
      ["bad argument #1 to 'cancel'"] = function() f:cancel(1) end,
      ["bad argument #1 to 'close'"] = function() pool:close(1) end,
      ["bad argument #1 to 'terminate'"] = function() pool:terminate(1) end,
      ["bad argument #2 to 'pool'"] = function() sandbox.pool(1, 1) end,
      ["bad argument #2 to 'scope'"] = function() sandbox.scope({}, 1) end,
      ["bad argument #3 to 'join_all'"] = function() sandbox.join_all({ p }, 1, 1) end,
      ["bad argument #3 to 'as_completed'"] = function() sandbox.as_completed({ p }, 1, 1) end,
    }
    for text, call in pairs(cases) do
      local e = fails(text, call)
      assert.is_truthy(e:find("^%S*imap_spec.lua:%d+: "), e)
    end
    p:join()
    assert.are.same({ 1 }, pool:map(same, { 1 }, nil, nil, nil))
  end)
end)

describe("what a generic for takes along with its iterator", function()
  it("may stand in its place: another imap, lines of a file", function()
    local pool <close> = sandbox.pool(2)
    for _, method in ipairs { "imap", "imap_unordered" } do
      local sum, names = 0, {}
      local first = pool:imap(same, { "a", "b", "c" })
      for _, v in pool[method](pool, same, first) do names[#names + 1] = v end
      for _, v in pool[method](pool, function(x) return 2 * x end, pool:imap(same, { 1, 2, 3 })) do sum = sum + v end
      assert.are.same({ 3, 12 }, { #names, sum })
    end
    local path = os.tmpname()
    local f <close> = io.open(path, "w")
    f:write("one\ntwo\n")
    f:flush()
    local list = {}
    for i, v in pool:imap(string.upper, io.lines(path)) do list[i] = v end
    os.remove(path)
    assert.are.same({ "ONE", "TWO" }, list)
  end)

  it("is closed once, when the loop ends in whatever way", function()
    local pool <close> = sandbox.pool(1)
    for how, leave in pairs { ["at the end"] = function() end, ["by a break"] = function() return true end,
      ["by an error"] = function() error "out" end } do
      local n, closed = 0, 0
      local function numbers()
        n = n + 1
        return n <= 100 and n or nil
      end
      pcall(function()
        for _ in pool:imap(same, numbers, nil, nil, setmetatable({}, { __close = function() closed = closed + 1 end })) do
          assert.are.equal(0, closed)
          if leave() then break end
        end
      end)
      assert.are.equal(1, closed, how)
    end
  end)
end)
