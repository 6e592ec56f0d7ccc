-- Processes in Lua: spawn, join, the handle.
local script = require "support.script"

-- A child that lives until `q` has an item, and the queue.
local function waiting(options)
  local q = queue()
  return spawn(options or { quiet = true, daemon = true }, function() return q:get() end), q
end

describe("spawn", function()
  it("starts at once and hands over its arguments, nils among them", function()
    local p = spawn(function(...) return select("#", ...), ... end, nil, 2, nil)
    assert.are.same({ true, 3, nil, 2, nil, n = 5 }, table.pack(p:join(10)))
  end)

  it("needs nothing that can be sent: coroutines, files and closures go along", function()
    local co = coroutine.wrap(function() coroutine.yield("first") coroutine.yield("second") end)
    co()
    local p = spawn(function(c) return c(), io.type(io.stdout) end, co)
    assert.are.same({ true, "second", "file" }, { p:join(10) })
    assert.are.equal("second", co(), "the parent's coroutine is where it was")
  end)

  it("calls C functions and callable tables", function()
    assert.are.equal("ABC", spawn(string.upper, "abc"):result(10))
    local double = setmetatable({}, { __call = function(_, x) return 2 * x end })
    assert.are.equal(42, spawn(double, 21):result(10))
  end)

  it("a first or a later child has a thread of its own, with the hook of who spawned it at that moment", function()
    local r = script.run [[
      local n = 0
      local function calls() local function g() end g() g() return n end
      local function child() return spawn(calls):result() end
      print(spawn(calls):result())
      debug.sethook(function() n = n + 1 end, "c")
      print(spawn(calls):result() > 2, spawn(child):result() > 2)
      debug.sethook()
      n = 0
      print(spawn(calls):result(), spawn(child):result(), coroutine.wrap(function() return spawn(calls):result() end)())
      print(spawn(function(...) return select("#", ...) end, table.unpack({}, 1, 200)):result())
      local function depth(k) return k == 0 and 0 or 1 + depth(k - 1) end
      print(spawn(depth, 10000):result())
      print(spawn(function() return coroutine.isyieldable(), select(2, coroutine.running()) end):result())
    ]]
    assert.are.equal("0\ntrue\ttrue\n0\t0\t0\n200\n10000\nfalse\ttrue\n", r.out, r.err)
  end)

  it("takes options", function()
    local p = spawn({ name = "writer", daemon = true, cpu = 0 }, function(x) return x end, 5)
    assert.are.equal("writer", p.name)
    assert.is_true(p.daemon)
    assert.are.equal(5, p:result(10))
  end)

  it("pins to a processor", function()
    local function mask()
      for line in io.lines("/proc/self/status") do
        local list = line:match("^Cpus_allowed_list:%s*(%S+)")
        if list then return list end
      end
    end
    assert.are.equal("0", spawn({ cpu = 0 }, mask):result(10))
  end)

  it("names a process after the function's variable, if it is not told", function()
    local function reader() end
    local p, r = spawn(function() end), spawn(reader)
    assert.are.equal("process", p.name)
    assert.are.equal("reader", r.name)
    p:join() r:join()
  end)

  it("gives ids that grow and pids that the system agrees with", function()
    local a, b = spawn(function() return sandbox.getpid(), sandbox.self().id end), spawn(function() end)
    assert.is_true(b.id > a.id)
    assert.are.same({ true, a.pid, a.id }, { a:join(10) })
    b:join()
  end)

  it("fails with a Lua error when the system makes no process (fault 21: EAGAIN), and works again", function()
    local r = script.run([[
      local ok, e = pcall(spawn, function() end)
      print(ok, e)
      print(spawn(function() return "works" end):result(10))
      print(#sandbox.children())
      print(require("support.script").zombies() == 0)
    ]], { env = "SANDBOX_FAULT=spawn.fork:1:fail" })
    if r.out:find("^true") then return pending("the program has no fault points (a release)") end
    assert.are.equal("false\tspawn: the system cannot make another process now (`ulimit -u`, or memory) " ..
      "(fork: Resource temporarily unavailable)\n" ..
      "works\n0\ntrue\n", r.out, r.err)
  end)
end)

describe("join", function()
  it("gives true and the results, nils and large ones too", function()
    local p = spawn(function() return nil, false, ("x"):rep(1 << 20), nil end)
    local ok, a, b, c, d = p:join(10)
    assert.is_true(ok)
    assert.is_nil(a)
    assert.is_false(b)
    assert.are.equal(1 << 20, #c)
    assert.is_nil(d)
    assert.are.equal(5, select("#", p:join()))
  end)

  it("gives true alone if there was no result", function()
    assert.are.equal(1, select("#", spawn(function() end):join(10)))
  end)

  it("can be repeated (fault 26: twice gives the same result)", function()
    local p = spawn(function() return { 1, 2 } end)
    for _ = 1, 3 do assert.are.same({ true, { 1, 2 } }, { p:join(10) }) end
    local f = spawn({ quiet = true }, function() error("no", 0) end)
    for _ = 1, 3 do assert.are.equal("no", select(2, f:join(10)).message) end
  end)

  it("is a function, too", function()
    assert.are.same({ true, 7 }, { join(spawn(function() return 7 end), 10) })
  end)

  it("returns nil, \"timeout\" when the process lives on, at once for 0 (fault 11)", function()
    local p, q = waiting()
    assert.are.same({ nil, "timeout" }, { p:join(0) })
    assert.are.same({ nil, "timeout" }, { p:join(0.01) })
    assert.are.same({ nil, "timeout" }, { p:result(0) })
    q:put("now")
    assert.are.same({ true, "now" }, { p:join(1e300) })
  end)

  it("works from another process (fault 26: a foreign handle)", function()
    local p, q = waiting()
    local joiners = {}
    for i = 1, 5 do joiners[i] = spawn(function() return p:join(10) end) end
    q:put("all")
    for i = 1, 5 do assert.are.same({ true, true, "all" }, { joiners[i]:join(10) }) end
    assert.are.same({ true, "all" }, { p:join(10) })
  end)

  it("works for the parent", function()
    local q = queue()
    local p = spawn(function()
      local parent = sandbox.self()
      local c = spawn({ daemon = false }, function() return parent:join(0) end)
      q:put({ c:join(10) })
    end)
    local got = q:get(10)
    assert.is_true(got[1])
    assert.are.equal("timeout", got[3])
    p:join()
  end)

  it("of oneself is an error (fault 26)", function()
    local ok, e = pcall(function() sandbox.self():join() end)
    assert.is_false(ok)
    assert.is_truthy(e:find("process_spec.lua:%d+: a process cannot join itself"), e)
    assert.is_truthy(spawn(function() return select(2, pcall(join, sandbox.self())) end):result(10)
      :find("cannot join itself", 1, true))
  end)
end)

describe("a failure", function()
  local function failure(fn, ...)
    local ok, e = spawn({ name = "bad", quiet = true }, fn, ...):join(10)
    assert.is_nil(ok)
    return e
  end

  it("has message, value, traceback, name, pid and exit code", function()
    local p = spawn({ name = "bad", quiet = true }, function() error("boom") end)
    local ok, e = p:join(10)
    assert.is_nil(ok)
    assert.is_truthy(e.message:find("process_spec.lua:%d+: boom$"), e.message)
    assert.are.equal(e.message, e.value)
    assert.is_truthy(e.traceback:find("in function 'error'", 1, true), e.traceback)
    assert.are.same({ "bad", p.pid, 1, nil }, { e.name, e.pid, e.exitcode, e.signal })
    assert.are.equal(e.message .. (" (process bad#%d, pid %d)"):format(p.id, p.pid), tostring(e))
    assert.are.equal(1, p.exitcode)
    assert.are.equal("failed", p:status())
  end)

  it("keeps error objects: tables, numbers, false, nil", function()
    local e = failure(function() error({ code = 7, list = { 1, 2 } }) end)
    assert.are.same({ code = 7, list = { 1, 2 } }, e.value)
    assert.are.equal("(error object is a table value: {code = 7, list = {1, 2}})", e.message)
    assert.are.equal(42, failure(error, 42).value)
    assert.are.equal(false, failure(error, false).value)
    assert.is_nil(failure(error, nil).value)
    assert.are.equal("nil", failure(error, nil).message)
    assert.are.equal("a\0b", failure(error, "a\0b", 0).message)
  end)

  it("shows an object as its __tostring does, whatever that does", function()
    assert.are.equal("shown", failure(function()
      error(setmetatable({}, { __tostring = function() return "shown" end }))
    end).message)
    assert.is_string(failure(function() error(setmetatable({}, { __tostring = function() return 42 end })) end).message)
    assert.is_truthy(failure(function()
      error(setmetatable({}, { __tostring = function() error("inner") end }))
    end).message:find("inner", 1, true))
  end)

  it("comes with its message if its value cannot be sent", function()
    local e = failure(function() error(setmetatable({ coroutine.create(print) },
      { __tostring = function() return "with a coroutine" end })) end)
    assert.are.equal("with a coroutine", e.message)
    assert.is_nil(e.value)
  end)

  it("is what a result that cannot be sent becomes, with the path", function()
    assert.are.equal("result.a[1]: a coroutine cannot be sent",
      failure(function() local t = { a = { coroutine.create(print) } } return t end).message)
    assert.are.equal("result 2: a coroutine cannot be sent",
      failure(function() return 1, coroutine.create(print) end).message)
  end)

  it("is an exit status other than 0, too", function()
    local p = spawn({ quiet = true }, os.exit, 3)
    local ok, e = p:join(10)
    assert.is_nil(ok)
    assert.are.same({ "left with exit status 3", 3 }, { e.message, e.exitcode })
    assert.are.equal("failed", p:status())
    assert.are.same({ true }, { spawn(os.exit, 0):join(10) })
    assert.are.same({ true }, { spawn(os.exit, true):join(10) })
    assert.are.equal(1, select(2, spawn({ quiet = true }, os.exit, false):join(10)).exitcode)
  end)

  it("tells the signal that ended the process", function()
    local p = spawn({ quiet = true }, function() sleep(100) end)
    p:kill()
    local ok, e = p:join(10)
    assert.is_nil(ok)
    assert.are.same({ "killed by signal 9 (Killed)", 9, nil }, { e.message, e.signal, e.exitcode })
    assert.are.same({ 9, nil, "killed" }, { p.signal, p.exitcode, p:status() })
  end)

  it("is raised by result, as it is", function()
    local p = spawn({ quiet = true }, function() error("boom") end)
    local ok, e = pcall(p.result, p)
    assert.is_false(ok)
    assert.is_truthy(e.message:find("boom$"))
    assert.are.equal(p.pid, e.pid)
    assert.are.equal(sandbox.failure, getmetatable(e))
  end)

  it("of a grandchild can be passed on", function()
    local e = failure(function() spawn({ name = "inner", quiet = true }, function() error("deep", 0) end):result() end)
    assert.are.equal("deep", e.value.message)
    assert.are.equal("inner", e.value.name)
    assert.are.equal(sandbox.failure, getmetatable(e.value))
  end)
end)

describe("a handle", function()
  it("tells running, done", function()
    local p, q = waiting()
    assert.are.same({ true, "running", nil, nil }, { p:alive(), p:status(), p.exitcode, p.signal })
    q:put(1)
    p:join(10)
    assert.are.same({ false, "done", 0, nil }, { p:alive(), p:status(), p.exitcode, p.signal })
  end)

  it("tells stopped", function()
    local p, q = waiting()
    os.execute("kill -STOP " .. p.pid)
    local stop = sandbox.now() + 10
    while p:status() ~= "stopped" and sandbox.now() < stop do sleep(0.005) end
    assert.are.equal("stopped", p:status())
    assert.is_true(p:alive())
    assert.are.same({ nil, "timeout" }, { p:join(0.01) })
    os.execute("kill -CONT " .. p.pid)
    q:put(1)
    assert.are.same({ true, 1 }, { p:join(10) })
  end)

  it("says that it is alive exactly as long as a join would wait", function()
    local handles, go = queue(), queue()
    local parent = spawn(function()
      handles:put(spawn(function() go:get() end))
      sleep(1000)
    end)
    local p = handles:get(10)
    assert.is_true(parent:pause())
    go:put(1)
    local stat
    repeat -- it has said that it leaves, and left; but nobody has reaped it, so nobody knows how it ended
      local handle <close> = assert(io.open("/proc/" .. p.pid .. "/stat"))
      stat = handle:read("a"):match("^.*%) (%a)")
    until stat == "Z"
    assert.are.same({ true, "running", nil }, { p:alive(), p:status(), p.exitcode })
    assert.are.same({ nil, "timeout" }, { p:join(0) })
    assert.is_true(parent:resume())
    assert.is_true(p:join(10))
    assert.are.same({ false, "done", 0 }, { p:alive(), p:status(), p.exitcode })
    parent:kill()
    parent:join(10)
  end)

  it("ends a process: terminate, kill; and nothing happens to one that is over", function()
    local p = waiting()
    p:terminate()
    assert.are.equal(15, select(2, p:join(10)).signal)
    local k = waiting()
    k:kill()
    assert.are.equal(9, select(2, k:join(10)).signal)
    p:terminate() p:kill() k:terminate()
    assert.are.equal("killed", p:status())
    local d = spawn(function() end)
    d:join(10)
    d:kill()
    assert.are.same({ "done", 0, nil }, { d:status(), d.exitcode, d.signal })
  end)

  it("kills a stopped process", function()
    local p = waiting()
    os.execute("kill -STOP " .. p.pid)
    p:kill()
    assert.are.equal(9, select(2, p:join(10)).signal)
  end)

  it("shows name, id, pid and status", function()
    local p = spawn({ name = "shown" }, function() end)
    p:join(10)
    assert.are.equal(("process: shown#%d (pid %d, done)"):format(p.id, p.pid), tostring(p))
  end)

  it("is equal to another of the same process, and to nothing else", function()
    local p, q = waiting()
    local children = sandbox.children()
    assert.is_true(children[#children] == p)
    assert.is_false(p == sandbox.self())
    assert.is_true(sandbox.self() == sandbox.self())
    local seen = spawn(function() return sandbox.self() end)
    assert.is_true(seen:result(10) == seen)
    assert.is_true(({ [p] = "key" })[children[#children]] == "key", "the same key of a table")
    q:put(1)
    p:join(10)
  end)

  it("has no other fields", function()
    assert.is_nil(sandbox.self().nonsense)
    assert.is_nil(sandbox.self()[1])
  end)
end)

describe("sandbox", function()
  it("knows the children that live, oldest first", function()
    local counts = spawn(function()
      local q = queue()
      local list = {}
      for i = 1, 3 do list[i] = spawn(function() q:get() end) end
      local found = sandbox.children()
      local same = #found == 3
      for i = 1, 3 do same = same and found[i] == list[i] end
      q:close()
      for i = 1, 3 do list[i]:join(10) end
      return same, #sandbox.children()
    end)
    assert.are.same({ true, true, 0 }, { counts:join(20) })
  end)

  it("counts processors", function()
    assert.is_true(math.type(sandbox.cpus()) == "integer" and sandbox.cpus() >= 1)
    assert.are.equal(1, spawn({ cpu = 0 }, sandbox.cpus):result(10))
  end)

  it("has a version", function()
    local shell = require "support.shell"
    assert.is_truthy(sandbox.version:match("^%d+%.%d+%.%d+$"))
    assert.are.equal("sandbox " .. sandbox.version, shell.run(shell.quote(shell.program) .. " --version"):match("^(%S+ %S+)"))
  end)

  it("has clocks that agree with the system's", function()
    assert.is_true(math.abs(sandbox.time() - os.time()) <= 2)
    local before = sandbox.now()
    sleep(0.02)
    local passed = sandbox.now() - before
    assert.is_true(passed >= 0.02, passed)
  end)

  it("is what require gives, with the globals in it", function()
    assert.are.equal(sandbox, require "sandbox")
    for _, name in ipairs { "spawn", "join", "queue", "queue_put", "queue_get", "sleep" } do
      assert.are.equal(_G[name], sandbox[name])
    end
  end)
end)

describe("sleep", function()
  it("takes 0, fractions and nothing negative (fault 11)", function()
    sleep(0)
    sleep(1e-9)
    assert.is_false(pcall(sleep, -1))
    assert.is_false(pcall(sleep, 0 / 0))
  end)

  it("for ever means for ever: 1e300 and inf (fault 11)", function()
    for _, forever in ipairs { 1e300, math.huge } do
      local p = spawn({ quiet = true }, sleep, forever)
      assert.are.same({ nil, "timeout" }, { p:join(0.05) })
      p:kill()
      assert.are.equal(9, select(2, p:join(10)).signal)
    end
  end)

  it("is not cut short by signals (fault 18: EINTR is invisible)", function()
    local p = spawn(function() local from = sandbox.now() sleep(0.3) return sandbox.now() - from end)
    while p:alive() do os.execute(("kill -CHLD %d 2>/dev/null; kill -WINCH %d 2>/dev/null"):format(p.pid, p.pid)) end
    assert.is_true(p:result(10) >= 0.3)
  end)
end)

describe("the clock of a run", function()
  it("goes faster with --speed, for sleep, timeouts and now alike", function()
    local r = script.run([[
      local from = sandbox.now()
      sleep(50)
      assert(queue():get(50) == nil)
      assert(not spawn(function() sleep(20) end):join(10))
      print(sandbox.now() - from >= 110)
    ]], { args = "--speed 100", seconds = 10 })
    assert.are.same({ "true\n", "", 0 }, { r.out, r.err, r.status })
  end)
end)
