-- Semaphores: units that are taken and given back, and come back from those who died with them.
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

describe("a semaphore", function()
  it("lets in as many as it has units", function()
    local s, inside = sandbox.semaphore(3), queue()
    local ps = {}
    for i = 1, 6 do
      ps[i] = spawn(function()
        local most = 0
        for _ = 1, 200 do
          s:acquire()
          inside:put(1)
          most = math.max(most, #inside)
          inside:get(0)
          s:release()
        end
        return most
      end)
    end
    for _, p in ipairs(ps) do assert.is_true(results(p) <= 3) end
    assert.are.equal(3, s:value())
  end)

  it("counts, and gives up after its timeout", function()
    local s = sandbox.semaphore(2)
    assert.are.same({ true, true, nil, "timeout" }, { s:acquire(), (s:acquire(1)), s:acquire(0) })
    assert.are.equal(0, s:value())
    assert.are.same({ nil, "timeout" }, { s:acquire(0.01) })
    assert.is_true(s:release(2))
    assert.are.equal(2, s:value())
    assert.is_true(s:release(5)) -- no limit unless asked for
    assert.are.equal(7, s:value())
  end)

  it("wakes as many as units are given", function()
    local s = sandbox.semaphore(0)
    local ps = {}
    for i = 1, 5 do ps[i] = spawn(function() return s:acquire() end) end
    sync.await_waiting(s, 5)
    s:release(3)
    sync.await_waiting(s, 2)
    s:release(2)
    for i = 1, 5 do assert.are.same({ true }, { results(ps[i]) }) end
    assert.are.equal(0, s:value())
  end)

  it("is held for a block", function()
    local s = sandbox.semaphore(1)
    do
      local _ <close> = s:hold()
      assert.are.equal(0, s:value())
      assert.are.same({ nil, "timeout" }, { s:hold(0) })
    end
    assert.are.equal(1, s:value())
  end)

  it("gets back what a killed or failed process had, and says so once", function()
    local s, go = sandbox.semaphore(3), queue()
    local function take_and(last)
      local p = spawn({ quiet = true }, function()
        s:acquire()
        s:acquire()
        go:put(1)
        last()
      end)
      go:get()
      return p
    end
    local victim = take_and(function() sleep(1000) end)
    assert.are.equal(1, s:value())
    assert.are.same({ true }, { s:acquire() })
    local waiter = spawn(function() return s:acquire() end)
    sync.await_waiting(s, 1)
    sync.kill(victim)
    assert.are.same({ true, "abandoned" }, { results(waiter) }) -- and it leaves with a unit, so that is used up
    assert.are.equal(1, s:value())
    s:release(2)
    assert.are.equal(3, s:value())
    take_and(function() error("x") end):join()
    assert.are.equal(3, s:value())
    assert.are.same({ true }, { s:acquire() })
    assert.are.same({ true, "abandoned" }, { s:acquire() })
    assert.are.same({ true }, { s:acquire() })
    assert.are.same({ nil, "timeout" }, { s:acquire(0) })
  end)

  it("used as a signal gets nothing back", function()
    local s, go = sandbox.semaphore(0), queue()
    s:release(2)
    local p = spawn({ quiet = true }, function() s:acquire() go:put(1) sleep(1000) end)
    go:get()
    sync.kill(p)
    assert.are.equal(1, s:value())
    s:acquire()
    assert.are.same({ nil, "timeout" }, { s:acquire(0) })
  end)

  it("does not get more back than there were at the beginning", function()
    local s, go = sandbox.semaphore(1), queue()
    local p = spawn({ quiet = true }, function() s:acquire() go:put(1) sleep(1000) end)
    go:get()
    s:release() -- in its place
    sync.kill(p)
    assert.are.equal(1, s:value())
    assert.are.same({ true }, { s:acquire() })
    assert.are.same({ nil, "timeout" }, { s:acquire(0) })
  end)

  it("does not get back what a process that ended well had", function()
    local s = sandbox.semaphore(2)
    results(spawn(function() s:acquire() end))
    assert.are.equal(1, s:value())
  end)

  it("is the same in every process, and tells its state", function()
    local s, q = sandbox.semaphore { n = 1, max = 2, name = "slots" }, queue()
    assert.is_truthy(tostring(s):match("^semaphore: slots#%d+ %(1 of 2%)$"))
    q:put { s = s }
    assert.is_true(q:get().s == s)
    assert.is_truthy(tostring(sandbox.semaphore(4)):match("^semaphore: semaphore#%d+ %(4%)$"))
  end)

  it("refuses misuse, at the caller's line", function()
    local s = sandbox.semaphore(1, 2)
    raises("n must be a whole number, 0 or more, not nil", function() sandbox.semaphore() end)
    raises("n must be a whole number, 0 or more, not -1", function() sandbox.semaphore(-1) end)
    raises("n must be a whole number, 0 or more, not 1.5", function() sandbox.semaphore(1.5) end)
    raises("n must be a whole number, 0 or more, not the string 1", function() sandbox.semaphore("1") end)
    raises("max must be a whole number, 1 or more, not 0", function() sandbox.semaphore(0, 0) end)
    raises("n is more than max", function() sandbox.semaphore(3, 2) end)
    raises("unknown option 'value'; there are n, max, name", function() sandbox.semaphore { value = 1 } end)
    raises("max is one of the options", function() sandbox.semaphore({ n = 1 }, 2) end)
    raises("n must be a whole number, 0 or more, not -1", function() s:release(-1) end)
    raises("release: its maximum would be exceeded", function() s:release(2) end)
    s:release()
    raises("release: its maximum would be exceeded", function() s:release() end)
    assert.are.equal(2, s:value())
    raises("semaphore expected, got userdata", function() s.acquire(queue()) end)
  end)

  it("does not overflow", function()
    local s = sandbox.semaphore(math.maxinteger)
    raises("its maximum would be exceeded", function() s:release() end)
    s:acquire()
    s:release()
    assert.are.equal(math.maxinteger, s:value())
  end)

  it("notes more units of one process than fit a byte, and more processes than it has room for", function()
    local s, go = sandbox.semaphore(1000), queue()
    local p = spawn({ quiet = true }, function()
      for _ = 1, 600 do s:acquire() end
      go:put(1)
      sleep(1000)
    end)
    go:get()
    assert.are.equal(400, s:value())
    sync.kill(p)
    assert.are.equal(1000, s:value())
    local ps = {}
    for i = 1, 60 do ps[i] = spawn({ quiet = true }, function() s:acquire() go:put(1) sleep(1000) end) end
    for _ = 1, 60 do go:get() end
    assert.are.equal(940, s:value())
    for _, q in ipairs(ps) do sync.kill(q) end
    assert.is_true(s:value() >= 940 + 40)
  end)
end)
