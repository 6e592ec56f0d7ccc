-- What exploring proves of the parts of the library that are written over others: mailboxes and so on.
describe("exploring proves", function()
  local function explore(f)
    local r = sandbox.explore(f)
    assert.is_true(r.ok and r.complete, tostring(r))
    return r
  end

  it("that the messages of each sender arrive in order", function()
    local r = explore(function()
      local me = sandbox.self()
      local function sender(name) for i = 1, 2 do me:send { name, i } end end
      local by = { a = spawn(sender, "a"), b = spawn(sender, "b") }
      local last = { a = 0, b = 0 }
      for _ = 1, 4 do
        local v, from = sandbox.receive()
        assert(v[2] == last[v[1]] + 1 and from == by[v[1]])
        last[v[1]] = v[2]
      end
    end)
    assert.is_true(r.interleavings > 1000)
  end)

  it("that a selective receive finds its message, and leaves the others in order", function()
    explore(function()
      local me = sandbox.self()
      spawn(function() for i = 1, 3 do me:send { "a", i } end end)
      spawn(function() me:send { "b" } end)
      assert(sandbox.receive(function(v) return v[1] == "b" end)[1] == "b")
      for i = 1, 3 do assert(sandbox.receive()[2] == i) end
    end)
  end)

  it("both ends of a race between a message and the end of its process", function()
    local r = sandbox.explore(function()
      local p = spawn(function() sandbox.receive(0) end)
      print(p:send(1))
    end)
    local seen = {}
    for _, o in ipairs(r.outcomes) do seen[o.text] = true end
    assert.are.same({ ["true\n"] = true, ["nil\tgone\n"] = true }, seen)
    assert.is_true(r.complete)
  end)

  it("that a search ends when there is a process of the name, and a deadlock when there is none", function()
    explore(function()
      spawn({ name = "a" }, function() sandbox.find("b"):send(1) end)
      assert(spawn({ name = "b" }, function() return sandbox.receive() end):result() == 1)
    end)
    local r = sandbox.explore(function() spawn(function() sandbox.find("godot") end):join() end)
    assert.are.equal("deadlock", r.failures[1].kind)
    r = sandbox.explore(function() spawn(function() sandbox.receive() end):join() end)
    assert.are.equal("deadlock", r.failures[1].kind)
  end)

  it("that no wake-up is lost in when: two that wait, two that change", function()
    explore(function()
      local m = sandbox.monitor { n = 0 }
      local function taker()
        m:when(function(f) return f.n > 0 end, function(f) f.n = f.n - 1 end)
      end
      local function giver() m:when(function() return true end, function(f) f.n = f.n + 1 end) end
      sandbox.join_all { spawn(taker), spawn(taker), spawn(giver), spawn(giver) }
      assert(m:when(function() return true end, function(f) return f.n end) == 0)
    end)
  end)

  it("that no one is let in too early by when", function()
    explore(function()
      local m = sandbox.monitor { n = 1 }
      local function enter()
        m:when(function(f) return f.n > 0 end, function(f) f.n = f.n - 1 end)
        m:when(function() return true end, function(f)
          assert(f.n == 0)
          f.n = f.n + 1
        end)
      end
      sandbox.join_all { spawn(enter), spawn(enter) }
    end)
  end)

  it("that each subscriber gets each message once", function()
    explore(function()
      local t, ready = sandbox.topic(), sandbox.semaphore(0)
      local function listen()
        local s <close> = t:subscribe()
        ready:release()
        local a, b = s:get(), s:get()
        assert(a ~= b and a + b == 3)
        return a
      end
      local x, y = spawn(listen), spawn(listen)
      ready:acquire()
      ready:acquire()
      local p = spawn(function() t:publish(1) end)
      t:publish(2)
      p:join()
      assert(x:result() == y:result()) -- in the same order
    end)
  end)

  it("that a publisher that is killed anywhere has brought its message to all subscribers, or to none", function()
    local r = explore(function()
      local t, ready = sandbox.topic(), sandbox.semaphore(0)
      local function listen()
        local s <close> = t:subscribe()
        ready:release()
        local first = s:get()
        if first == 1 then assert(s:get() == 2) end
        return first
      end
      local x, y = spawn(listen), spawn(listen)
      ready:acquire()
      ready:acquire()
      local p = spawn({ quiet = true }, function() t:publish(1) end)
      p:kill()
      t:publish(2)
      local first = x:result()
      assert(first == y:result())
      print(first)
    end)
    local seen = {}
    for _, o in ipairs(r.outcomes) do seen[o.text] = true end
    assert.are.same({ ["1\n"] = true, ["2\n"] = true }, seen)
  end)

  it("that a publisher goes on when a subscriber makes room, closes, or is killed; and else never", function()
    local ends = {
      get = function(s) assert(s:get() == 1 and s:get() == 2) end,
      close = function(s) s:close() end,
      kill = function(_, p) p:kill() end,
    }
    for _, how in pairs(ends) do
      explore(function()
        local t, ready = sandbox.topic(), sandbox.semaphore(0)
        local p = spawn({ quiet = true }, function()
          local s = t:subscribe(1)
          ready:release()
          how(s, sandbox.self())
        end)
        ready:acquire()
        t:publish(1)
        t:publish(2)
        p:join()
      end)
    end
    local r = sandbox.explore(function()
      local t = sandbox.topic()
      local _ <close> = t:subscribe(1)
      t:publish(1)
      t:publish(2)
    end)
    assert.is_true(r.complete)
    assert.are.equal("deadlock", r.failures[1].kind)
  end)

  it("both orders of as_completed, also if one process always ends before the other", function()
    local r = sandbox.explore(function()
      local go, list = sandbox.event(), {}
      local first = spawn({ name = "first" }, function() go:set() end)
      local last = spawn({ name = "last" }, function() go:wait() end)
      for p in sandbox.as_completed { last, first } do list[#list + 1] = p.name end
      print(table.concat(list, " "))
    end)
    assert.is_true(r.ok and r.complete, r.report)
    local said = {}
    for _, outcome in ipairs(r.outcomes) do said[#said + 1] = outcome.text end
    table.sort(said)
    assert.are.same({ "first last\n", "last first\n" }, said)
  end)

  it("that a call is answered, and the next one too", function()
    explore(function()
      local q = queue()
      local server = spawn(function() for r, reply in q:calls() do reply(r + 1) end end)
      local other = spawn(function() assert(q:call(5) == 6) end)
      assert(q:call(1) == 2)
      other:join()
      q:close()
      server:join()
    end)
  end)
end)
