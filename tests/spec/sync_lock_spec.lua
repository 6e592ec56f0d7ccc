-- Locks: one holder, whoever dies.
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

for _, kind in ipairs { "lock", "rlock" } do
  describe("a " .. kind, function()
    local new = sandbox[kind]

    it("is held by one process at a time", function()
      local l, inside, most = new(), queue(), 0
      local ps = {}
      for i = 1, 4 do
        ps[i] = spawn(function()
          for _ = 1, 300 do
            assert(l:acquire() == true)
            inside:put(1)
            most = math.max(most, #inside)
            inside:get(0)
            assert(l:release() == true)
          end
          return most
        end)
      end
      for _, p in ipairs(ps) do assert.are.equal(1, results(p)) end
    end)

    it("gives up after its timeout", function()
      local l, go = new(), queue()
      local p = spawn({ quiet = true }, function() l:acquire() go:put("held") sleep(1000) end)
      go:get()
      assert.are.same({ nil, "timeout" }, { l:acquire(0) })
      local start = sandbox.now()
      assert.are.same({ nil, "timeout" }, { l:acquire(0.03) })
      assert.is_true(sandbox.now() - start >= 0.03)
      assert.are.same({ nil, "timeout" }, { l:hold(0) })
      sync.kill(p)
    end)

    it("passes on as abandoned when its holder is killed, also to one who waits", function()
      local l, go = new(), queue()
      for _ = 1, 5 do
        local p = spawn({ quiet = true }, function() l:acquire() go:put(1) sleep(1000) end)
        go:get()
        local waiter = spawn(function()
          local r = table.pack(l:acquire())
          l:release()
          return table.unpack(r)
        end)
        sync.await_waiting(l, 1)
        sync.kill(p)
        assert.are.same({ true, "abandoned" }, { results(waiter) })
        assert.are.same({ true }, { l:acquire() })
        l:release()
      end
    end)

    it("is abandoned by a process that returns, fails or leaves with it", function()
      local l = new()
      for _, last in ipairs { function() end, function() error("x") end, function() os.exit(3) end } do
        spawn({ quiet = true }, function() l:acquire() last() end):join()
        assert.is_truthy(tostring(l):find("(abandoned)", 1, true))
        assert.are.same({ true, "abandoned" }, { l:acquire() })
        l:release()
      end
    end)

    it("is abandoned at the end of a function, not only of its children", function()
      local l, go = new(), queue()
      local p = spawn(function()
        l:acquire()
        spawn(function() return l:acquire() end) -- waited for at the end of its parent
        go:put(1)
      end)
      go:get()
      results(p)
      assert.are.same({ true, "abandoned" }, { l:acquire() })
    end)

    it("is not a child's because its parent holds it", function()
      local l = new()
      l:acquire()
      local ok, message, a, reason = results(spawn(function()
        local ok, message = pcall(l.release, l)
        return ok, message, l:acquire(0)
      end))
      assert.is_false(ok)
      assert.is_truthy(message:find("does not hold the lock", 1, true))
      assert.is_nil(a)
      assert.are.equal("timeout", reason)
      assert.is_true(l:release())
    end)

    it("travels through a queue, and is the same everywhere", function()
      local q, back = queue(), queue()
      local p = spawn(function()
        local l = q:get()
        back:put(tostring(l))
        back:put(l)
        return l:acquire(0)
      end)
      local l = new { name = "late" }
      q:put(l)
      assert.are.equal(tostring(l):match("late#%d+"), back:get():match("late#%d+")) -- its state changes meanwhile
      assert.is_true(back:get() == l)
      assert.is_true(results(p))
      assert.are.same({ true, "abandoned" }, { l:acquire() })
    end)

    it("tells its name and its holder", function()
      local l = new { name = "jobs" }
      assert.is_truthy(tostring(l):match("^" .. kind .. ": jobs#%d+ %(free%)$"))
      local p = spawn({ name = "writer" }, function() l:acquire() sleep(1000) end)
      sync.await(function() return tostring(l):find("held", 1, true) end)
      assert.is_truthy(tostring(l):match("^" .. kind .. ": jobs#%d+ %(held by writer#" .. p.id .. "%)$"))
      sync.kill(p)
      assert.is_truthy(tostring(new()):match("^" .. kind .. ": " .. kind .. "#%d+ %(free%)$"))
    end)

    it("refuses misuse, at the caller's line", function()
      local l = new()
      raises("release: the calling process does not hold the lock", function() l:release() end)
      raises("timeout cannot be negative", function() l:acquire(-1) end)
      raises("timeout cannot be NaN", function() l:acquire(0 / 0) end)
      raises("timeout in seconds expected, got string", function() l:acquire("soon") end)
      raises("unknown option 'max'", function() new { max = 1 } end)
      raises("table of options expected, got string", function() new "jobs" end)
      raises("name must be text on one line", function() new { name = "a\nb" } end)
      raises("lock expected, got no value", function() l.acquire() end)
      raises("lock expected, got userdata", function() l.acquire(queue()) end)
      raises("call methods with a colon", function() l.release() end)
      assert.is_true(l:acquire(0))
    end)

    it("is released at the end of a block, however that is left", function()
      local l = new()
      do
        local hold <close> = l:hold()
        assert.is_truthy(tostring(hold):find("hold (held) of " .. kind, 1, true))
        assert.is_truthy(tostring(l):find("held by main", 1, true))
      end
      assert.is_truthy(tostring(l):find("(free)", 1, true))
      assert.is_false(pcall(function()
        local _ <close> = l:hold(1)
        error("x")
      end))
      assert.is_truthy(tostring(l):find("(free)", 1, true))
      do
        local hold <close> = l:hold()
        hold:release() -- early, and once only
        assert.is_truthy(tostring(l):find("(free)", 1, true))
      end
      assert.is_true(l:acquire(0))
    end)

    it("held in a block is told as abandoned to the block", function()
      local l = new()
      results(spawn(function() l:acquire() end))
      do
        local hold <close>, reason = l:hold()
        assert.are.equal("abandoned", reason)
      end
      assert.is_truthy(tostring(l):find("(free)", 1, true))
    end)

    it("is passed on to everybody who waits, in turn", function()
      local l, order = new(), queue()
      l:acquire()
      local ps = {}
      for i = 1, 8 do
        ps[i] = spawn(function()
          l:acquire()
          order:put(i)
          l:release()
        end)
        sync.await_waiting(l, i)
      end
      l:release()
      for i = 1, 8 do results(ps[i]) end
      local seen = {}
      for i = 1, 8 do seen[order:get(0)] = true end
      assert.are.equal(8, #seen)
      assert.are.equal(0, sync.waiting(l))
    end)
  end)
end

describe("a lock and its holder", function()
  it("an error instead of a wait for oneself", function()
    local l = sandbox.lock()
    l:acquire()
    raises("use sandbox.rlock", function() l:acquire() end)
    assert.are.same({ nil, "timeout" }, { l:acquire(0) })
    assert.are.same({ nil, "timeout" }, { l:acquire(0.01) })
    l:release()
  end)

  it("an rlock counts", function()
    local l = sandbox.rlock()
    for _ = 1, 3 do assert.is_true(l:acquire()) end
    assert.is_truthy(tostring(l):find("held 3 times by main#1", 1, true))
    local p = spawn(function() return l:acquire() end)
    sync.await_waiting(l, 1)
    assert.is_true(l:acquire()) -- also when others wait
    for _ = 1, 4 do l:release() end
    assert.are.same({ true }, { results(p) })
    raises("does not hold the lock", function() l:release() end)
  end)
end)

describe("locks are made and collected:", function()
  it("thousands, and the counts stay flat", function()
    collectgarbage()
    local before = require("support.script").descriptors()
    for _ = 1, 20000 do
      local l = sandbox.lock()
      l:acquire()
      l:release()
    end
    assert.are.equal(before, require("support.script").descriptors())
  end)

  it("too many at once are an error that says so, and leave room when dropped", function()
    local list = {}
    local ok, message = pcall(function()
      for i = 1, 10000 do list[i] = sandbox.lock() end
    end)
    assert.is_false(ok)
    assert.is_truthy(message:find("too many queues, locks and other objects exist (8192)", 1, true), message)
    assert.is_true(#list > 7000)
    assert.is_true(list[#list]:acquire(0))
    list = nil
    collectgarbage()
    assert.is_true(sandbox.lock():acquire(0))
  end)

  it("one that only a killed process held is used again", function()
    for _ = 1, 3 do
      local p = spawn({ quiet = true }, function()
        local list = {}
        for i = 1, 5000 do list[i] = sandbox.lock() end
        sandbox.self():kill()
      end)
      assert.are.equal(9, select(2, p:join()).signal)
    end
  end)
end)
