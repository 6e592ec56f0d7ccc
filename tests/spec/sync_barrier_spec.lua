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
    raises("unknown option 'parties'; there are n, name", function() sandbox.barrier { parties = 2 } end)
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
