-- Task accounting: task_done, and the join of a queue.
local rounds = require "support.rounds"
local script = require "support.script"
local T = 20

local function refuses(q)
  local ok, e = pcall(function() q:task_done() end)
  assert.is_false(ok)
  assert.is_truthy(e:find("^%S*task_spec.lua:%d+: task_done: called more often than items were taken$"), e)
end

for _, transport in ipairs { "auto", "pipe", "shm" } do
  local function make(max) return queue { transport = transport, max = max } end

  describe("a queue's tasks (" .. transport .. "):", function()
    it("join waits until each item was marked", function()
      local q = make()
      assert.is_true(q:join())
      q:put(1) q:put(("x"):rep(5000)) q:put(3)
      assert.are.same({ nil, "timeout" }, { q:join(0) })
      q:get() q:get() q:get()
      assert.are.same({ nil, "timeout" }, { q:join(0.01) })
      assert.is_true(q:task_done())
      q:task_done()
      assert.are.same({ nil, "timeout" }, { q:join(0) })
      q:task_done()
      assert.is_true(q:join())
      assert.is_true(q:join(0))
      q:put(4)
      assert.are.same({ nil, "timeout" }, { q:join(0) })
      q:get()
      q:task_done()
      assert.is_true(q:join(0))
    end)

    it("task_done more often than items were taken is an error, and changes nothing", function()
      local q = make()
      refuses(q)
      q:put(1)
      refuses(q)
      q:get()
      q:task_done()
      refuses(q)
      q:put(2)
      assert.are.same({ nil, "timeout" }, { q:join(0) })
    end)

    it("a closed queue can be worked off, and joined", function()
      local q = make()
      for i = 1, 3 do q:put(i) end
      q:close()
      for _ in q:items() do q:task_done() end
      assert.is_true(q:join(0))
    end)

    it("several workers, several joiners, from other processes (20 rounds)", function()
      for round in rounds(20) do
        local q, done = make(round % 3 == 0 and 5 or nil), queue()
        local workers, joiners = {}, {}
        for w = 1, 3 do
          workers[w] = spawn({ daemon = true }, function()
            while true do
              local x = q:get()
              done:put(x)
              q:task_done()
            end
          end)
        end
        for i = 1, 20 do q:put(i) end
        for j = 1, 2 do
          joiners[j] = spawn(function() return q:join(T), #done end)
        end
        assert.is_true(q:join(T))
        assert.are.equal(20, #done)
        for _, j in ipairs(joiners) do assert.are.same({ true, true, 20 }, { j:join(T) }) end
        for _, w in ipairs(workers) do w:kill() end
      end
    end)

    it("one item at a time: no wake-up is lost (500 times)", function()
      local q = make()
      local worker = spawn({ daemon = true }, function()
        while true do
          q:get()
          q:task_done()
        end
      end)
      for i = 1, 500 do
        q:put(i)
        assert.is_true(q:join(T))
      end
      worker:kill()
    end)

    it("kills of workers leave the count true: what they had in hand stays open, all else is done (30 rounds)", function()
      for _ in rounds(30) do
        local q, begun, ended = make(), queue(), queue()
        local workers = {}
        for w = 1, 3 do
          workers[w] = spawn({ daemon = true, quiet = true }, function()
            while true do
              local x = q:get()
              begun:put(x)
              for _ = 1, 200 do end
              q:task_done()
              ended:put(x)
            end
          end)
        end
        for i = 1, 60 do q:put(i) end
        local until_n = math.random(40)
        while #begun < until_n do end
        for _, w in ipairs(workers) do w:kill() end
        for _, w in ipairs(workers) do w:join(T) end
        local left = 0
        for _ in function() return (q:try_get()) end do
          left = left + 1
          q:task_done()
        end
        local open = 0
        while pcall(q.task_done, q) do open = open + 1 end
        assert.is_true(open <= 3, open)
        assert.is_true(q:join(0)) -- whatever is open was in the hands of the killed
        assert.is_true(left + #begun + 3 >= 60 and #ended <= #begun)
      end
    end)

    it("killed and stopped joiners hold up nobody", function()
      local q = make()
      q:put(1)
      q:get()
      local joiners = {}
      for j = 1, 6 do joiners[j] = spawn({ quiet = true, daemon = true }, function() return q:join() end) end
      sleep(0.02)
      joiners[1]:kill()
      joiners[2]:kill()
      os.execute("kill -STOP " .. joiners[3].pid)
      local mine = spawn(function() return q:join(T) end)
      sleep(0.01)
      q:task_done()
      assert.is_true(q:join(T))
      assert.is_true(mine:result(T))
      for j = 4, 6 do assert.is_true(joiners[j]:result(T)) end
      os.execute("kill -CONT " .. joiners[3].pid)
      assert.is_true(joiners[3]:result(T))
    end)
  end)
end

describe("a queue's join", function()
  it("is told in reports", function()
    local r = script.run([[
      local q = queue { name = "jobs" }
      q:put(1)
      q:join()
    ]], { args = "--timeout 5" })
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("main waits in join at " .. r.name .. ":3 for queue jobs#1, which nobody else can finish",
      1, true), r.err)
  end)

  it("refuses what makes no sense", function()
    assert.has_error(function() queue():join(-1) end)
    assert.has_error(function() queue():join("x") end)
    assert.has_error(function() queue().join() end)
    assert.has_error(function() queue().task_done() end)
  end)
end)

describe("a worker killed in task_done", function()
  local function run(plan, text)
    return script.run(text, { env = "SANDBOX_FAULT=" .. plan, args = "--timeout 15" })
  end
  local has_faults = script.has_faults()

  it("before it counts: the item stays open; after it: it is done, and a sleeping joiner learns it", function()
    if not has_faults then return pending(script.NO_FAULTS) end
    for _, transport in ipairs { "auto", "pipe", "shm" } do
      for point, outcome in pairs { ["queue.done.before-commit"] = "nil timeout", ["queue.done.after-commit"] = "true nil" } do
        local r = run(point .. "@2:2:kill", ([[
          local q, asleep = queue { transport = "%s" }, queue()
          for i = 1, 2 do q:put(i) end
          local worker = spawn({ quiet = true }, function()
            asleep:get()
            for _ = 1, 2 do q:get() q:task_done() end
          end)
          local joiner = spawn(function() asleep:put(1) return q:join() end)
          worker:join()
          local ok, reason = q:join(0)
          if ok then joiner:result() else joiner:kill() end
          print(ok, reason, worker.signal, (pcall(q.task_done, q)))
        ]]):format(transport))
        local ok, reason, signal, open = r.out:match("(%S+)\t(%S+)\t(%S+)\t(%S+)")
        assert.are.equal(outcome, ok .. " " .. reason, point .. ": " .. r.err)
        assert.are.same({ "9", tostring(point == "queue.done.before-commit") }, { signal, open })
      end
    end
  end)
end)
