-- Limits of tasks and scopes, and ending them.
local raised = require "support.raised"
local T = 30

describe("a task", function()
  it("pool:submit({timeout=}, f, ...): fails with \"timeout\"; its worker is replaced, others go on", function()
    local pool <close> = sandbox.pool(1)
    local slow = pool:submit({ timeout = 0.05 }, sleep, 1000)
    local good = pool:submit({ timeout = T }, math.max, 1, 2)
    local ok, failure = slow:join(T)
    assert.is_nil(ok)
    assert.are.equal("timeout", failure.message)
    assert.are.equal("timeout", raised("timeout", slow.result, slow).message)
    assert.are.equal(2, good:result(T))
    assert.are.same({ 1, 3 }, { (pool:submit({}, math.max, 1):result(T)), pool:submit(math.max, 3):result(T) })
  end)

  it("sandbox.pool{task_timeout=}: for all tasks, also of maps; a retry is not made", function()
    local pool <close> = sandbox.pool { workers = 2, task_timeout = 1, retries = 3 }
    assert.are.equal("timeout", select(2, pool:submit(sleep, 1000):join(T)).message)
    assert.are.same({ 2, 4, 6 }, pool:map(function(x) return 2 * x end, { 1, 2, 3 }, T))
    local e = raised("timeout", pool.map, pool, function(x) if x == 2 then sleep(1000) end return x end, { 1, 2, 3 }, 1)
    assert.are.equal(2, e.index)
    assert.are.equal(7, pool:submit({ timeout = T }, function() sleep(0.2) return 7 end):result(T))
  end)

  it("is seen to be late in a select, too, and does not count as a death of the pool", function()
    local pool <close> = sandbox.pool(1)
    for _ = 1, 15 do
      local i, ok, failure = sandbox.select({ pool:submit({ timeout = 0.005 }, sleep, 1000), queue() }, T)
      assert.are.same({ 1, nil, "timeout" }, { i, ok, failure.message })
    end
    assert.are.equal(1, pool:submit(math.max, 1):result(T))
  end)

  it("t:kill() ends it, with what it has spawned", function()
    local pool <close> = sandbox.pool(1)
    local began = queue()
    local first = pool:submit(function()
      began:put(spawn(sleep, 1000))
      sleep(1000)
    end)
    local second, third = pool:submit(math.max, 1, 2), pool:submit(math.max, 3, 4)
    local below = began:get(T)
    assert.is_true(second:kill()) -- it was not begun
    assert.are.equal("cancelled", select(2, second:join(0)).message)
    assert.is_true(first:kill())
    assert.are.equal("killed", select(2, first:join(0)).message)
    assert.is_false(below:alive())
    assert.are.equal(4, third:result(T))
    assert.is_false(third:kill())
    assert.is_false(first:kill())
  end)

  it("that was killed is not reported; one that took too long is, if nobody looks", function()
    local r = require("support.script").run([[
      local pool <close> = sandbox.pool(1)
      local began = queue()
      local t = pool:submit(function() began:put(1) sleep(1000) end)
      began:get(20)
      t:kill()
      pool:submit({ timeout = 0.01 }, sleep, 1000)]])
    assert.is_truthy(r.err:find("timeout (process worker#", 1, true), r.err)
    assert.is_nil(r.err:find("killed", 1, true), r.err)
  end)

  it("has timeouts of map and imap", function()
    local pool = sandbox.pool(1)
    assert.are.same({ nil, "timeout" }, { pool:map(sleep, { 1000 }, 1, 0.02) })
    raised("imap: timeout", function() for _ in pool:imap(sleep, { 1000 }, 1, 0.02) do end end)
    pool:terminate()
  end)

  it("says what is wrong", function()
    local pool <close> = sandbox.pool(1)
    raised("unknown option 'time'", pool.submit, pool, { time = 1 }, print)
    raised("timeout must be a number of seconds above 0", pool.submit, pool, { timeout = 0 }, print)
    raised("task_timeout must be a number of seconds above 0", sandbox.pool, { task_timeout = "x" })
    raised("function expected", pool.submit, pool, { timeout = 1 })
    raised("function expected", pool.submit, pool, 3)
  end)
end)

describe("a scope", function()
  it("with a deadline stops its processes, and theirs, and raises an error", function()
    local below, p = queue(), nil
    raised("scope: the scope's deadline has passed", function()
      local g <close> = sandbox.scope { deadline = 0.1 }
      p = g:spawn(function()
        below:put(spawn(sleep, 1000))
        sleep(1000)
      end)
    end)
    assert.is_false(p:alive())
    local child = below:get(0) -- if it came so far
    assert.is_false(child ~= nil and child:alive())
    raised("spawn: the scope's deadline has passed", function()
      local g <close> = sandbox.scope { deadline = sandbox.deadline(0) }
      g:spawn(print)
    end)
  end)

  it("that ends in time is as without", function()
    local p
    do
      local g <close> = sandbox.scope { deadline = T }
      p = g:spawn(math.max, 1, 2)
    end
    assert.are.equal(2, p:result(0))
    raised("a timeout cannot be negative", sandbox.scope, { deadline = -1 })
  end)

  it("g:stop() ends the processes, and theirs; the scope goes on", function()
    local below, p, q = queue(), nil, nil
    do
      local g <close> = sandbox.scope()
      p = g:spawn(function()
        below:put(spawn(sleep, 1000))
        sleep(1000)
      end)
      local child = below:get(T)
      assert.is_true(g:stop())
      assert.are.same({ false, false }, { p:alive(), child:alive() })
      q = g:spawn(math.max, 1, 2)
    end
    assert.are.equal(2, q:result(0))
    assert.has_error(function()
      local g <close> = sandbox.scope()
      g:spawn(error, "no", 0):join(T)
      g:stop() -- it failed by itself before
    end)
  end)
end)

describe("a deadline as the limit of a task", function()
  it("counts from the submission", function()
    local pool <close> = sandbox.pool(1)
    local _, failure = pool:submit({ timeout = sandbox.deadline(0.2) }, sleep, 60):join(30)
    assert.are.equal("timeout", failure.message)
  end)
end)
