-- Scopes: no child outlives its block, and the first failure is the one that leaves.
local rounds = require "support.rounds"
local script = require "support.script"
local T = 20

local function alive(p) return p:alive() end

local function living(list)
  local n = 0
  for _, p in ipairs(list) do if alive(p) then n = n + 1 end end
  return n
end

describe("a scope", function()
  it("waits for its children at the end of the block", function()
    local list, q = {}, queue()
    do
      local g <close> = sandbox.scope()
      for i = 1, 5 do list[i] = g:spawn(function(x) sleep(x / 200) q:put(x) return x end, i) end
      assert.is_truthy(tostring(g):find("scope: %d process"))
    end
    assert.are.same({ 0, 5 }, { living(list), #q })
    for i = 1, 5 do assert.are.equal(i, list[i]:result(0)) end
    do local _ <close> = sandbox.scope() end
  end)

  it("hands spawn's options on, and names children as spawn does", function()
    local g <close> = sandbox.scope()
    local function cook() return sandbox.self().name end
    local p, r = g:spawn({ name = "chef", cpu = 0 }, cook), g:spawn(cook)
    assert.are.same({ "chef", "cook" }, { p:result(T), r:result(T) })
  end)

  it("the first failure stops the others, and is raised when the block ends (50 times)", function()
    for _ in rounds(50) do
      local list = {}
      local ok, e = pcall(function()
        local g <close> = sandbox.scope()
        local gate = queue()
        for i = 1, 3 do list[i] = g:spawn(function() gate:get() end) end
        list[4] = g:spawn({ name = "bad" }, function() error("boom", 0) end)
      end)
      assert.is_false(ok)
      assert.are.same({ "boom", "bad" }, { e.message, e.name })
      assert.are.equal(0, living(list))
    end
  end)

  it("on_error = \"wait\": the others end by themselves; the first failure is raised, and tells of the others", function()
    local q, list = queue(), {}
    local ok, e = pcall(function()
      local g <close> = sandbox.scope { on_error = "wait" }
      local gate = queue()
      list[1] = g:spawn(function() gate:get(20) q:put("first") end)
      list[2] = g:spawn(function() error("one", 0) end)
      list[2]:join(T)
      list[3] = g:spawn(function() gate:get(20) error("two", 0) end)
      gate:put(1)
      gate:put(1)
    end)
    assert.is_false(ok)
    assert.are.same({ "one", 1, "two" }, { e.message, #e.others, e.others[1].message })
    assert.are.equal("first", q:get(0))
    assert.are.equal(0, living(list))
  end)

  it("when the body fails, the children are stopped and its error leaves", function()
    for _, on_error in ipairs { "stop", "wait" } do
      local list = {}
      local ok, e = pcall(function()
        local g <close> = sandbox.scope { on_error = on_error }
        list[1] = g:spawn(sleep, 1000)
        list[2] = g:spawn(function() error("a child's", 0) end)
        error("the body's", 0)
      end)
      assert.are.same({ false, "the body's" }, { ok, e })
      assert.are.equal(0, living(list))
    end
  end)

  it("children that are busy, or catch all errors, or are stopped, end all the same", function()
    local list, ready = {}, queue()
    local ok = pcall(function()
      local g <close> = sandbox.scope()
      list[1] = g:spawn(function() ready:put(1) while true do end end)
      list[2] = g:spawn(function() ready:put(1) while true do pcall(sleep, 1000) end end)
      list[3] = g:spawn(function() ready:put(1) sleep(1000) end)
      for _ = 1, 3 do ready:get(T) end
      list[3]:pause()
      error "enough"
    end)
    assert.is_false(ok)
    assert.are.equal(0, living(list))
  end)

  it("a killed child is a failure like any other", function()
    local ok, e = pcall(function()
      local g <close> = sandbox.scope()
      local p = g:spawn(sleep, 1000)
      g:spawn(sleep, 1000)
      p:kill()
    end)
    assert.are.same({ false, 9 }, { ok, e.signal })
    assert.are.equal(0, #sandbox.children())
  end)

  it("nests: the inner one ends first, its failure goes through the outer one", function()
    local outer, inner
    local ok, e = pcall(function()
      local g <close> = sandbox.scope()
      outer = g:spawn(sleep, 1000)
      do
        local h <close> = sandbox.scope()
        inner = h:spawn(sleep, 1000)
        h:spawn(function() error("inside", 0) end)
      end
      error "not reached"
    end)
    assert.are.same({ false, "inside" }, { ok, e.message })
    assert.are.equal(0, living { outer, inner })
  end)

  it("a child that is stopped ends the scopes it has itself, however deep (20 times)", function()
    for _ in rounds(20) do
      local pids, list = queue(), {}
      local function nest(depth)
        pids:put(sandbox.getpid())
        if depth == 0 then sleep(1000) end
        local g <close> = sandbox.scope()
        g:spawn(nest, depth - 1)
        sleep(1000)
      end
      local ok, e = pcall(function()
        local g <close> = sandbox.scope()
        g:spawn(nest, 3)
        for i = 1, 4 do list[i] = assert(pids:get(T)) end
        error("enough", 0)
      end)
      assert.are.same({ false, "enough" }, { ok, e })
      assert.is_true(script.gone(list))
    end
  end)

  it("spawn notices a failure, and raises it: a body that only spawns does not run on for ever", function()
    local n = 0
    local ok, e = pcall(function()
      local g <close> = sandbox.scope()
      while true do
        n = n + 1
        g:spawn(function(x) if x == 5 then error("five", 0) end end, n)
      end
    end)
    assert.are.same({ false, "five" }, { ok, e.message })
    assert.are.equal(0, #sandbox.children())
  end)

  it("holds a bounded number of handles: those that ended are forgotten", function()
    local g <close> = sandbox.scope()
    for _ = 1, 100 do g:spawn(function() end):join(T) end
    g:spawn(function() end)
    assert.are.equal("scope: 1 process", tostring(g))
  end)

  it("prints nothing of a failure that it raises", function()
    local r = script.run [[
      print(pcall(function()
        local g <close> = sandbox.scope()
        g:spawn({ name = "c" }, function() error("caught", 0) end):join()
        g:spawn(sleep, 10)
      end))
    ]]
    assert.is_truthy(r.out:find("^false\tcaught %(process c#2, pid %d+%)\n$"), r.out)
    assert.are.same({ "", 0 }, { r.err, r.status })
  end)

  it("an error that nobody catches: one report, with the child's traceback; status 1", function()
    local r = script.run [[
      local g <close> = sandbox.scope()
      g:spawn({ name = "c" }, function() error("uncaught") end)
    ]]
    assert.are.equal(1, script.count(r.err, "uncaught"), r.err)
    assert.is_truthy(r.err:find(r.name .. ":2: uncaught (process c#2", 1, true), r.err)
    assert.is_truthy(r.err:find(r.name .. ":2: in function <", 1, true), r.err)
    assert.are.equal(1, r.status)
  end)

  it("Ctrl-C while it waits ends it in order", function()
    local r = script.run [[
      local super = io.open("/proc/self/stat"):read("a"):match("^.*%) %a (%d+)")
      local g <close> = sandbox.scope()
      g:spawn(function() print("pid=" .. sandbox.getpid()) sleep(1000) end)
      g:spawn(function() print("pid=" .. sandbox.getpid()) os.execute("kill -INT " .. super) sleep(1000) end)
    ]]
    assert.are.equal(130, r.status, r.err)
    assert.are.equal(0, script.count(r.err, "traceback"), r.err)
    local pids = {}
    for pid in r.out:gmatch("pid=(%d+)") do pids[#pids + 1] = tonumber(pid) end
    assert.is_true(script.gone(pids))
  end)

  it("in a forked child the parent's scope is nobody's business", function()
    local q = queue()
    do
      local g <close> = sandbox.scope()
      local p = g:spawn(sleep, 0.05)
      g:spawn(function()
        local ok, e = pcall(g.spawn, g, print)
        q:put { ok, e }
        os.exit(0) -- its copy of g is not closed
      end):join(T)
      assert.is_truthy(p)
      local ok, e = table.unpack(q:get(T))
      assert.is_false(ok)
      assert.is_truthy(e:find("a scope belongs to the process that made it", 1, true), e)
      assert.is_true(p:alive() or p:join(0))
    end
  end)

  it("refuses what makes no sense, at the caller's line", function()
    local g <close> = sandbox.scope()
    local closed
    do
      local h <close> = sandbox.scope()
      closed = h
    end
    for text, call in pairs {
      ["table of options expected, got number"] = function() sandbox.scope(1) end,
      ["unknown option 'error'"] = function() sandbox.scope { error = "stop" } end,
      ["on_error must be \"stop\" or \"wait\""] = function() sandbox.scope { on_error = "ignore" } end,
      ["function expected, got no value"] = function() g:spawn() end,
      ["function expected, got number"] = function() g:spawn(1) end,
      ["bad argument #2 to 'spawn' (function expected"] = function() g:spawn({}, 1) end,
      ["unknown option 'nme'"] = function() g:spawn({ nme = 1 }, print) end,
      ["scope expected, got table"] = function() g.spawn({}, print) end,
      ["spawn: the scope is closed"] = function() closed:spawn(print) end,
    } do
      local ok, e = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(e:find("^%S*scope_spec.lua:%d+: "), e)
      assert.is_truthy(e:find(text, 1, true), e)
    end
    local ok, e = pcall(queue().put, queue(), g)
    assert.is_false(ok)
    assert.is_truthy(e:find("a sandbox.scope (userdata) cannot be sent", 1, true), e)
  end)
end)

describe("signals to a process:", function()
  it("pause and resume", function()
    local p = spawn({ daemon = true, quiet = true }, function() while true do sleep(0.001) end end)
    for _ in rounds(20) do
      assert.is_true(p:pause())
      local stop = sandbox.now() + T
      repeat until p:status() == "stopped" or sandbox.now() > stop
      assert.are.equal("stopped", p:status())
      assert.is_true(p:alive())
      assert.is_true(p:resume())
      repeat until p:status() == "running" or sandbox.now() > stop
      assert.are.equal("running", p:status())
    end
    p:kill()
    p:join(T)
  end)

  it("interrupt: an error \"interrupted!\" in it, with its blocks closed", function()
    local q = queue()
    local p = spawn({ quiet = true }, function()
      local _ <close> = setmetatable({}, { __close = function(_, e) q:put(e) end })
      q:put("ready")
      sleep(1000)
    end)
    q:get(T)
    assert.is_true(p:interrupt())
    assert.is_truthy(tostring(q:get(T)):find("interrupted!", 1, true))
    local ok, e = p:join(T)
    assert.are.same({ nil, 130 }, { ok, e.exitcode })
    assert.is_true(p:interrupt(), "nothing happens to one that has ended")
  end)

  it("stop: politely, then by force", function()
    local p = spawn({ quiet = true }, sleep, 1000)
    assert.is_true(p:stop())
    assert.are.same({ "failed", 130 }, { p:status(), p.exitcode })
    assert.is_true(p:stop(0))
    for _ in rounds(20) do -- no grace: which of the signals ends it is open
      p = spawn({ quiet = true }, function() while true do end end)
      assert.is_true(p:stop(0))
      assert.is_true(p.exitcode == 130 or p.signal == 15 or p.signal == 9)
    end
    assert.has_error(function() p:stop(-1) end)
  end)

  it("parent", function()
    local me = sandbox.self()
    local p = spawn(function()
      local q = spawn(function() return sandbox.parent() == me, sandbox.parent().pid end)
      return sandbox.parent() == me, sandbox.getpid(), q:result(T)
    end)
    local ok, pid, inner, parent = p:result(T)
    assert.are.same({ true, pid, false, pid }, { ok, p.pid, inner, parent })
    assert.are.equal("nil\n", script.run("print(sandbox.parent())").out)
  end)
end)
