-- sandbox.deadline stands wherever a timeout may; sandbox.every ticks without drift.
local raised = require "support.raised"
local T = 30

describe("a deadline", function()
  it("stands wherever a timeout may", function()
    local over, idle = sandbox.deadline(0), spawn(function() sleep(1000) end)
    local q, full, a = queue(), queue(1), sandbox.pipe()
    local free, taken, none = sandbox.lock(), sandbox.lock(), sandbox.semaphore(0)
    local gate, holder = queue(), nil
    full:put(1)
    holder = spawn(function()
      local _ <close> = taken:hold()
      gate:put(1)
      sleep(1000)
    end)
    gate:get(T)
    local condition = sandbox.condition(free)
    local pool = sandbox.pool(1)
    local task = pool:submit(sleep, 1000)
    free:acquire(over)
    q:put(1, over)
    assert.are.equal(1, q:get(over))
    for _, call in ipairs {
      function() return q:get(over) end, function() return queue_get(q, over) end, function() return full:put(2, over) end,
      function() return idle:join(over) end, function() return join(idle, over) end, function() return idle:result(over) end,
      function() return a:recv(over) end, function() return taken:acquire(over) end, function() return taken:hold(over) end,
      function() return none:acquire(over) end, function() return sandbox.event():wait(over) end,
      function() return condition:wait(over) end,
      function() return condition:wait_for(function() return false end, over) end,
      function() return sandbox.select({ q, idle }, over) end, function() return sandbox.select({ task }, over) end,
      function() return sandbox.join_all({ idle }, over) end, function() return task:join(over) end,
      function() return task:result(over) end, function() return pool:map(sleep, { 1000 }, 1, over) end,
      function() return pool:map(sleep, { 1000 }, { timeout = over }) end,
    } do
      assert.are.same({ nil, "timeout" }, { call() })
    end
    assert.is_false(a:poll(over))
    raised("timeout", function() for _ in q:items(over) do end end)
    raised("timeout", function() for _ in sandbox.as_completed({ idle }, over) do end end)
    assert.are.same({ nil, "broken" }, { sandbox.barrier(1):wait(over) == 1 and nil, "broken" })
    sleep(over)
    assert.are.same({ 1, true }, { sandbox.select { sandbox.after(over) } })
    pool:terminate()
    holder:kill()
    assert.is_true(idle:stop(over))
  end)

  it("is one limit for many calls", function()
    local q, limit = queue(), sandbox.deadline(0.05)
    local from = sandbox.now()
    repeat assert.are.same({ nil, "timeout" }, { q:get(sandbox.deadline(limit:left() / 2)) }) until limit:left() == 0
    assert.is_true(sandbox.now() - from >= 0.05 - 1e-6)
  end)

  it("means the same in every process, and can be sent", function()
    local limit, q = sandbox.deadline(1000), queue()
    local p = spawn(function() return limit == q:get(T), limit:left() end)
    q:put(limit)
    local same, left = p:result(T)
    assert.is_true(same)
    assert.is_true(left <= 1000 and left > 900)
    assert.are.equal(limit, sandbox.deadline(limit))
    assert.is_truthy(tostring(sandbox.deadline(0)):find("^deadline: 0.000 s left$"))
    assert.are.equal(math.huge, sandbox.deadline(math.huge):left())
  end)

  it("says what is wrong", function()
    raised("seconds expected, got no value", sandbox.deadline)
    raised("a timeout cannot be negative", sandbox.deadline, -1)
    raised("a timeout cannot be NaN", sandbox.deadline, 0 / 0)
    raised("timeout in seconds expected, got string", sandbox.deadline, "x")
    raised("timeout in seconds expected, got table", queue().get, queue(), {})
    raised("deadline expected, got table", sandbox.deadline(1).left, {})
  end)
end)

describe("every(s)", function()
  it("is ready each s seconds, without drift", function()
    local from, tick, n = sandbox.now(), sandbox.every(0.02), 0
    for k = 1, 5 do
      local i, ticks = sandbox.select { tick }
      n = n + ticks
      assert.are.equal(1, i)
      assert.is_true(sandbox.now() - from >= 0.02 * n - 1e-6, k)
      if k == 2 then sleep(0.01) end -- work does not move the next tick
    end
  end)

  it("counts the ticks that were missed, and does not pile them up", function()
    local q, tick = queue(), sandbox.every(0.02)
    sleep(0.1)
    local i, ticks = sandbox.select({ q, tick }, 0)
    assert.are.equal(2, i)
    assert.is_true(ticks >= 5)
    q:put("item")
    assert.are.same({ 1, "item" }, { sandbox.select { q, tick, ordered = true } })
  end)

  it("has its own count in each process", function()
    local tick = sandbox.every(0.01)
    local p = spawn(function() return sandbox.select({ tick }, T) end)
    assert.are.equal(1, (p:result(T)))
    assert.are.equal(1, (sandbox.select({ tick }, T)))
  end)

  it("says what is wrong", function()
    raised("above 0", sandbox.every, 0)
    raised("above 0", sandbox.every, 0 / 0)
    raised("number expected", sandbox.every)
  end)
end)

describe("select with names", function()
  it("returns the name in place of an index", function()
    local news, mail, full = queue(), queue(), queue(1)
    full:put(1)
    mail:put("letter")
    assert.are.same({ "mail", "letter" }, { sandbox.select { news = news, mail = mail } })
    assert.are.same({ nil, "timeout" }, { sandbox.select({ news = news, mail = mail }, 0) })
    assert.are.same({ "late", true }, { sandbox.select { news = news, late = sandbox.after(0.001) } })
    local p = spawn(math.max, 3, 9)
    assert.are.same({ "p", true, 9 }, { sandbox.select { news = news, p = p, [""] = full:putting(2) } })
    news:close()
    assert.are.same({ "news", nil, "closed" }, { sandbox.select { news = news, mail = mail } })
  end)

  it("waits for tasks of pools, too", function()
    local pool <close> = sandbox.pool(1)
    local q = queue()
    assert.are.same({ "sum", true, 5 }, { sandbox.select { sum = pool:submit(math.max, 2, 5), q = q } })
    assert.are.same({ 2, true, 5 }, { sandbox.select { q, pool:submit(math.max, 2, 5) } })
    assert.are.same({ nil, "timeout" }, { sandbox.select({ q = q, t = pool:submit(sleep, 0.05) }, 0) })
  end)

  it("is fair among all that are ready", function()
    local a, b, seen = queue(), queue(), { a = 0, b = 0 }
    for i = 1, 200 do a:put(i) b:put(i) end
    for _ = 1, 200 do
      local k = sandbox.select { a = a, b = b }
      seen[k] = seen[k] + 1
    end
    assert.is_true(seen.a > 20 and seen.b > 20)
  end)

  it("works where an iterator of a pool gives way", function()
    local pool <close> = sandbox.pool(1)
    local news, mail, n = queue(), queue(), 0
    local p = spawn(function()
      for i = 1, 5 do
        sleep(0.002)
        mail:put(i)
      end
      while #mail > 0 do sleep(0.002) end
      news:put("end")
    end)
    local keys = {}
    local list = pool:map(function(x) return 2 * x end, function()
      local k, v = sandbox.select { news = news, mail = mail }
      keys[k] = (keys[k] or 0) + 1
      n = n + 1
      if k == "mail" then return v end
    end)
    assert.are.same({ { 2, 4, 6, 8, 10 }, { mail = 5, news = 1 } }, { list, keys })
    p:join(T)
  end)

  it("says what is wrong", function()
    local q = queue()
    raised("some entries have names, others an index: give a name to each, or to none", sandbox.select, { news = q, q })
    raised("entry news: 3 cannot be waited for", sandbox.select, { news = 3, mail = q })
    raised("entries with names have no order: use a list", sandbox.select, { news = q, ordered = true })
    raised("the key of an entry must be a name or an index, not 1.5", sandbox.select, { [1.5] = q })
    local closed = queue()
    closed:close()
    raised("entry out: put on a closed queue", sandbox.select, { out = closed:putting(1) })
  end)
end)
