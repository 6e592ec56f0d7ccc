-- Waiting for several: each entry once, tasks of pools everywhere, and lists that make no sense.
local T = 20

local sandbox, sleep, queue, spawn, join, os, error = sandbox, sleep, queue, spawn, join, os, error

local function same(...) return ... end

local function fails(text, f, ...)
  local ok, e = pcall(f, ...)
  assert.is_false(ok)
  assert.is_truthy(tostring(e):find(text, 1, true), tostring(e))
  return e
end

describe("an entry that stands twice in a list", function()
  it("is given once by as_completed, and waited for once by join_all", function()
    local pool <close> = sandbox.pool(1)
    local p, q, f = spawn(same, 1), spawn(same, 2), pool:submit(same, 3)
    local sum, n = 0, 0
    for _, ok, v in sandbox.as_completed({ p, f, p, q, f, p }, T) do
      assert.is_true(ok)
      sum, n = sum + v, n + 1
    end
    assert.are.same({ 6, 3 }, { sum, n })
    local list = {}
    for entry in sandbox.as_completed { p, p, p } do list[#list + 1] = entry end
    assert.are.same({ p }, list)
    assert.is_true(sandbox.join_all({ p, p, f, f, q }, T))
  end)
end)

describe("a process that waits for itself", function()
  it("is an error at the caller's line, whatever else is in the list", function()
    for _, name in ipairs { "join_all", "as_completed" } do
      local e = fails("entry 1: a process cannot wait for itself", function() sandbox[name] { sandbox.self() } end)
      assert.is_truthy(e:find("^%S*waiting_spec.lua:%d+: bad argument #1 to '" .. name), e)
      fails("entry 2: a process cannot", function() sandbox[name] { spawn(same), sandbox.self() } end)
    end
    local e = fails("itself", function() sandbox.select { sandbox.self() } end)
    assert.is_truthy(e:find("^%S*waiting_spec.lua:%d+: "), e)
    fails("itself", join, sandbox.self())
  end)
end)

describe("a process that was not started", function()
  it("is not alive", function()
    local p = sandbox.process { target = same }
    assert.are.same({ false, "new" }, { p:alive(), p:status() })
    p:start():join(T)
    assert.is_false(p:alive())
  end)
end)

describe("a task that was cancelled, or whose pool was terminated,", function()
  it("names the process that did it, and no worker", function()
    local pool = sandbox.pool { workers = 1, name = "crew" }
    local gate = queue()
    local first, second = pool:submit(function() gate:get(T) end), pool:submit(same, 1)
    assert.is_true(second:cancel())
    local me = sandbox.self()
    local _, failure = second:join(0)
    assert.are.same({ "cancelled", me.name, me.id, me.pid }, { failure.message, failure.name, failure.id, failure.pid })
    assert.are.equal(("cancelled (process %s#%d, pid %d)"):format(me.name, me.id, me.pid), tostring(failure))
    pool:terminate()
    _, failure = first:join(0)
    assert.are.same({ "the pool was terminated", me.id }, { failure.message, failure.id })
  end)
end)

describe("select over tasks of pools", function()
  it("gives what join gives: results, or nil and the failure", function()
    local pool <close> = sandbox.pool(2)
    local f = pool:submit(same, 1, nil, 3)
    assert.are.same({ 1, true, 1, nil, 3, n = 5 }, table.pack(sandbox.select({ f }, T)))
    assert.are.same({ 1, true, 1, nil, 3, n = 5 }, table.pack(sandbox.select({ f }, 0)))
    local g = pool:submit(error, "bad", 0)
    local i, ok, failure = sandbox.select({ g }, T)
    assert.are.same({ 1, nil, "bad" }, { i, ok, failure.message })
  end)

  it("with queues, puts, processes, events and timers beside them", function()
    local pool <close> = sandbox.pool(1)
    local gate, q, never, event = queue(), queue(), queue(), sandbox.event()
    local f = pool:submit(function() return gate:get(T) end)
    local list = { never, f, q, event }
    assert.are.same({ nil, "timeout" }, { sandbox.select(list, 0.02) })
    q:put("item")
    assert.are.same({ 3, "item" }, { sandbox.select(list, T) })
    event:set()
    assert.are.same({ 4, true }, { sandbox.select(list, T) })
    event:clear()
    assert.are.same({ 2, true }, { sandbox.select({ f, q:putting("put") }, T) })
    assert.are.equal("put", q:get(0))
    assert.are.same({ 2, true }, { sandbox.select({ f, sandbox.after(0.01) }, T) })
    local p = spawn(function() gate:put("opened") end)
    local seen = {}
    for _ = 1, 2 do
      local i, ok, v = sandbox.select({ not seen[1] and f or never, not seen[2] and p or never }, T)
      assert.is_true(ok)
      seen[i] = v or "none"
    end
    assert.are.same({ "opened", "none" }, seen)
  end)

  it("is fair among those that are ready, and takes the first if the order counts", function()
    local pool <close> = sandbox.pool(1)
    local f, g, q = pool:submit(same, 1), pool:submit(same, 2), queue()
    sandbox.join_all { f, g }
    local times = { 0, 0, 0 }
    for _ = 1, 300 do
      q:put(1)
      local i = sandbox.select { f, q, g }
      times[i] = times[i] + 1
      q:try_get()
    end
    for i = 1, 3 do assert.is_true(times[i] > 40, times[i]) end
    for _ = 1, 20 do
      q:put(1)
      assert.are.equal(1, (sandbox.select { f, q, ordered = true }))
      assert.are.equal(1, (sandbox.select { q, f, ordered = true }))
    end
  end)

  it("of several pools, also of one whose worker dies meanwhile, and in a loop with a map", function()
    local a <close> = sandbox.pool(1)
    local b <close> = sandbox.pool(1)
    local list, done = {}, 0
    for i = 1, 10 do list[i] = (i % 2 == 0 and a or b):submit(i == 5 and os.exit or same, i == 5 and 1 or i) end
    while #list > 0 do
      local i, ok, v = sandbox.select(list, T)
      assert.is_truthy(i)
      if not ok then assert.are.equal("left with exit status 1", v.message) end
      done = done + 1
      table.remove(list, i)
    end
    assert.are.equal(10, done)
    assert.are.same({ 1 }, a:map(same, { 1 }))
  end)

  it("refuses those of another process's pool, at the caller's line", function()
    local pool <close> = sandbox.pool(1)
    local f = pool:submit(sleep, 0.05)
    local ok, e = spawn({ quiet = true }, function()
      return pcall(function() sandbox.select { f } end)
    end):result(T)
    assert.is_false(ok)
    assert.is_truthy(e:find("^%S*waiting_spec.lua:%d+: select: a pool belongs to the process that made it"), e)
  end)
end)
