-- queue { redeliver = true }: what a process has in hand comes back when it dies, and not otherwise.
local rounds = require "support.rounds"
local script = require "support.script"
local sync = require "support.sync"
local raises, results, limit, await, kill = sync.raises, sync.results, sync.limit, sync.await, sync.kill

-- A process that does this with the queue, and then waits for ever.
local function holder(q, fn)
  local there = queue()
  local p = spawn({ quiet = true }, function()
    fn(q)
    there:put(true)
    sleep(1000)
  end)
  assert(there:get(limit), "the holder did not come so far")
  return p
end

local function filled(n, options)
  local q = queue(options or { redeliver = true })
  for i = 1, n do q:put(i) end
  return q
end

-- All that is in the queue, by peek.
local function all(q) return table.concat(q:peek(100), " ") end

describe("a queue with redeliver", function()
  it("is made by queue{redeliver=true}, and refuses what it cannot be", function()
    local q = queue { redeliver = true, name = "jobs", max = 3 }
    assert.is_truthy(tostring(q):find("^queue: jobs#%d+ %(0 of 3 items%)$"), tostring(q))
    raises("redeliver must be true or false", function() queue { redeliver = 1 } end)
    raises("redeliver needs a queue with room", function() queue { redeliver = true, max = 0 } end)
    raises('redeliver needs transport "auto" or "shm"', function() queue { redeliver = true, transport = "pipe" } end)
    assert.are.equal(0, #queue { redeliver = false, max = 0 })
  end)

  it("gives back what a process had in hand when it was killed, to the front", function()
    for _ in rounds(20) do
      local q = filled(4)
      local p = holder(q, function() assert(q:get() == 1) end)
      assert.are.equal(3, #q)
      kill(p)
      assert.are.equal(4, #q)
      assert.are.equal("1 2 3 4", all(q))
      assert.are.equal(1, q:peek())
      for i = 1, 4 do assert.are.equal(i, q:get(0)) end
      assert.are.same({ nil, "timeout" }, { q:get(0) })
    end
  end)

  it("keeps the old order, whoever dies first", function()
    local q = filled(5)
    local a = holder(q, function() q:get() end)
    local b = holder(q, function() q:get() end)
    local c = holder(q, function() q:get() end)
    kill(b)
    kill(a)
    assert.are.equal("1 2 4 5", all(q))
    kill(c)
    assert.are.equal("1 2 3 4 5", all(q))
  end)

  it("forgets what was given up: by the next get, whatever comes of it", function()
    local q = filled(3)
    kill(holder(q, function() q:get() q:get() end))
    assert.are.equal("2 3", all(q))
    kill(holder(q, function() q:get() q:get() assert(q:get(0) == nil) end))
    assert.are.equal("", all(q))
    q:put(4)
    kill(holder(q, function() for _ in q:items() do break end end))
    assert.are.equal("4", all(q))
  end)

  it("forgets what a process had in hand that ended well, and no other", function()
    for how, left in pairs { ["return"] = "", exit = "", ["exit 3"] = "1", error = "1", interrupt = "1" } do
      local q, there = filled(1), queue()
      local p = spawn({ quiet = true }, function()
        q:get()
        there:put(true)
        if how == "exit" then os.exit(0) end
        if how == "exit 3" then os.exit(3) end
        if how == "error" then error("that was too much") end
        if how == "interrupt" then sleep(1000) end
      end)
      there:get()
      if how == "interrupt" then p:interrupt() end
      p:join()
      assert.are.equal(left, all(q), how)
    end
  end)

  it("takes several with get_all, and the next get gives up all of them", function()
    local q = filled(6)
    local p = holder(q, function() assert(#q:get_all(4) == 4) end)
    assert.are.equal("5 6", all(q))
    kill(p)
    assert.are.equal("1 2 3 4 5 6", all(q))
    kill(holder(q, function() q:get_all(3) assert(#q:get_all(2) == 2) end))
    assert.are.equal("4 5 6", all(q))
    assert.are.equal(3, q:put_all { 7, 8, 9 })
    assert.are.same({ 4, 5, 6, 7, 8, 9 }, q:get_all(100))
    assert.are.same({ nil, "timeout" }, { q:get_all(100, 0) })
    assert.is_true(q:join(limit))
  end)

  it("counts as done what was given up, and join waits for that", function()
    local q = filled(3)
    assert.are.same({ nil, "timeout" }, { q:join(0) })
    q:get_all(3)
    assert.are.same({ nil, "timeout" }, { q:join(0) })
    q:task_done()
    q:task_done()
    assert.are.same({ nil, "timeout" }, { q:join(0) })
    q:task_done()
    assert.is_true(q:join(0))
    raises("called more often than items were taken", function() q:task_done() end)
    q:put(4)
    local p = spawn(function() return (q:join(limit)) end)
    local w = spawn(function() assert(q:get() == 4) end)
    results(w)
    assert.is_true(results(p))
    -- another's item is not to be marked
    q:put(5)
    local h = holder(q, function() q:get() end)
    raises("called more often than items were taken", function() q:task_done() end)
    kill(h)
    assert.are.equal(1, #q)
  end)

  it("marks the oldest that the process has in hand", function()
    local q = filled(3)
    kill(holder(q, function() q:get_all(3) q:task_done() end))
    assert.are.equal("2 3", all(q))
  end)

  it("is not at its end as long as something may come back", function()
    for _ in rounds(20) do
      local q = filled(1)
      local p = holder(q, function() q:get() end)
      q:close()
      assert.are.same({ nil, "empty" }, { q:peek() })
      assert.are.same({ nil, "timeout" }, { q:get(0) })
      local r = spawn(function() return q:get(limit), select(2, q:get(limit)) end)
      await(function() return r:status() == "running" end)
      kill(p)
      assert.are.same({ 1, "closed" }, { results(r) })
      assert.are.same({ nil, "closed" }, { q:get(0) })
      assert.are.same({ nil, "closed" }, { q:peek() })
    end
  end)

  it("is at its end when the last item is given up: all that wait in get are told", function()
    for _ in rounds(20) do
      local q, ws = filled(20), {}
      q:close()
      for i = 1, 4 do
        ws[i] = spawn(function()
          local n = 0
          for _ in q:items(limit) do n = n + 1 end
          return n
        end)
      end
      local n = 0
      for i = 1, 4 do n = n + results(ws[i]) end
      assert.are.equal(20, n)
    end
  end)

  it("is at its end when the holder ends well", function()
    local q = filled(1)
    q:close()
    local go = sandbox.event()
    local p = spawn(function() q:get() go:wait() end)
    await(function() return #q == 0 end)
    local r = spawn(function() return q:get(limit) end)
    go:set()
    results(p)
    assert.are.same({ nil, "closed" }, { results(r) })
  end)

  it("can be waited for in a select", function()
    local q, other = filled(3), queue()
    local i, v = sandbox.select { other, q }
    assert.are.same({ 2, 1 }, { i, v })
    i, v = sandbox.select { q, other }
    assert.are.same({ 1, 2 }, { i, v })
    kill(holder(q, function() sandbox.select { q, other } end))
    assert.are.equal("3", all(q))
    q:get()
    q:get(0)
    local w = spawn(function() return select(2, sandbox.select({ other, q }, limit)) end)
    local h = holder(q, function() q:put(9) end)
    assert.are.equal(9, results(w))
    kill(h)
  end)

  it("wakes a select, too, when something comes back", function()
    for _ in rounds(10) do
      local q, other = filled(1), queue()
      local p = holder(q, function() q:get() end)
      local w = spawn(function() return select(2, sandbox.select({ other, q }, limit)) end)
      kill(p)
      assert.are.equal(1, results(w))
    end
  end)

  it("has room again for what was taken; what comes back may be more than max", function()
    local q = filled(2, { redeliver = true, max = 2 })
    assert.is_true(q:full())
    local p = holder(q, function() q:get() q:put(3) end)
    assert.are.same({ nil, "timeout" }, { q:put(4, 0) })
    kill(p)
    assert.are.equal("1 2 3", all(q))
    assert.are.equal(3, #q)
    assert.is_true(q:full())
    q:get()
    assert.are.same({ nil, "timeout" }, { q:put(4, 0) })
    q:get()
    assert.is_true(q:put(4, 0))
    assert.are.equal("3 4", all(q))
  end)

  it("carries what other queues carry, again and again", function()
    local q, door = queue { redeliver = true }, queue()
    local long = ("x"):rep(300000)
    q:put { door, long, function() return 7 end }
    for _ = 1, 3 do kill(holder(q, function() assert(q:get()[3]() == 7) end)) end
    door = nil -- luacheck: ignore
    collectgarbage()
    local item = q:get()
    assert.are.equal(long, item[2])
    item[1]:put "through it"
    assert.are.equal("through it", item[1]:get(0))
    q:put "end"
    assert.are.equal("end", q:get())
  end)

  it("keeps what is in hand when the handle is dropped", function()
    local q = queue { redeliver = true }
    q:put { 1, 2 }
    local there, go = queue(), sandbox.event()
    local function work(r)
      local item = r:get()
      r = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      there:put(item[2])
      go:wait()
    end
    local box = queue()
    for round = 1, 2 do
      go:clear()
      box:put(q)
      local p = spawn({ quiet = true }, function() work(box:get()) end)
      assert.are.equal(2, there:get(limit))
      if round == 1 then
        kill(p)
        assert.are.equal(1, #q)
      else
        go:set()
        results(p)
        assert.are.equal(0, #q)
        assert.is_true(q:join(limit))
      end
    end
  end)

  it("costs nothing when its handle is dropped with an item in hand, and nobody else can have it", function()
    local r = script.run([[
      for i = 1, 300 do
        local q = queue { redeliver = true }
        q:put(i)
        if i % 8 == 0 then spawn(function() assert(#q == 1) end):join() end
        assert(q:get() == i)
      end
    ]], { shell = "( ulimit -n 100; %s )" })
    assert.are.equal(0, r.status, r.err)
  end)

  it("is kept for a process that still has it when the handle is dropped, also beside many others", function()
    local r = script.run([[
      local go, told, kids = sandbox.event(), queue(), {}
      for i = 1, 8 do
        local q = queue { redeliver = true }
        q:put(i)
        kids[i] = spawn(function()
          go:wait()
          assert(#q == 0)
          assert(q:join(0) == nil) -- it is in hand
          told:put(i)
          return q:join(20)
        end)
        assert(q:get() == i)
      end
      for i = 1, 100 do
        local q = queue { redeliver = true }
        q:put(i)
        assert(q:get() == i)
      end
      collectgarbage()
      collectgarbage()
      local holder = spawn(function() go:set() for _ = 1, 8 do told:get() end end)
      assert(holder:join(20))
    ]], { shell = "( ulimit -n 160; %s )" })
    assert.are.equal(0, r.status, r.err)
  end)

  it("is one queue by whatever handle", function()
    local q, box = filled(3), queue()
    box:put(q)
    kill(holder(q, function()
      local r = box:get()
      assert(q:get() == 1)
      assert(r:get() == 2)
      assert(q:get() == 3)
    end))
    assert.are.equal("3", all(q))
  end)

  it("leaves what its parent has in hand to the parent", function()
    local q = filled(2)
    kill(holder(q, function()
      q:get()
      results(spawn(function() assert(q:get(0) == 2) end))
      assert(#q == 0)
    end))
    assert.are.equal("1", all(q))
    q:get()
    assert.is_true(select("#", q:get(0)) == 2 and q:join(0))
  end)

  it("takes no more than 1024 items into hands", function()
    local q = filled(1030)
    assert.are.equal(1024, #q:get_all(2000))
    local p = spawn({ quiet = true }, function() return pcall(q.get, q, 0) end)
    local _, ok, message = p:join()
    assert.is_false(ok)
    assert.is_truthy(message:find("1024 of its items are in the hands of processes", 1, true), message)
    assert.are.equal(6, #q)
    assert.are.equal(1025, q:get())
    assert.are.equal(1026, q:get())
  end)

  it("keeps what came after the oldest item in hand; an error says so when there is no room for more", function()
    -- A limit on the size of files makes a small log.
    local r = script.run([[
      local q, there, go = queue { redeliver = true }, queue(), sandbox.event()
      q:put("old")
      local slow = spawn(function() q:get() there:put(true) go:wait() end)
      there:get(30)
      local item, n, ok, e = ("x"):rep(1 << 16), 0, true, nil
      while ok do
        ok, e = pcall(function() q:put(item) assert(q:get(0) == item) end)
        n = n + 1
        assert(n < 1000, "it never came to the cap")
      end
      io.stderr:write(e, "\n")
      assert(#q == 0)
      go:set()
      slow:join(30)
      for _ = 1, 2 * n do q:put(item) assert(q:get(0) == item) end
      print(n > 10)
    ]], { shell = "( ulimit -f 16384; %s )", seconds = 30 })
    assert.are.equal("true\n", r.out, r.err)
    assert.is_truthy(r.err:find("with redeliver, it keeps all that came after the oldest item in hand", 1, true), r.err)
  end)

  it("loses none, and doubles none but once for each death", function()
    local total = 60 * rounds.count(10)
    local q, out, ps, started = queue { redeliver = true, max = 50 }, queue(), {}, 0
    local function start(i)
      started = started + 1
      ps[i] = spawn({ quiet = true }, function()
        if i % 2 == 0 then
          for v in q:items() do out:put(v) end
        else
          repeat
            local list = q:get_all(3)
            for _, v in ipairs(list or {}) do out:put(v) end
          until not list
        end
      end)
    end
    for i = 1, 4 do start(i) end
    local kills, n = 0, 0
    local feeder = spawn(function()
      for i = 1, total do q:put(i) end
      q:close()
    end)
    local seen, doubled = {}, 0
    local function note(v)
      if seen[v] then doubled = doubled + 1 else n = n + 1 end
      seen[v] = true
    end
    while n < total do
      note(assert(out:get(limit), "an item is lost"))
      if math.random() < 0.2 and n < total then
        local i = math.random(4)
        kill(ps[i])
        kills = kills + 1
        start(i)
      end
    end
    results(feeder)
    for i = 1, 4 do ps[i]:join(limit) end
    for _ = 1, #out do note(out:get(0)) end
    assert.are.equal(total, n)
    assert.is_true(doubled <= 3 * kills, doubled .. " doubled by " .. kills .. " kills")
    assert.are.equal(0, #q)
  end)

  -- The reader stands there until the taker has ended.
  it("wakes a reader for which the taker ends just before it sleeps", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    local r = script.run([[
      local q, there = queue { redeliver = true }, queue()
      q:put "job"
      local taker = spawn({ quiet = true }, function() q:get() there:put(true) sleep(1000) end)
      there:get(30)
      local reader = spawn(function() return q:get(30) end)
      while reader:status() ~= "stopped" do sleep(0.01) end
      taker:kill()
      taker:join(30)
      reader:resume()
      print(reader:result(20))
    ]], { env = "SANDBOX_FAULT=queue.hands.watch@3:1:stop,wait.slice:0:fail", seconds = 60 })
    assert.are.equal("job\n", r.out, r.err)
  end)

  -- The writer stands there, in the middle of its look, while another gives back what came back.
  it("knows that it is full while another learns what came back", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    local r = script.run([[
      local q, there = queue { redeliver = true, max = 2 }, queue()
      q:put "a" q:put "b"
      local taker = spawn({ quiet = true }, function() q:get() there:put(true) sleep(1000) end)
      there:get(30)
      taker:kill()
      taker:join(30)
      local writer = spawn(function() return (q:put("c", 0)) end)
      while writer:status() ~= "stopped" do sleep(0.01) end
      assert(q:peek() == "a")
      writer:resume()
      print(writer:result(20), #q)
    ]], { env = "SANDBOX_FAULT=queue.hands.look@3:1:stop", seconds = 60 })
    assert.are.equal("nil\t2\n", r.out, r.err)
  end)

  -- The taker stands there, and holds the lock that each reader needs.
  it("keeps the timeout of a get while a taker is stopped", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    local r = script.run([[
      local q = queue { redeliver = true }
      q:put(1) q:put(2)
      local taker = spawn(function() return q:get() end)
      while taker:status() ~= "stopped" do sleep(0.01) end
      print(q:get(0.1)) print(q:try_get()) print(q:get_all(2, 0.1))
      taker:resume()
      print(taker:result(20))
    ]], { env = "SANDBOX_FAULT=queue.hands.before-commit@2:1:stop", seconds = 60 })
    assert.are.equal("nil\ttimeout\nnil\ttimeout\nnil\ttimeout\n1\n", r.out, r.err)
  end)

  -- It is stopped while the bell rings, and the bell is silent again when it goes on: only the taker can have woken it.
  for how, get in pairs {
    get = function(q) return q:get(limit) end,
    select = function(q) return select(2, sandbox.select({ queue(), q }, limit)) end,
  } do
    it("wakes a reader that has not seen who took the item: " .. how, function()
      local q, taker = queue { redeliver = true }, nil
      local reader = spawn(function() return get(q) end)
      for job = 1, 3 do
        assert.is_true(script.asleep(reader.pid))
        reader:pause()
        q:put(job)
        if taker then kill(taker) end
        if taker then assert.are.equal(job - 1, q:get(limit)) end
        taker = holder(q, function() assert(q:get(limit) == job) end)
        assert.is_nil((q:get(0.2)))
        reader:resume()
      end
      assert.is_true(script.asleep(reader.pid))
      kill(taker)
      assert.are.equal(3, reader:result(10))
    end)
  end

  it("wakes a reader when one of many ends that have something in hand", function()
    local q, holders = filled(20), {}
    for i = 1, 20 do holders[i] = holder(q, function() q:get() end) end
    local reader = spawn(function() return q:get(limit) end)
    assert.is_true(script.asleep(reader.pid))
    kill(table.remove(holders))
    assert.are.equal(20, reader:result(10))
    for _, p in ipairs(holders) do kill(p) end
  end)
end)
