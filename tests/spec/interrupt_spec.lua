-- Interrupts: whatever a process does, in coroutines, protected calls and iterators, it ends; and its __close run.
local script = require "support.script"
local T = 30

-- What a process may be doing, as functions that never return. They say so first, by go().
local busy = {
  ["a loop"] = function(go) go() while true do end end,
  ["a loop of calls"] = function(go) go() local function f() end while true do f() end end,
  ["a coroutine"] = function(go)
    coroutine.wrap(function() go() while true do end end)()
  end,
  ["nested coroutines"] = function(go)
    local function nest(n)
      if n == 0 then go() while true do end end
      return coroutine.resume(coroutine.create(nest), n - 1)
    end
    while true do nest(20) end
  end,
  ["a loop of pcall"] = function(go) go() while true do pcall(function() while true do end end) end end,
  ["pcall in pcall"] = function(go)
    go()
    while true do pcall(pcall, pcall, function() while true do pcall(error) end end) end
  end,
  ["a loop of xpcall"] = function(go)
    go()
    while true do xpcall(function() while true do end end, function(e) return debug.traceback(e) end) end
  end,
  ["a loop of resume"] = function(go)
    go()
    while true do coroutine.resume(coroutine.create(function() while true do end end)) end
  end,
  ["an iterator made by wrap"] = function(go)
    go()
    for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end
  end,
  ["the loop around an iterator"] = function(go)
    for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do go() while true do end end
  end,
  ["a coroutine that yields inside pcall"] = function(go)
    local co = coroutine.wrap(function()
      while true do pcall(function() while true do coroutine.yield() end end) end
    end)
    go()
    while true do co() end
  end,
  ["a coroutine that is closed"] = function(go)
    local co = coroutine.create(function()
      local c <close> = setmetatable({}, { __close = function() go() while true do end end })
      coroutine.yield()
    end)
    coroutine.resume(co)
    while true do coroutine.close(co) end
  end,
  ["a callback of table.sort"] = function(go) go() while true do table.sort({ 1, 2, 3 }, function() while true do end end) end end,
  ["a callback of gsub, protected"] = function(go)
    go()
    while true do pcall(string.gsub, "xx", "x", function() while true do end end) end
  end,
  ["the reader of load"] = function(go) go() while true do load(function() while true do end end) end end,
  ["the chunk of load in a loop"] = function(go) go() while true do load("return 1", "@loaded.lua")() end end,
  ["peek in a loop of pcall"] = function(go)
    local q = queue()
    for i = 1, 50 do q:put { i } end
    go()
    while true do
      pcall(function()
        for _, item in ipairs(q:peek(50)) do
          if type(item) ~= "table" then q:put("swallowed") os.exit(9) end
        end
      end)
    end
  end,
  ["submit in a loop of pcall"] = function(go)
    local pool <close> = sandbox.pool(1)
    go()
    while true do pcall(function() pool:submit(math.abs, 1) end) end
  end,
  ["update in a loop of pcall"] = function(go)
    local v = sandbox.value {}
    go()
    while true do pcall(v.update, v, function(t) return t end) end
  end,
  ["a put of handles in a loop of pcall"] = function(go)
    local q, other = queue(), queue()
    go()
    while true do pcall(function() q:put { { other } } q:get() end) end
  end,
  ["the text of things in a loop of pcall"] = function(go)
    local list = { queue(), sandbox.value(1), sandbox.self(), select(2, spawn({ quiet = true }, error, "x"):join(T)) }
    go()
    while true do pcall(function() for _, o in ipairs(list) do tostring(o) end end) end
  end,
  ["a loop of failing ops"] = function(go) local q = queue() go() while true do q:get(0) end end,
  ["sleep"] = function(go) go() sleep(1e6) end,
  ["sleep in a loop of pcall"] = function(go) go() while true do pcall(sleep, 1e6) end end,
  ["get in a coroutine"] = function(go) local q = queue() coroutine.wrap(function() go() q:get() end)() end,
  ["get in a loop of resume"] = function(go)
    local q = queue()
    go()
    while true do coroutine.resume(coroutine.create(q.get), q) end
  end,
  ["put in a full queue, in a loop"] = function(go) local q = queue(1) q:put(1) go() while true do pcall(q.put, q, 2) end end,
  ["join in a loop"] = function(go)
    local p <close> = setmetatable({ spawn({ daemon = true }, sleep, 1e6) }, { __close = function(p) p[1]:kill() end })
    go()
    while true do pcall(join, p[1]) end
  end,
  ["items"] = function(go) local q = queue() go() for _ in q:items() do end end,
  ["a script's own debug hook"] = function(go)
    debug.sethook(function() end, "l")
    go()
    while true do pcall(function() while true do end end) end
  end,
  ["a loop that sets debug hooks"] = function(go)
    go()
    while true do debug.sethook(function() end, "", 1) debug.sethook() end
  end,
  ["a loop that asks for debug hooks"] = function(go) go() while true do debug.gethook() end end,
}

local names = {}
for name in pairs(busy) do names[#names + 1] = name end
table.sort(names)

describe("p:interrupt() ends", function()
  for _, name in ipairs(names) do
    it(name, function()
      for round = 1, 6 do
        local ready, closed = queue(), queue()
        local p = spawn({ quiet = true }, function()
          local c <close> = setmetatable({}, { __close = function() closed:put("closed") end })
          busy[name](function() ready:put(1) end)
        end)
        assert.are.equal(1, ready:get(T))
        if round % 2 == 0 then sleep(0.001 * (round // 2)) end
        assert.is_true(p:interrupt())
        local ok, failure = p:join(T)
        assert.is_nil(ok)
        assert.is_table(failure)
        assert.are.equal(130, failure.exitcode)
        assert.is_truthy(failure.message:find("^interrupted at %S+%.lua:%d+$"), failure.message)
        assert.is_truthy(failure.traceback:find("stack traceback", 1, true))
        assert.are.equal("failed", p:status())
        assert.are.equal("closed", closed:get(0))
      end
    end)
  end

  it("a process before its first step, 200 times", function()
    for _ = 1, 200 do
      local p = spawn({ quiet = true }, function() while true do pcall(sleep, 1e6) end end)
      p:interrupt()
      local ok, failure = p:join(T)
      assert.is_nil(ok)
      assert.are.equal(130, failure.exitcode)
      assert.is_truthy(failure.message:find("^interrupted at "), failure.message)
    end
  end)

  it("a process that waits for its children at its end", function()
    local ready, go = queue(), queue()
    local p = spawn({ quiet = true }, function()
      spawn(function() ready:put(1) go:get(T) end)
    end)
    ready:get(T)
    repeat -- until it waits: then its stat says that it sleeps
      sleep(0)
      local state = io.open(("/proc/%d/stat"):format(p.pid)):read("a"):match("^.*%) (%a)")
    until state == "S"
    p:interrupt()
    assert.is_nil((p:join(T)))
    assert.are.equal(130, p.exitcode)
    assert.are.equal("interrupted at its end", select(2, p:join()).message)
    go:put(1)
  end)

  it("not what has ended, and nothing else than the process", function()
    local p = spawn(function() return 5 end)
    p:join()
    assert.is_true(p:interrupt())
    assert.are.same({ true, 5 }, { p:join() })
  end)
end)

describe("an interrupted process", function()
  it("is reported with the line, a traceback and the spawn, and is no failure of the run", function()
    local r = script.run [[
      local ready = queue()
      local p = spawn(function()
        ready:put(1)
        while true do end
      end)
      ready:get()
      p:interrupt()
      while p:alive() do sleep(0.001) end
    ]]
    assert.are.equal(0, r.status, r.err)
    assert.is_truthy(r.err:find("^sandbox: interrupted at " .. r.name:gsub("%p", "%%%0") ..
      ":[34] %(process process#2, pid %d+%)\nstack traceback:\n.*spawned at [^\n]+:2\n$"), r.err)
  end)

  it("is not reported when it is quiet, or joined", function()
    local r = script.run [[
      local p = spawn({ quiet = true }, sleep, 1e6)
      p:interrupt()
      local q = spawn(function() sleep(0.05) p:interrupt() sandbox.parent():status() end)
      print(p:join())
    ]]
    assert.are.equal("", r.err)
    assert.are.equal(0, r.status)
    assert.is_truthy(r.out:find("^nil\tinterrupted at "), r.out)
  end)

  it("gives a signal from outside as a failure of the run: status 3", function()
    local r = script.run [[
      local ready = queue()
      local p = spawn(function() ready:put(sandbox.getpid()) sleep(1e6) end)
      os.execute("kill -INT " .. ready:get())
      while p:alive() do sleep(0.001) end
    ]]
    assert.are.equal(3, r.status, r.err)
    assert.is_truthy(r.err:find("^sandbox: interrupted at "), r.err)
  end)

  it("has working __close and message handlers, which may use ops, pcall and coroutines", function()
    local results = queue()
    local ready = queue()
    local p = spawn({ quiet = true }, function()
      local outer <close> = setmetatable({}, { __close = function(_, e)
        results:put { "outer", e, pcall(error, "caught", 0) }
        local co = coroutine.wrap(function() coroutine.yield(1) return 2 end)
        results:put { co(), co() }
        sleep(0.01)
        local n = 0
        for i = 1, 1e5 do n = n + i end
        results:put { spawn(function() return n end):result() }
        results:put(select("#", pcall(function() error() end)))
      end })
      xpcall(function()
        local inner <close> = setmetatable({}, { __close = function(_, e) results:put { "inner", e } end })
        ready:put(1)
        while true do end
      end, function(e) results:put { "handler", e, debug.traceback() } return e end)
      results:put "not reached"
    end)
    ready:get(T)
    p:interrupt()
    local ok, failure = p:join(T)
    assert.is_nil(ok)
    assert.are.equal(130, failure.exitcode)
    local handler = results:get(0)
    assert.are.equal("handler", handler[1])
    assert.is_truthy(handler[2]:find("interrupt_spec.lua:%d+: interrupted!$"))
    assert.is_truthy(handler[3]:find("stack traceback", 1, true))
    assert.are.equal("inner", results:get(0)[1])
    local outer = results:get(0)
    assert.are.equal("outer", outer[1])
    assert.are.same({ false, "caught" }, { outer[3], outer[4] })
    assert.are.same({ 1, 2 }, results:get(0))
    assert.are.same({ 5000050000 }, results:get(0))
    assert.are.equal(2, results:get(0))
    assert.is_true(results:empty())
  end)

  -- Each says when it is in the handler, by go(), and never returns from there. (busted looks up globals by code of its own, which
  -- an interrupt would name: so these are locals.)
  local pcall, sleep = pcall, sleep
  for what, handled in pairs {
    ["that computes"] = function(go) return xpcall(error, function() go() while true do end end, "x") end,
    ["that waits"] = function(go) return xpcall(error, function() go() while true do sleep(1e6) end end, "x") end,
    ["that catches errors"] = function(go)
      return xpcall(error, function()
        go()
        while true do pcall(function() while true do end end) pcall(sleep, 1e6) end
      end, "x")
    end,
    ["in a coroutine, after a yield"] = function(go)
      local co = coroutine.wrap(function()
        xpcall(function() coroutine.yield() error "x" end, function() go() while true do end end)
      end)
      co()
      co()
    end,
    ["deep in calls"] = function(go)
      local function deep(n) if n == 0 then go() while true do end end return 1 + deep(n - 1) end
      return xpcall(error, function() deep(100) end, "x")
    end,
    ["which is the __tostring of an error"] = function(go)
      error(setmetatable({}, { __tostring = function() go() while true do end end }))
    end,
  } do
    it("ends a message handler " .. what, function()
      local ready = queue()
      local p = spawn({ quiet = true }, function() handled(function() ready:put(1) end) end)
      ready:get(T)
      p:interrupt()
      local ok, failure = p:join(T)
      assert.are.same({ nil, 130 }, { ok, failure.exitcode })
      assert.is_truthy(failure.message:find("^interrupted at %S*interrupt_spec.lua:%d+$"), failure.message)
    end)
  end

  it("has no endless __close: that has its time, and is interrupted, too", function()
    local ready = queue()
    local p = spawn({ quiet = true }, function()
      pcall(function()
        local c <close> = setmetatable({}, { __close = function() while true do end end })
        ready:put(1)
        while true do end
      end)
    end)
    ready:get(T)
    p:interrupt()
    assert.are.equal(130, select(2, p:join(T)).exitcode)
  end)

  it("is interrupted again in its __close by a second interrupt", function()
    local ready = queue()
    local p = spawn({ quiet = true }, function()
      local c <close> = setmetatable({}, { __close = function() ready:put(2) sleep(1e6) end })
      ready:put(1)
      while true do end
    end)
    ready:get(T)
    p:interrupt()
    ready:get(T)
    assert.is_nil(p:join(0.01))
    p:interrupt()
    assert.are.equal(130, select(2, p:join(T)).exitcode)
  end)

  it("does not hand its interrupt to the processes that it spawns meanwhile", function()
    local ready, result = queue(), queue()
    local p = spawn({ quiet = true }, function()
      local c <close> = setmetatable({}, { __close = function()
        local child = spawn(function()
          local n = 0
          for i = 1, 1e6 do n = n + 1 end
          return pcall(error, "x", 0)
        end)
        result:put { child:join(T) }
      end })
      ready:put(1)
      coroutine.wrap(function() while true do end end)()
    end)
    ready:get(T)
    p:interrupt()
    assert.are.equal(130, select(2, p:join(T)).exitcode)
    assert.are.same({ true, false, "x" }, result:get(0))
  end)

  it("in a finalizer goes on after it", function()
    local ready = queue()
    local p = spawn({ quiet = true }, function()
      local never = queue()
      setmetatable({}, { __gc = function() ready:put(1) never:get() end })
      collectgarbage()
      collectgarbage()
      while true do end
    end)
    ready:get(T)
    p:interrupt()
    assert.are.equal(130, select(2, p:join(T)).exitcode)
  end)

  it("may be main: told with its line, and its children end with it", function()
    local r = script.run [[
      local main = sandbox.self()
      local go = queue()
      spawn(function() go:get() main:interrupt() sleep(1e6) end)
      local c <close> = setmetatable({}, { __close = function() print "closed" end })
      go:put(1)
      while true do pcall(function() while true do end end) end
    ]]
    assert.are.equal(130, r.status, r.err)
    assert.are.equal("closed\n", r.out)
    assert.is_truthy(r.err:find("^sandbox: interrupted at [^\n]+:%d+\nstack traceback:"), r.err)
  end)
end)

describe("p:stop()", function()
  -- Where no hook runs, nothing is interrupted.
  local function stubborn(ready)
    setmetatable({}, { __gc = function() ready:put(1) while true do end end })
    collectgarbage()
    collectgarbage()
  end

  it("ends a process by an interrupt, with its blocks closed, and returns when it has ended", function()
    for _ = 1, 10 do
      local ready, closed = queue(), queue()
      local p = spawn(function()
        local c <close> = setmetatable({}, { __close = function() sleep(0.01) closed:put("closed") end })
        ready:put(1)
        while true do pcall(sleep, 1e6) end
      end)
      ready:get(T)
      assert.is_true(p:stop())
      assert.is_false(p:alive())
      assert.are.equal(130, p.exitcode)
      assert.are.equal("closed", closed:get(0))
    end
  end)

  it("wakes one that is paused", function()
    local ready = queue()
    local p = spawn({ quiet = true }, function() ready:put(1) sleep(1e6) end)
    ready:get(T)
    p:pause()
    assert.is_true(p:stop())
    assert.are.equal(130, p.exitcode)
  end)

  it("ends one that does not mind, after the grace", function()
    local ready = queue()
    local p = spawn({ quiet = true }, stubborn, ready)
    ready:get(T)
    local from = sandbox.now()
    assert.is_true(p:stop(0.2))
    assert.is_true(sandbox.now() - from >= 0.2)
    assert.are.same({ "killed", 15 }, { p:status(), p.signal })
  end)

  it("has its grace by the run's clock", function()
    local r = script.run([[
      local ready = queue()
      local p = spawn({ quiet = true }, function()
        setmetatable({}, { __gc = function() ready:put(1) while true do end end })
        collectgarbage() collectgarbage()
      end)
      ready:get()
      local from = sandbox.now()
      p:stop(1000)
      assert(sandbox.now() - from >= 1000)
      print(p.signal)
    ]], { args = "--speed 2000", seconds = 30 })
    assert.are.same({ "15\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("does nothing to what has ended, and is wrong for oneself", function()
    local p = spawn(function() return 7 end)
    p:join()
    assert.is_true(p:stop(0))
    assert.are.same({ true, 7 }, { p:join() })
    assert.has_error(function() sandbox.self():stop() end, "a process cannot stop itself")
    assert.is_false(pcall(p.stop, p, -1))
  end)

  it("can be interrupted itself", function()
    local ready, gone = queue(), queue()
    local p = spawn({ quiet = true }, function()
      local q = spawn({ quiet = true, daemon = true }, stubborn, ready)
      ready:get(T)
      gone:put(q)
      q:stop(1e6)
    end)
    gone:get(T)
    while p:join(0.01) == nil and p:alive() do p:interrupt() end
    assert.are.equal(130, p.exitcode)
  end)
end)

describe("Ctrl-C", function()
  -- Interrupts its own run from a process that it does not wait for.
  local prologue = [[
    local super = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
    local function go() io.popen("kill -INT " .. super) end
    local c <close> = setmetatable({}, { __close = function() print "closed" end })
  ]]

  for name, line in pairs {
    ["a loop of pcall"] = "go() while true do pcall(function() while true do end end) end",
    ["coroutines"] = "go() while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    ["nested wrap"] = "coroutine.wrap(function() coroutine.wrap(function() go() while true do end end)() end)()",
    ["a wrap iterator"] = "go() for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end",
    ["ops in a loop of pcall"] = "go() while true do pcall(sleep, 1e6) end",
  } do
    it("ends " .. name .. " at once, and not after the second of grace", function()
      local r = script.run(prologue .. line)
      assert.are.equal("closed\n", r.out, r.err) -- who is killed prints nothing
      assert.are.equal(130, r.status)
      assert.is_truthy(r.err:find("^sandbox: interrupted: main [^\n]+\n$"), r.err)
    end)
  end

  it("ends what is loaded by -e and by -l, too, and leaves the rest undone", function()
    local r = script.run("print 'not reached'", { args = [[-e 'local super = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
      io.popen("kill -INT " .. super) while true do pcall(function() while true do end end) end' ]] })
    assert.are.same({ "", 130 }, { r.out, r.status })
  end)
end)
