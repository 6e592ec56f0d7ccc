-- Conditions: waiting, with a lock, for somebody to say that something has changed.
local rounds = require "support.rounds"
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

-- A process that waits for the condition, and returns what wait gave it and whether it had the lock afterwards.
local function waiter(c, timeout)
  return spawn({ quiet = true }, function()
    c:acquire()
    local r = table.pack(c:wait(timeout))
    c:release()
    return table.unpack(r, 1, r.n)
  end)
end

describe("a condition", function()
  it("wakes one, some or all of those who wait", function()
    local c, ps = sandbox.condition(), {}
    for i = 1, 6 do ps[i] = waiter(c) end
    sync.await_waiting(c, 6)
    local function notify(method, n, left)
      do
        local _ <close> = c:hold()
        assert.is_true(c[method](c, n))
      end
      sync.await_waiting(c, left)
    end
    notify("notify", nil, 5)
    notify("notify", 2, 3)
    notify("notify_all", nil, 0)
    for i = 1, 6 do assert.are.same({ true }, { results(ps[i]) }) end
  end)

  it("forgets a notification that nobody waits for", function()
    local c = sandbox.condition()
    c:acquire()
    c:notify_all()
    c:notify()
    assert.are.same({ nil, "timeout" }, { c:wait(0.01) })
    assert.are.same({ nil, "timeout" }, { c:wait(0) })
    assert.is_true(c:release())
  end)

  it("releases its lock while it waits, and has it afterwards", function()
    local c = sandbox.condition()
    c:acquire()
    local p = spawn(function()
      c:acquire()
      c:notify()
      c:release()
      return c:acquire(0.02)
    end)
    assert.is_true(c:wait(sync.limit))
    raises("release: the calling process does not hold the lock", function() c:release() c:release() end)
    p:join()
  end)

  it("with an rlock releases all levels, and has as many afterwards", function()
    local l = sandbox.rlock()
    local c = sandbox.condition(l)
    l:acquire()
    l:acquire()
    c:acquire()
    local p = spawn(function()
      local _ <close> = c:hold()
      c:notify()
    end)
    assert.is_true(c:wait(sync.limit))
    results(p)
    for _ = 1, 3 do assert.is_true(l:release()) end
    raises("does not hold the lock", function() l:release() end)
  end)

  it("shares a lock with another, and with who knows the lock alone", function()
    local l = sandbox.lock { name = "shared" }
    local full, empty = sandbox.condition(l), sandbox.condition { lock = l, name = "empty" }
    full:acquire()
    assert.is_truthy(tostring(l):find("held by main", 1, true))
    raises("use sandbox.rlock", function() empty:acquire() end)
    empty:release()
    assert.is_truthy(tostring(empty):match("^condition: empty#%d+ %(nobody waits%)$"))
  end)

  it("gives a notification to the living: those killed or gone use up none", function()
    local c = sandbox.condition()
    for _ in rounds(10) do
      local a, b, last = waiter(c), waiter(c, 0.001), nil
      results(b)
      sync.await_waiting(c, 1)
      last = waiter(c)
      sync.await_waiting(c, 2)
      sync.kill(a)
      local _ <close> = c:hold()
      c:notify()
      c:release()
      assert.are.same({ true }, { results(last) })
      c:acquire()
    end
  end)

  it("whose lock was abandoned meanwhile says so", function()
    local c = sandbox.condition()
    local p = waiter(c)
    sync.await_waiting(c, 1)
    local q = spawn({ quiet = true }, function()
      c:acquire()
      c:notify()
      sandbox.self():kill()
    end)
    q:join()
    assert.are.same({ true, "abandoned" }, { results(p) })
  end)

  it("waits for a function to come true", function()
    local c, q = sandbox.condition(), queue()
    local p = spawn(function()
      local _ <close> = c:hold()
      return c:wait_for(function() return q:len() >= 3 and "three" end)
    end)
    for i = 1, 3 do
      local _ <close> = c:hold()
      q:put(i)
      c:notify_all()
    end
    assert.are.same({ "three" }, { results(p) })
    local _ <close> = c:hold()
    assert.are.equal(7, c:wait_for(function() return 7 end, 0))
    local calls = 0
    assert.are.same({ nil, "timeout" }, { c:wait_for(function() calls = calls + 1 end, 0.01) })
    assert.is_true(calls >= 2)
    local ok, message = pcall(c.wait_for, c, function() error("in fn", 0) end)
    assert.is_false(ok)
    assert.are.equal("in fn", message)
  end)

  it("travels with its lock", function()
    local q, back = queue(), queue()
    local p = spawn(function()
      local c = q:get()
      local _ <close> = c:hold()
      back:put("here")
      c:wait()
      return true
    end)
    do
      local c = sandbox.condition()
      q:put(c)
    end
    collectgarbage()
    assert.are.equal("here", back:get())
    p:kill()
    -- The other way: made by a process that ends, on its way when it does.
    results(spawn(function() q:put(sandbox.condition(sandbox.rlock())) end))
    local c = q:get()
    assert.is_true(c:acquire(0))
    assert.are.same({ nil, "timeout" }, { c:wait(0) })
    assert.is_true(c:release())
  end)

  it("refuses misuse, at the caller's line", function()
    local c = sandbox.condition()
    raises("wait: the calling process does not hold the lock", function() c:wait() end)
    raises("wait_for: the calling process does not hold the lock", function() c:wait_for(function() return true end) end)
    raises("notify: the calling process does not hold the lock", function() c:notify() end)
    raises("notify: the calling process does not hold the lock", function() c:notify_all() end)
    raises("release: the calling process does not hold the lock", function() c:release() end)
    raises("a condition needs a lock, or none", function() sandbox.condition(queue()) end)
    raises("a condition needs a lock, or none", function() sandbox.condition(5) end)
    raises("unknown option 'max'; there are lock, name", function() sandbox.condition { max = 1 } end)
    c:acquire()
    raises("n must be a whole number, 1 or more, not 0", function() c:notify(0) end)
    raises("timeout cannot be negative", function() c:wait(-1) end)
    raises("function expected, got no value", function() c:wait_for() end)
    assert.is_true(c:release())
  end)

  it("is made and collected with its lock, thousands of times", function()
    for _ = 1, 10000 do sandbox.condition() end
    for _ = 1, 10000 do sandbox.condition(sandbox.lock()) end
  end)
end)

describe("producers and consumers over a condition", function()
  it("lose and double nothing", function()
    local c, buffer = sandbox.condition(), queue() -- the queue is a mere list here: never waited for
    local room = sandbox.condition()
    local function produce(first)
      for i = first, first + 99 do
        local _ <close> = c:hold()
        buffer:put(i)
        c:notify()
      end
    end
    local function consume()
      local sum = 0
      for _ = 1, 100 do
        local _ <close> = c:hold()
        c:wait_for(function() return not buffer:empty() end)
        sum = sum + buffer:get(0)
      end
      return sum
    end
    local ps, sum = {}, 0
    for i = 1, 3 do
      ps[i] = spawn(consume)
      spawn(produce, i * 1000)
    end
    for i = 1, 3 do sum = sum + results(ps[i]) end
    assert.are.equal((1000 + 2000 + 3000) * 100 + 3 * 4950, sum)
    assert.is_not_nil(room)
  end)
end)
