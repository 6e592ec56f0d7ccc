-- Events: a flag to wait for.
local rounds = require "support.rounds"
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

describe("an event", function()
  it("is set, cleared and asked", function()
    local e = sandbox.event()
    assert.is_false(e:is_set())
    assert.are.same({ nil, "timeout" }, { e:wait(0) })
    assert.are.same({ nil, "timeout" }, { e:wait(0.01) })
    assert.is_true(e:set())
    assert.is_true(e:set())
    assert.is_true(e:is_set())
    assert.is_true(e:wait())
    assert.is_true(e:clear())
    assert.is_false(e:is_set())
    assert.are.same({ nil, "timeout" }, { e:wait(0) })
  end)

  it("lets all go who wait, also if it is cleared at once", function()
    local e = sandbox.event()
    for _ in rounds(20) do
      local ps = {}
      for i = 1, 8 do ps[i] = spawn(function() return e:wait() end) end
      sync.await_waiting(e, 8)
      e:set()
      e:clear()
      for i = 1, 8 do assert.are.same({ true }, { results(ps[i]) }) end
      assert.are.same({ nil, "timeout" }, { e:wait(0) })
    end
  end)

  it("does not mind who waits being killed", function()
    local e = sandbox.event()
    local a = spawn({ quiet = true }, function() e:wait() end)
    local b = spawn(function() return e:wait() end)
    sync.await_waiting(e, 2)
    sync.kill(a)
    sync.await_waiting(e, 1)
    e:set()
    assert.is_true(results(b))
  end)

  it("is the same in every process, and tells its state", function()
    local e, q = sandbox.event { name = "go" }, queue()
    assert.is_truthy(tostring(e):match("^event: go#%d+ %(not set%)$"))
    local p = spawn(function() q:get():set() end)
    q:put(e)
    assert.is_true(e:wait(sync.limit))
    results(p)
    assert.is_truthy(tostring(e):match("^event: go#%d+ %(set%)$"))
  end)

  it("refuses misuse, at the caller's line", function()
    local e = sandbox.event()
    raises("timeout cannot be negative", function() e:wait(-1) end)
    raises("unknown option 'set'; there are name", function() sandbox.event { set = true } end)
    raises("table of options expected, got boolean", function() sandbox.event(true) end)
    raises("event expected, got no value; call methods with a colon", function() e.set() end)
  end)
end)

describe("select", function()
  it("waits for locks, semaphores and events, and does one thing alone", function()
    local l, s, e = sandbox.lock(), sandbox.semaphore(0), sandbox.event()
    assert.are.same({ 1, true }, { sandbox.select { l, s, e } })
    assert.is_truthy(tostring(l):find("held by main", 1, true))
    assert.are.same({ nil, "timeout" }, { sandbox.select({ l, s, e }, 0.01) })
    e:set()
    assert.are.same({ 3, true }, { sandbox.select { l, s, e } })
    s:release()
    assert.are.same({ 2, true }, { sandbox.select { l, s, e, ordered = true } })
    assert.are.equal(0, s:value())
    l:release()
  end)

  it("is woken by any of them", function()
    local l, s, e = sandbox.lock(), sandbox.semaphore(0), sandbox.event()
    local q, ready, go = queue(), queue(), queue()
    l:acquire()
    local p = spawn(function()
      for _ in go:items() do ready:put { sandbox.select { l, s, e, q } } end
    end)
    local function next_is(i, what)
      go:put("select")
      sync.await_waiting(s, 1)
      sync.await_waiting(l, 1)
      sync.await_waiting(e, 1)
      what()
      assert.are.equal(i, ready:get(sync.limit)[1])
    end
    for _ in rounds(10) do
      next_is(2, function() s:release() end)
      next_is(3, function() e:set() e:clear() end)
      next_is(4, function() q:put("x") end)
    end
    next_is(1, function() l:release() end)
    go:close()
    results(p)
    assert.are.equal(0, sync.waiting(s))
    assert.are.equal(0, sync.waiting(e))
    assert.are.same({ true, "abandoned" }, { l:acquire() })
  end)

  it("tells that a lock was abandoned, also when its holder dies meanwhile", function()
    local l, e, go = sandbox.lock(), sandbox.event(), queue()
    local p = spawn({ quiet = true }, function() l:acquire() go:put(1) sleep(1000) end)
    go:get()
    local waiter = spawn(function() return sandbox.select { e, l } end)
    sync.await_waiting(l, 1)
    sync.kill(p)
    assert.are.same({ 2, true, "abandoned" }, { results(waiter) })
  end)

  it("that took something else passes a wake-up on", function()
    local l, s = sandbox.lock(), sandbox.semaphore(0)
    for _ in rounds(50) do
      l:acquire()
      local a = spawn(function()
        local i = sandbox.select { l, s }
        if i == 1 then l:release() end
      end)
      sync.await_waiting(l, 1)
      local b = spawn(function() l:acquire() l:release() s:release() end)
      sync.await_waiting(l, 2)
      s:release()
      l:release()
      results(a)
      results(b)
      while s:acquire(0) do end
    end
  end)
end)
