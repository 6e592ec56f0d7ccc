-- Kills in explorations: of each way to wait for a helper, what becomes of those that wait when it is killed.
local explore = sandbox.explore

-- A program in which main needs a helper; how it fails when that is killed, nil: it does not.
local PROGRAMS = {
  ["a queue"] = { "deadlock", function()
    local q = queue()
    spawn(function() q:put(1) end)
    assert(q:get() == 1)
  end },
  ["a pipe: it is closed"] = { "error", function()
    local a, b = sandbox.pipe()
    spawn(function() b:send(1) end)
    assert(a:recv() == 1)
  end },
  ["a latch"] = { "deadlock", function()
    local l = sandbox.latch(1)
    spawn(function() l:down() end)
    l:wait()
  end },
  ["an event"] = { "deadlock", function()
    local e = sandbox.event()
    spawn(function() e:set() end)
    e:wait()
  end },
  ["a condition"] = { "deadlock", function()
    local lock, done = sandbox.lock(), sandbox.value(false)
    local c = sandbox.condition(lock)
    spawn(function()
      local _ <close> = lock:hold()
      done:set(true)
      c:notify()
    end)
    local _ <close> = lock:hold()
    while not done:get() do c:wait() end
  end },
  ["a value"] = { "deadlock", function()
    local x = sandbox.value(0)
    spawn(function() x:set(1) end)
    x:wait_for(function(v) return v == 1 end)
  end },
  ["a dict"] = { "deadlock", function()
    local d = sandbox.dict()
    spawn(function() d.k = 1 end)
    d:wait_for("k", function(v) return v == 1 end)
  end },
  ["a mailbox"] = { "deadlock", function()
    local main = sandbox.self()
    spawn(function() main:send(1) end)
    assert(sandbox.receive() == 1)
  end },
  ["a mailbox, with a predicate"] = { "deadlock", function()
    local main = sandbox.self()
    spawn(function() main:send(1) end)
    assert(sandbox.receive(function(v) return v == 1 end) == 1)
  end },
  ["a name"] = { "error", function()
    local p = spawn({ name = "helper" }, function() return (sandbox.receive()) end)
    local found = sandbox.find("helper")
    assert(found and found:send(1) and p:result() == 1)
  end },
  ["a topic"] = { "deadlock", function()
    local t = sandbox.topic()
    local s <close> = t:subscribe()
    spawn(function() t:publish(1) end)
    assert(s:get() == 1)
  end },
  ["a topic, with a maximum"] = { "deadlock", function()
    local t = sandbox.topic()
    local s <close> = t:subscribe(1)
    spawn(function() t:publish(1) end)
    assert(s:get() == 1)
  end },
  ["a monitor"] = { "deadlock", function()
    local m = sandbox.monitor { n = 0 }
    spawn(function() m:when(function() return true end, function(f) f.n = 1 end) end)
    m:when(function(f) return f.n == 1 end, function() end)
  end },
  ["a call"] = { "error", function()
    local q = queue()
    spawn(function() for request, answer in q:calls() do answer(request) end end)
    assert(q:call(1) == 1)
    q:close()
  end },
  ["a barrier: it breaks"] = { "error", function()
    local b = sandbox.barrier(2)
    spawn(function() b:wait() end)
    assert(b:wait())
  end },
  ["a semaphore"] = { "deadlock", function()
    local s = sandbox.semaphore(0)
    spawn(function() s:release() end)
    s:acquire()
  end },
  ["a select"] = { "deadlock", function()
    local q, e = queue(), sandbox.event()
    spawn(function() q:put(1) end)
    sandbox.select { q, e }
  end },
  ["a task of a queue"] = { "deadlock", function()
    local q = queue()
    q:put(1)
    spawn(function() q:get() q:task_done() end)
    q:join()
  end },
  ["a result"] = { "error", function() assert(spawn(function() return 5 end):join()) end },
  ["a result, after its last step"] = { "error", function()
    local q = queue()
    local p = spawn(function() q:put(1) end)
    if q:get(1) then assert(p:join()) end
  end },
  ["a queue with redeliver: the item comes back"] = { nil, function()
    local jobs, done = queue { redeliver = true }, queue()
    jobs:put("one")
    local function work()
      for job in jobs:items() do done:put(job) end
    end
    local p = spawn({ quiet = true }, work)
    jobs:close()
    p:join()
    work()
    assert(done:get(0) == "one" and #jobs == 0)
  end },
  ["a queue with redeliver, and who waits for the end of its items"] = { nil, function()
    local jobs = queue { redeliver = true }
    jobs:put(1)
    spawn({ quiet = true }, function() if jobs:get() then jobs:task_done() end end)
    jobs:close()
    for _ in jobs:items() do end
    assert(#jobs == 0 and jobs:join())
  end },
  ["a queue with redeliver, of what is done twice"] = { "error", function()
    local jobs, n = queue { redeliver = true }, sandbox.value(0)
    jobs:put(true)
    spawn({ quiet = true }, function() jobs:get() n:add(1) end):join()
    if jobs:get(0) then n:add(1) end
    assert(n:get() == 1)
  end },
  ["a lock: that of a process that was killed is free"] = { nil, function()
    local lock, n = sandbox.lock(), sandbox.value(0)
    spawn(function() local _ <close> = lock:hold() n:add(1) end)
    local _ <close> = lock:hold()
    assert(n:get() <= 1)
  end },
  ["a lock for readers and writers: likewise"] = { nil, function()
    local lock, n = sandbox.rwlock(), sandbox.value(0)
    spawn(function() local _ <close> = lock:write() n:add(1) end)
    local _ <close> = lock:read()
    assert(n:get() <= 1)
  end },
  ["a lock for readers and writers, of what is written under it"] = { "error", function()
    local lock, n = sandbox.rwlock(), sandbox.value(0)
    spawn(function() local _ <close> = lock:write() n:add(1) end):join()
    local _ <close> = lock:read()
    assert(n:get() == 1)
  end },
}

describe("a helper that may be killed", function()
  for name, program in pairs(PROGRAMS) do
    it("at " .. name, function()
      local well = explore(program[2])
      assert.is_true(well.complete and well.ok, well.report)
      local r = explore(program[2], { kills = 1 })
      assert.is_true(r.complete, r.report)
      assert.is_true(r.states > well.states, r.report)
      assert.are.equal(program[1], r.failures[1] and r.failures[1].kind, r.report)
      assert.is_truthy(r.report:find("of which one may be killed", 1, true), r.report)
      for _, failure in ipairs(r.failures) do assert.is_truthy(failure.token:find("!p1", 1, true), r.report) end
    end)
  end
end)

describe("nobody to kill", function()
  it("is said: main is never killed", function()
    local r = explore(function() sandbox.value(0):set(1) end, { kills = 1 })
    assert.is_true(r.complete and r.ok, r.report)
    assert.is_truthy(r.report:find("1 process, of which none could be killed, all tried", 1, true), r.report)
  end)
end)

describe("two kills", function()
  it("are told as two", function()
    local r = explore(function()
      local q = queue()
      for _ = 1, 2 do spawn(function() q:put(1) end) end
      q:get()
    end, { kills = 2 })
    assert.are.equal("deadlock", r.failures[1].kind)
    assert.is_truthy(r.report:find("of which 2 may be killed", 1, true), r.report)
  end)
end)
