-- sandbox.explore: every interleaving of a function, from a script.
local script = require "support.script"

local explore = sandbox.explore

-- Two processes add one each, with what stands between get and set.
local function counter(add)
  return function()
    local count = sandbox.value(0)
    sandbox.join_all { spawn(add, count), spawn(add, count) }
    assert(count:get() == 2, "count is " .. count:get())
  end
end

describe("explore", function()
  it("finds a lost update, and how many interleavings lose it", function()
    local r = explore(counter(function(count) count:set(count:get() + 1) end))
    assert.is_false(r.ok)
    assert.is_true(r.complete)
    assert.are.equal(6, r.interleavings)
    assert.are.equal(1, #r.failures)
    assert.are.equal("error", r.failures[1].kind)
    assert.are.equal("count is 1", r.failures[1].message)
    assert.are.equal(1, r.failures[1].preemptions)
    assert.is_truthy(r.failures[1].where:find "explore_spec.lua:%d+$")
    assert.are.equal(tostring(r), r.report)
    assert.is_truthy(r.report:find("lost", 1, true), r.report)
  end)

  it("follows the one schedule that a token names", function()
    local lost = counter(function(count) count:set(count:get() + 1) end)
    local failure = explore(lost).failures[1]
    local r = explore(lost, { token = failure.token })
    assert.is_false(r.ok or r.complete)
    assert.are.same({ failure }, r.failures)
    assert.is_truthy(r.report:find("one schedule was followed", 1, true), r.report)
    local function refuses(words, f, token)
      local ok, err = pcall(explore, f, { token = token })
      assert.is_false(ok)
      assert.is_truthy(err:find(words, 1, true), err)
    end
    refuses("the token is not one of --explore: those begin with sbx1:", lost, "hello")
    refuses("the token is cut off", lost, failure.token:sub(1, -2))
    refuses("the token is of another function", function() end, failure.token)
    refuses("the steps of the token cannot be taken", lost, (failure.token:gsub(":vf:.*~", ":vf:~")))
    local times = 0
    refuses("the steps of the token cannot be taken", counter(function(count) count:add(times) end), failure.token)
  end)

  it("tries only interleavings with few preemptions, if asked to", function()
    local lost = counter(function(count) count:set(count:get() + 1) end)
    local r = explore(lost, { preemptions = 0 })
    assert.is_true(r.ok)
    assert.is_false(r.complete)
    assert.is_truthy(r.report:find("all with at most 0 preemptions tried", 1, true), r.report)
    local all = explore(lost)
    assert.is_true(r.states < all.states)
    r = explore(lost, { preemptions = 1 })
    assert.is_false(r.ok)
    assert.are.equal(1, r.failures[1].preemptions)
    r = explore(lost, { preemptions = 100 })
    assert.is_true(r.complete) -- there are no more
    assert.are.same({ all.states, all.interleavings }, { r.states, r.interleavings })
    assert.has_error(function() explore(lost, { preemptions = -1 }) end)
  end)

  it("kills processes, if asked to", function()
    local function f()
      local q = queue()
      spawn(function() q:put(1) end)
      local p = spawn(function() q:put(2) end)
      q:get() p:join()
    end
    assert.is_true(explore(f).ok)
    assert.is_true(explore(f, { kills = 1 }).ok)
    local r = explore(f, { kills = 2 })
    assert.are.same({ false, "deadlock" }, { r.ok, r.failures[1].kind })
    assert.is_false(explore(f, { token = r.failures[1].token }).ok)
  end)

  it("runs while the library has a hook, as for an interrupt; not with one of the script's own", function()
    local out, ready = queue(), sandbox.latch(1)
    local p = spawn(function()
      local _ <close> = setmetatable({}, { __close = function()
        local ok, r = pcall(explore, counter(function(count) count:add(1) end))
        out:put { ok and r.ok, ok and r.report or tostring(r) }
      end })
      ready:down()
      sandbox.sleep(60)
    end)
    ready:wait()
    p:interrupt()
    local told = out:get(30)
    assert.is_true(told[1], told[2])
    p:join()
    debug.sethook(function() end, "", 1000000)
    local ok, e = pcall(explore, function() end)
    debug.sethook()
    assert.is_false(ok)
    assert.is_truthy(tostring(e):find("explore cannot run while a hook is set", 1, true), tostring(e))
  end)

  it("proves that one step, or a lock, is right", function()
    local r = explore(counter(function(count) count:add(1) end))
    assert.is_true(r.ok and r.complete)
    assert.are.equal(2, r.interleavings)
    r = explore(function()
      local lock, count = sandbox.lock(), sandbox.value(0)
      local function inc()
        local _ <close> = lock:hold()
        count:set(count:get() + 1)
      end
      sandbox.join_all { spawn(inc), spawn(inc) }
      assert(count:get() == 2)
    end)
    assert.is_true(r.ok and r.complete, r.report)
    assert.are.equal(2, r.interleavings)
  end)

  it("says what it takes for granted", function()
    local notes = {
      ["pairs` goes through keys in one order here"] = {
        [[local t = { fork = 1, knife = 2 } for k in pairs(t) do v:set(#k) end]],
        [[local t = { fork = 1, knife = 2 } v:set(#next(t, (next(t))))]],
        [[local d = sandbox.dict() d.a, d.b = 1, 2 for k in pairs(d) do v:set(#k) end]],
      },
      ["kill, terminate and interrupt take effect at once here"] = {
        "spawn(function() v:get() end):kill()", "spawn(function() v:get() end):terminate()",
        "spawn({ quiet = true }, function() v:get() end):interrupt()",
      },
      ["garbage is collected before each operation here"] = {
        [[local w = setmetatable({}, { __mode = "v" }) w[1] = {} v:get() v:set(w[1] == nil and 1 or 2)]],
        [[setmetatable({}, { __gc = function() v:add(1) end }) v:get()]],
      },
    }
    for note, programs in pairs(notes) do
      for _, code in ipairs(programs) do
        local r = explore(load("local v = sandbox.value(0) " .. code))
        assert.is_truthy(r.report:find(note, 1, true), code .. "\n" .. r.report)
        for other in pairs(notes) do
          assert.is_truthy(other == note or not r.report:find(other, 1, true), code .. "\n" .. r.report)
        end
      end
    end
    for _, code in ipairs { [[for k in pairs { 1, 2, 3 } do v:set(k) end]], [[for k in pairs { a = 1, 2 } do v:get() end]],
      [[local p = spawn(function() v:add(1) end) p:pause() p:resume() p:join()]],
      [[setmetatable({}, { __index = {} }) v:get()]] } do
      local r = explore(load("local v = sandbox.value(0) " .. code))
      for note in pairs(notes) do assert.is_nil(r.report:find(note, 1, true), code .. "\n" .. r.report) end
    end
  end)

  it("counts what comes out", function()
    local r = explore(function()
      local q = queue()
      for i = 1, 2 do spawn(function() q:put(i) end) end
      print(q:get(), q:get())
    end)
    assert.is_true(r.ok)
    assert.are.equal(2, #r.outcomes)
    local seen = {}
    for _, o in ipairs(r.outcomes) do seen[o.text] = o.ends end
    assert.are.same({ ["1\t2\n"] = "well", ["2\t1\n"] = "well" }, seen)
  end)

  it("finds deadlocks, locks that stay held, and processes that wait for ever while time goes on", function()
    local r = explore(function()
      local a, b = sandbox.lock(), sandbox.lock()
      local function both(x, y) x:acquire() y:acquire() y:release() x:release() end
      sandbox.join_all { spawn(both, a, b), spawn(both, b, a) }
    end)
    assert.are.same({ "deadlock", 6 }, { r.failures[1].kind, r.interleavings })
    r = explore(function()
      local a = sandbox.lock()
      spawn(function() a:acquire() end):join()
    end)
    assert.are.equal("held", r.failures[1].kind)
    r = explore(function()
      local a, b = sandbox.lock(), sandbox.lock()
      local function both(x, y) x:acquire() y:acquire() y:release() x:release() end
      spawn({ daemon = true }, function() while true do sleep(1) end end)
      sandbox.join_all { spawn(both, a, b), spawn(both, b, a) }
    end)
    assert.are.equal("stuck", r.failures[1].kind)
  end)

  it("leaves the caller as it is, also its files, objects and variables", function()
    local q, n, list = queue(), 0, {}
    q:put("mine")
    local r = explore(function()
      n, list[1] = n + 1, "x"
      math.random()
      for i = 1, 3 do spawn(function() n = n + i end) end
    end)
    assert.is_true(r.ok)
    assert.are.same({ 0, 0, "mine", 1 }, { n, #list, q:peek(), #q })
  end)

  it("takes a failure for wrong that nobody looks at, joined or not, but for one that the script interrupted", function()
    local function f() assert(false, "always") end
    for _, fn in ipairs { function() spawn(f) end, function() spawn(f):join() end, function() sandbox.join_all { spawn(f) } end } do
      local r = explore(fn)
      assert.are.same({ false, "always" }, { r.ok, r.failures[1] and r.failures[1].message })
    end
    local r = explore(function() spawn(function() sleep(10) end):interrupt() end)
    assert.is_true(r.ok)
    assert.is_truthy(r.report:find("in some a process fails, which the script interrupted", 1, true), r.report)
    r = explore(function()
      local _, failure = spawn(f):join()
      assert(failure.message:find "always")
    end)
    assert.is_true(r.ok, r.report)
  end)

  it("ends main by os.exit, and goes on", function()
    local r = explore(function()
      local v = sandbox.value(0)
      local function f() v:set(v:get() + 1) end
      sandbox.join_all { spawn(f), spawn(f) }
      os.exit(v:get() == 2)
    end)
    assert.are.same({ false, 6 }, { r.ok, r.interleavings })
    local run = script.run([[
      local v = sandbox.value(0)
      local function f() v:set(v:get() + 1) end
      sandbox.join_all { spawn(f), spawn(f) }
      os.exit(v:get() == 2, true)]], { args = "--explore" })
    assert.are.equal(5, run.status, run.out .. run.err)
    assert.is_truthy(run.out:find("4 of 6 end wrong", 1, true), run.out)
  end)

  it("delivers interrupts to those that wait, and stops what a scope stops", function()
    local r = explore(function()
      local q = queue()
      local p = spawn(function() q:get() end)
      p:interrupt()
      local ok, failure = p:join()
      assert(not ok and failure.message:find "interrupted")
    end)
    assert.is_true(r.ok and r.complete, r.report)
    r = explore(function()
      local v = sandbox.value(0)
      pcall(function()
        local g <close> = sandbox.scope()
        g:spawn(function() v:set(1) sleep(0.2) v:set(0) end)
        g:spawn(function() error("boom", 0) end)
      end)
      assert(v:get() == 0, "left half-way")
    end)
    assert.are.same({ false, "left half-way" }, { r.ok, r.failures[1] and r.failures[1].message }, r.report)
  end)

  it("tries all that a select may take", function()
    local function first(wanted, ordered)
      return explore(function()
        local a, b = queue(), queue()
        a:put(1)
        b:put(2)
        assert(sandbox.select { a, b, ordered = ordered } == wanted)
      end)
    end
    assert.are.same({ false, false }, { first(1).ok, first(2).ok })
    assert.are.same({ true, false }, { first(1, true).ok, first(2, true).ok })
    local function ended(wanted)
      return explore(function()
        local a, b = spawn(function() end), spawn(function() end)
        assert(sandbox.select { a, b } == wanted)
      end).ok
    end
    assert.are.same({ false, false }, { ended(1), ended(2) })
  end)

  it("has a status of its own if not all was tried", function()
    local endless = "local v = sandbox.value(0) spawn(function() while true do v:add(1) end end)"
    assert.are.equal(125, script.run(endless, { args = "--explore=50" }).status)
    assert.are.equal(0, script.run("local v = sandbox.value(0) v:add(1)", { args = "--explore=50" }).status)
  end)

  it("says what it cannot do", function()
    local q = queue()
    local r = explore(function() q:put(1) end)
    assert.is_false(r.ok)
    assert.is_truthy(r.failures[1].message:find("made outside of the function that is explored", 1, true), r.report)
    r = explore(function() return io.lines(arg[0]) end)
    assert.is_truthy(r.failures[1].message:find("io.lines is not possible in a run that is explored", 1, true), r.report)
    r = explore(function() io.popen("true") end)
    assert.is_truthy(r.failures[1].message:find("io.popen is not possible in a simulated run", 1, true), r.report)
    assert.has_error(function() explore(5) end, "bad argument #1 to 'explore' (function expected, got number)")
    for options, message in pairs {
      [{ limits = 5 }] = "unknown option", [{ limit = 0 }] = "limit must be a number of states",
      [{ seconds = -1 }] = "seconds must be a number above 0",
    } do
      local ok, err = pcall(explore, print, options)
      assert.is_false(ok)
      assert.is_truthy(err:find(message, 1, true), err)
    end
  end)

  it("stops at its limits, and tells what it knows", function()
    local function endless()
      local v = sandbox.value(0)
      for _ = 1, 2 do spawn(function() while true do v:add(1) end end) end
    end
    local r = explore(endless, { limit = 200 })
    assert.are.same({ true, false, nil }, { r.ok, r.complete, r.interleavings })
    assert.is_truthy(r.report:find("the limit of states was reached (limit = N)", 1, true), r.report)
    r = explore(endless, { seconds = 0.3 })
    assert.are.same({ true, false }, { r.ok, r.complete })
  end)

  it("of a function that reads the clock, or asks how processes stand, sees all there is", function()
    local r = explore(function()
      local p = spawn(function() sleep(2) end)
      local early = p:alive()
      sleep(5)
      print(early, p:alive(), sandbox.now())
    end)
    assert.is_true(r.ok and r.complete, r.report)
    assert.are.equal("true\tfalse\t5.0\n", r.outcomes[1].text)
  end)

  it("is not to be had in the simulator, nor where the program's memory is not", function()
    local r = script.run("print(pcall(sandbox.explore, print))", { args = "--sim" })
    assert.is_truthy(r.out:find("cannot be called in a simulated run", 1, true), r.out .. r.err)
  end)
end)
