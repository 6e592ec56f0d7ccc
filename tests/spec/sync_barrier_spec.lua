-- Barriers: all or nobody; and nobody hangs because somebody died.
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

local function there(b) return tonumber(tostring(b):match("%((%d+) of")) end

local function await_there(b, n)
  sync.await(function() return there(b) == n end, n .. " at " .. tostring(b))
end

local function party(b, timeout) return spawn({ quiet = true }, function() return b:wait(timeout) end) end

describe("a barrier", function()
  it("lets nobody go before all are there, round after round", function()
    local n, rounds = 4, 100
    local b, log = sandbox.barrier(n), queue()
    local ps = {}
    for i = 1, n do
      ps[i] = spawn(function()
        local sum = 0
        for r = 1, rounds do
          log:put(r)
          sum = sum + b:wait()
        end
        return sum
      end)
    end
    local sum = 0
    for i = 1, n do sum = sum + results(ps[i]) end
    assert.are.equal(rounds * n * (n + 1) // 2, sum) -- in each round the numbers from 1 to n
    for r = 1, rounds do
      for _ = 1, n do assert.are.equal(r, log:get(0)) end
    end
  end)

  it("numbers the parties in the order of arrival", function()
    local b = sandbox.barrier(3)
    local first = party(b)
    await_there(b, 1)
    local second = party(b)
    await_there(b, 2)
    assert.are.equal(3, b:wait())
    assert.are.same({ 1, 2 }, { results(first), (results(second)) })
    assert.are.equal(1, sandbox.barrier(1):wait())
  end)

  it("breaks for all when one has waited for too long", function()
    local b = sandbox.barrier(3)
    local p = party(b)
    await_there(b, 1)
    assert.are.same({ nil, "timeout" }, { b:wait(0.01) })
    assert.are.same({ nil, "broken" }, { results(p) })
    assert.are.same({ nil, "broken" }, { b:wait() })
    assert.are.same({ nil, "broken" }, { b:wait(0) })
    assert.is_truthy(tostring(b):find("broken", 1, true))
    assert.is_true(b:reset())
    local ps = { party(b), party(b) }
    assert.is_number(b:wait(sync.limit))
    for i = 1, 2 do assert.is_number(results(ps[i])) end
    b:reset()
    assert.are.same({ nil, "timeout" }, { b:wait(0) })
  end)

  it("breaks when a party that waits is killed", function()
    local b = sandbox.barrier(3)
    for _ = 1, 5 do
      local victim, other = party(b), party(b)
      await_there(b, 2)
      sync.kill(victim)
      assert.are.same({ nil, "broken" }, { results(other) })
      assert.are.same({ nil, "broken" }, { b:wait() })
      b:reset()
    end
    local ps = { party(b), party(b) }
    assert.is_number(b:wait(sync.limit))
    for i = 1, 2 do assert.is_number(results(ps[i])) end
  end)

  it("breaks when one who took part before is killed or fails, but not when it ends well", function()
    for _, how in ipairs { "kill", "error", "well" } do
      local b, go = sandbox.barrier(2), queue()
      local p = spawn({ quiet = true }, function()
        b:wait()
        go:get()
        if how == "error" then error("x") end
      end)
      assert.is_number(b:wait(sync.limit))
      local waiter = party(b)
      await_there(b, 1)
      if how == "kill" then sync.kill(p) else
        go:put(1)
        p:join()
      end
      if how == "well" then
        assert.are.equal(2, b:wait(sync.limit))
        assert.are.equal(1, (results(waiter)))
      else
        assert.are.same({ nil, "broken" }, { results(waiter) })
        assert.are.same({ nil, "broken" }, { b:wait(0) })
      end
    end
  end)

  it("breaks when nobody is left who could come", function()
    -- Main makes no barrier of its own: the child alone holds it.
    local p = spawn(function()
      local b = sandbox.barrier(3)
      local other = spawn(function() return b:wait() end)
      local index, reason = b:wait()
      return index, reason, select(2, other:join())
    end)
    assert.are.same({ nil, "broken", nil, "broken" }, { results(p) })
  end)

  it("does not break while its maker can still bring others", function()
    local b = sandbox.barrier(3)
    local a = party(b)
    await_there(b, 1)
    sleep(0.2) -- longer than it takes to look closely
    local c = party(b)
    assert.is_number(b:wait(sync.limit))
    assert.is_number(results(a))
    assert.is_number(results(c))
  end)

  it("is aborted and reset", function()
    local b = sandbox.barrier(2)
    local p = party(b)
    await_there(b, 1)
    assert.is_true(b:abort())
    assert.are.same({ nil, "broken" }, { results(p) })
    assert.are.same({ nil, "broken" }, { b:wait() })
    b:reset()
    p = party(b)
    await_there(b, 1)
    assert.is_true(b:reset())
    assert.are.same({ nil, "broken" }, { results(p) })
    p = party(b)
    assert.is_number(b:wait(sync.limit))
    assert.is_number(results(p))
  end)

  it("is the same in every process, and tells its state", function()
    local b, q = sandbox.barrier { n = 2, name = "step" }, queue()
    assert.is_truthy(tostring(b):match("^barrier: step#%d+ %(0 of 2 are there%)$"))
    q:put(b)
    assert.is_true(q:get() == b)
  end)

  it("refuses misuse, at the caller's line", function()
    raises("n must be a whole number, 1 or more, not 0", function() sandbox.barrier(0) end)
    raises("n must be a whole number, 1 or more, not nil", function() sandbox.barrier() end)
    raises("n must be a whole number, 1 or more, not nil", function() sandbox.barrier {} end)
    raises("unknown option 'parties'; there are n, action, name", function() sandbox.barrier { parties = 2 } end)
    raises("no more than 1024 processes can wait for it", function() sandbox.barrier(2000) end)
    raises("timeout cannot be NaN", function() sandbox.barrier(2):wait(0 / 0) end)
  end)

  it("holds many", function()
    local n = 60
    local b, ps, sum = sandbox.barrier(n), {}, 0
    for i = 1, n do ps[i] = party(b) end
    for i = 1, n do sum = sum + results(ps[i]) end
    assert.are.equal(n * (n + 1) // 2, sum)
  end)
end)

describe("a barrier with an action", function()
  it("has it run by the last to arrive, before the others go on", function()
    local x, y, ps = sandbox.value(0), sandbox.value(0), {}
    local b = sandbox.barrier(4, function()
      assert(x:get() % 4 == 0)
      y:set(x:get())
      return "dropped"
    end)
    for i = 1, 4 do
      ps[i] = spawn(function()
        for round = 1, 20 do
          x:add(1)
          local place = b:wait()
          assert(y:get() == 4 * round, "before the action")
          assert(place >= 1 and place <= 4)
          assert(b:wait())
        end
      end)
    end
    assert.is_true(sandbox.join_all(ps, sync.limit))
    assert.are.equal(80, x:get())
    assert.are.equal(1, sandbox.barrier { n = 1, action = function() end }:wait())
  end)

  it("is broken by an error in it, which is raised in the process that ran it", function()
    local b = sandbox.barrier(2, function() error({ code = 7 }) end)
    local p = spawn(function() return b:wait() end)
    sync.await_waiting(b, 1)
    local ok, err = pcall(b.wait, b)
    assert.are.same({ false, 7 }, { ok, err.code })
    assert.are.same({ nil, "broken" }, { results(p) })
    assert.are.same({ nil, "broken" }, { b:wait() })
    b:reset()
    assert.are.same({ nil, "timeout" }, { b:wait(0.01) })
  end)

  it("is broken by the death of the process that runs it", function()
    for _, leave in ipairs { function() sleep(1000) end, function() os.exit(0, true) end } do
      local acts = queue()
      local b = sandbox.barrier(2, function() acts:put(1) leave() end)
      local p = spawn(function() return b:wait() end)
      sync.await_waiting(b, 1)
      local actor = spawn({ quiet = true }, function() b:wait() end)
      acts:get()
      sync.kill(actor)
      assert.are.same({ nil, "broken" }, { results(p) })
    end
  end)

  it("breaks when one that waits for it gives up, and the one that runs it is told", function()
    local go = queue()
    local b = sandbox.barrier(2, function() go:get() end)
    local p = spawn(function() return b:wait(0.05) end)
    sync.await_waiting(b, 1)
    local actor = spawn(function() return b:wait() end)
    assert.are.same({ nil, "timeout" }, { results(p) })
    go:put(1)
    assert.are.same({ nil, "broken" }, { results(actor) })
  end)

  it("says it when more processes come than it has parties", function()
    local go, acts = sandbox.event(), sandbox.event()
    local b = sandbox.barrier(1, function() acts:set() go:wait(T) end)
    local actor = spawn(function() return b:wait(T) end)
    assert.is_true(acts:wait(T))
    local next_round = spawn(function() return b:wait(T) end)
    repeat sleep(0.001) until tostring(b):find("1 of 1 are there")
    raises("more processes come than the barrier has parties", function() b:wait(T) end)
    go:set()
    assert.are.equal(1, actor:result(T))
    assert.are.equal(1, next_round:result(T))
  end)

  it("refuses to wait for itself, and an action that it does not know", function()
    local b
    b = sandbox.barrier(1, function() b:wait() end)
    local ok, err = pcall(b.wait, b)
    assert.is_truthy(not ok and err:find("the action of a barrier must not wait for the barrier", 1, true), err)
    local q = queue()
    local p = spawn({ quiet = true }, function() return q:get():wait() end)
    q:put(sandbox.barrier(1, print))
    ok, err = pcall(p.result, p)
    assert.is_truthy(not ok and tostring(err):find("not known in this process", 1, true), tostring(err))
    raises("function as action expected, got number", function() sandbox.barrier(2, 5) end)
    raises("action is one of the options", function() sandbox.barrier({ n = 2 }, print) end)
  end)
end)
