-- Whole runs: exit statuses, reports, Ctrl-C, the death of the tree, output of many.
local script = require "support.script"
local shell = require "support.shell"
local run = script.run

local function pids(text)
  local list = {}
  for pid in text:gmatch("pid=(%d+)") do list[#list + 1] = tonumber(pid) end
  return list
end

describe("the exit status is", function()
  local function status(text, o) return run(text, o).status end

  it("0 when all went well", function()
    assert.are.equal(0, status "spawn(function() end)")
    assert.are.equal(0, status "spawn({ quiet = true }, function() error 'x' end):join()")
  end)

  it("1 for a Lua error in main, also if a child failed", function()
    assert.are.equal(1, status "error 'x'")
    assert.are.equal(1, status "local =")
    assert.are.equal(1, status "spawn({ quiet = true }, function() error 'x' end) error 'y'")
  end)

  it("what main says in os.exit", function()
    assert.are.equal(7, status "os.exit(7)")
    assert.are.equal(7, status "spawn({ quiet = true, daemon = true }, sleep, 1000) os.exit(7, true)")
    assert.are.equal(1, status "os.exit(false)")
  end)

  it("3 when a child failed and nobody joined it, however it failed", function()
    assert.are.equal(3, status "spawn({ quiet = true }, function() error 'x' end)")
    assert.are.equal(3, status "spawn({ quiet = true }, os.exit, 5)")
    assert.are.equal(3, status "spawn({ quiet = true }, function() os.execute('kill -9 ' .. sandbox.getpid()) end)")
    assert.are.equal(3, status "spawn(function() spawn({ quiet = true }, function() error 'x' end) end):join()")
  end)

  it("124 when the time of the run is up, which real seconds measure", function()
    local function told(r)
      return r.err:find("^sandbox: the time limit of the run was reached: [^\n]*\n$") and
        r.err:find("slow#2 in sleep", 1, true) and r.err:find("main in sleep at " .. r.name .. ":1", 1, true)
    end
    local r = script.until_limit("spawn({ name = 'slow' }, sleep, 1e6) sleep(1e6)", 1, told, "--speed 10")
    assert.are.equal(124, r.status)
    assert.is_truthy(told(r), r.err)
    assert.are.equal(124, run("while true do end", { args = "--timeout 0.3" }).status)
    assert.are.equal(124,
      run("spawn(function() while true do pcall(error) end end)", { args = "--timeout 0.3" }).status)
  end)

  it("137 when main is killed, 143 when the run is terminated, 130 when it is interrupted", function()
    local r = run "os.execute('kill -9 ' .. sandbox.getpid()) sleep(100)"
    assert.are.equal(137, r.status)
    assert.is_truthy(r.err:find("^sandbox: main %(pid %d+%) was killed by signal 9"), r.err)
    local ppid = "io.open('/proc/self/stat'):read('a'):match('^%d+ %b() %a (%d+)')"
    r = run("os.execute('kill -TERM ' .. " .. ppid .. ") sleep(100)")
    assert.are.equal(143, r.status)
    assert.is_truthy(r.err:find("^sandbox: terminated: main [^\n]+\n$"), r.err)
    r = run("os.execute('kill -INT ' .. " .. ppid .. ") sleep(100)")
    assert.are.equal(130, r.status)
  end)
end)

describe("a failed child", function()
  it("is reported once: name, line, traceback, spawning line", function()
    local r = run [[
      local function inner() error("boom") end
      local function writer() local x = inner() end
      spawn({ name = "writer" }, writer)
    ]]
    assert.are.equal(3, r.status)
    assert.is_truthy(r.err:find(("^sandbox: %s:1: boom %%(process writer#2, pid %%d+%%)\nstack traceback:\n"):format(
      r.name:gsub("%W", "%%%0"))), r.err)
    assert.is_truthy(r.err:find(r.name .. ":2: in function <", 1, true), r.err)
    assert.is_truthy(r.err:find("\nspawned at " .. r.name .. ":3\n$"), r.err)
    assert.are.equal(1, script.count(r.err, "boom"))
    assert.is_nil(r.err:find("child_run", 1, true))
  end)

  it("is not reported while it is being joined", function()
    local r = run [[
      local q = queue()
      local p = spawn(function() q:get() error("boom", 0) end)
      local main = sandbox.getpid()
      spawn(function() -- main sleeps nowhere but in join
        repeat until io.open("/proc/" .. main .. "/stat"):read("a"):find("%) S")
        q:put(1)
      end)
      local _, e = p:join()
      print(e.message)
    ]]
    assert.are.same({ "boom\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("is reported, but no failure of the run, if it is joined much later", function()
    local r = run [[
      local p = spawn({ name = "early" }, function() error("boom", 0) end)
      sleep(1.5)
      print(select(2, p:join()).message)
    ]]
    assert.are.same({ "boom\n", 0 }, { r.out, r.status })
    assert.are.equal(1, script.count(r.err, "boom"))
  end)

  it("is silent if it is told to be quiet", function()
    local r = run [[spawn({ quiet = true }, function() error("boom") end)]]
    assert.are.same({ "", "", 3 }, { r.out, r.err, r.status })
  end)

  it("is told of when a signal ends it, with its place and its spawning line", function()
    local r = run [[
      local ready = queue()
      local p = spawn({ name = "victim" }, function() ready:put(1) sleep(1000) end)
      ready:get()
      while not (io.open("/proc/" .. p.pid .. "/stat"):read("a"):find("%) S")) do sleep(0.01) end
      os.execute("kill -USR1 " .. p.pid)
      while p:alive() do sleep(0.01) end
    ]]
    assert.are.equal(3, r.status)
    assert.is_truthy(r.err:find("^sandbox: victim#2 in sleep at [^\n]*:2 %(pid %d+%) was killed by signal 10 " ..
      "%(User defined signal 1%); spawned at [^\n]*:2\n$"), r.err)
  end)

  it("does not tear its report when many fail at a time", function()
    local r = run [[
      for i = 1, 40 do spawn({ name = "p" .. i }, function() error(("<%d>"):format(i):rep(300), 0) end) end
    ]]
    local n = 0
    for i = 1, 40 do
      local at = r.err:find("sandbox: " .. ("<%d>"):format(i):rep(300) .. " (process p" .. i .. "#", 1, true)
      if at and (at == 1 or r.err:sub(at - 1, at - 1) == "\n") then n = n + 1 end
    end
    assert.are.equal(40, n)
    assert.are.equal(40, script.count(r.err, "\nspawned at "))
  end)

  it("that leaves by os.exit says so when nobody joins it, since the status of the run will tell of it", function()
    local r = run "spawn({ name = 'leaver' }, os.exit, 5)"
    assert.are.equal(3, r.status)
    assert.is_truthy(r.err:find("leaver#2", 1, true) and r.err:find("5", 1, true),
      "nothing explains status 3: " .. r.err)
  end)

  it("raised by result in main shows where the child failed and where it was spawned", function()
    local r = run [[
      local function work() error("boom") end
      local p = spawn({ name = "calc" }, work)
      print(p:result())
    ]]
    assert.are.equal(1, r.status)
    assert.is_truthy(r.err:find(r.name .. ":1: boom (process calc#2, pid ", 1, true), r.err)
    assert.is_truthy(r.err:find("in function 'error'", 1, true), "no traceback of the child: " .. r.err)
  end)
end)

describe("Ctrl-C", function()
  local function interrupted(text, signals) return script.signalled(text, "ready", signals, { seconds = 20 }) end

  -- The queues are those of the children, too: whoever waits for them could be helped, so no deadlock is told meanwhile.
  local children = [[
    local ready, full = queue(), queue(1)
    for i = 1, 3 do
      spawn({ name = "w" .. i }, function() io.write("pid=", sandbox.getpid(), "\n") ready:put(1) sleep(1000) end)
    end
    for i = 1, 3 do ready:get() end
    io.write("pid=", sandbox.getpid(), "\nready\n")
    %s
  ]]

  it("once: one line that tells who was interrupted where, no tracebacks, status 130, nobody left", function()
    local function told(r) return r.err:find "^sandbox: interrupted: main in sleep at " end
    local r = script.signalled_until(children:format("sleep(1000)"), "ready", "kill -INT $super", told, { seconds = 20 })
    assert.are.equal(130, r.status, r.err)
    assert.are.equal(1, script.count(r.err, "\n"), r.err)
    assert.is_truthy(told(r), r.err)
    for i = 1, 3 do assert.is_truthy(r.err:find("w" .. i .. "#", 1, true), r.err) end
    assert.are.equal(4, #pids(r.out))
    assert.is_true(script.gone(pids(r.out)))
  end)

  it("once: interrupts what computes, and what waits in get, put and join", function()
    for _, line in ipairs {
      "while true do end", "ready:get()", "full:put(1) full:put(2)", "sandbox.children()[1]:join()",
      "for _ in ready:items() do end", "string.rep('x', 10):gsub('x', function() while true do end end)",
      "local function loop() return pcall(loop) end while true do pcall(sleep, 1000) end",
    } do
      local r = interrupted(children:format(line), "kill -INT $super")
      assert.are.equal(130, r.status, line .. ": " .. r.err)
      assert.are.equal(1, script.count(r.err, "\n"), r.err)
      assert.is_true(script.gone(pids(r.out)))
    end
  end)

  it("once: runs the __close of main and of children", function()
    local r = interrupted([[
      local ready = queue()
      spawn(function()
        local c <close> = setmetatable({}, { __close = function() print "child closed" end })
        ready:put(1)
        sleep(1000)
      end)
      ready:get()
      local c <close> = setmetatable({}, { __close = function() print "main closed" end })
      print "ready"
      sleep(1000)
    ]], "kill -INT $super")
    assert.are.equal(130, r.status, r.err)
    assert.is_truthy(r.out:find("child closed\n", 1, true), r.out)
    assert.is_truthy(r.out:find("main closed\n", 1, true), r.out)
  end)

  -- No pcall holds an interrupt up, but what a script does at its end may take as long as it likes.
  local stubborn = [[
    local x <close> = setmetatable({}, { __close = function() while true do end end })
    while true do end
  ]]

  it("goes through pcall, loops around it, and coroutines, at once", function()
    for _, text in ipairs {
      "while true do pcall(function() while true do end end) end",
      "while true do xpcall(function() while true do end end, print) end",
      "coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end)()",
      "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
      "while true do pcall(coroutine.wrap(function() while true do pcall(sleep, 1000) end end)) end",
    } do
      -- A `<close>` runs only if the interrupt is an error that arrives; a kill after the grace prints nothing. On a machine
      -- that is busy one process may not get to run within the second of grace.
      local r
      for _ = 1, 5 do
        r = interrupted(children:format(
          "local x <close> = setmetatable({}, { __close = function() print 'unwound' end }) " .. text), "kill -INT $super")
        assert.are.equal(130, r.status, r.err)
        if r.out:find("unwound\n", 1, true) then break end
      end
      assert.is_truthy(r.out:find("unwound\n", 1, true), text .. "\n" .. r.out .. r.err)
    end
  end)

  it("twice: kills at once, and not after the second of grace", function()
    local took
    for _ = 1, 5 do -- a busy machine may be slow once
      local r = interrupted(children:format(stubborn), -- $from is empty if its grace was over before
        "kill -INT $super; sleep 0.1; from=$(date +%%s%%N); kill -INT $super 2>/dev/null || from=")
      assert.are.equal(130, r.status, r.err)
      assert.are.equal(1, script.count(r.err, "\n"), r.err)
      assert.is_true(script.gone(pids(r.out)))
      took = tonumber(r.out:match("took=(%d+)"))
      if took and took < 700 then return end
    end
    error("the second Ctrl-C took " .. tostring(took) .. " ms")
  end)

  it("ends the stubborn after a grace, without a second", function()
    local r = interrupted(children:format(stubborn),
      "kill -INT $super")
    assert.are.equal(130, r.status, r.err)
    assert.is_true(script.gone(pids(r.out)))
  end)
end)

describe("the end of a run", function()
  it("waits for children that are no daemons, and theirs", function()
    local r = run([[
      spawn(function()
        spawn(function() sleep(40) print "grandchild" end)
        sleep(20)
        print "child"
      end)
      print "main"
    ]], { args = "--speed 100" })
    assert.are.same({ "main\nchild\ngrandchild\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("waits for them after an error in main, too", function()
    local r = run([[
      spawn(function() sleep(30) print "child" end)
      error("main failed", 0)
    ]], { args = "--speed 100" })
    assert.are.same({ "child\n", 1 }, { r.out, r.status })
    assert.is_truthy(r.err:find("main failed", 1, true))
  end)

  it("waits for them in os.exit, too, in main and in a child", function()
    local r = run([[
      spawn(function()
        spawn(function() sleep(30) print "grandchild" end)
        os.exit(0)
      end)
      print "main"
      os.exit(5)
    ]], { args = "--speed 100" })
    assert.are.same({ "main\ngrandchild\n", "", 5 }, { r.out, r.err, r.status })
  end)

  it("ends daemons, and their children", function()
    local r = run([[
      local ready = queue()
      spawn({ daemon = true }, function()
        spawn(function() io.write("pid=", sandbox.getpid(), "\n") ready:put(1) sleep(1e6) print "never" end)
        io.write("pid=", sandbox.getpid(), "\n")
        ready:put(1)
        sleep(1e6)
        print "never"
      end)
      ready:get() ready:get()
      print "main"
    ]], { args = "--speed 10" })
    assert.are.same({ "", 0 }, { r.err, r.status })
    assert.is_nil(r.out:find("never", 1, true))
    assert.are.equal(2, #pids(r.out))
    assert.is_true(script.gone(pids(r.out)))
  end)
end)

describe("nobody survives", function()
  -- A tree: children, grandchildren, a daemon, a stopped one, one that has left the session (fault 25).
  local tree = [[
    local ready = queue()
    local function say() io.write("pid=", sandbox.getpid(), "\n") ready:put(1) end
    local function stay() say() while true do sleep(1000) end end
    spawn(stay)
    spawn({ daemon = true }, stay)
    spawn(function() spawn(stay) stay() end)
    spawn(function() say() while true do end end)
    local stopped = spawn(stay)
    spawn(function()
      spawn({ quiet = true }, function() -- leaves an orphan behind
        spawn(stay)
        os.execute("kill -9 " .. sandbox.getpid())
      end):join()
      stay()
    end)
    for i = 1, 8 do ready:get() end
    os.execute("kill -STOP " .. stopped.pid)
    io.write("pid=", sandbox.getpid(), "\n")
    io.stdout:flush()
    local super = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
    io.write("pid=", super, "\n")
    @end@
    sleep(1000)
  ]]
  local function tree_that(ends) return (tree:gsub("@end@", ends)) end

  it("the supervisor's kill -9 (fault 24)", function()
    for _ = 1, 3 do
      local r = run(tree_that "os.execute('kill -9 ' .. super)")
      assert.are.equal(137, r.status, r.err)
      assert.are.equal(10, #pids(r.out), r.out)
      assert.is_true(script.gone(pids(r.out)))
    end
  end)

  it("main's kill -9", function()
    local r = run(tree_that "os.execute('kill -9 ' .. sandbox.getpid())")
    assert.are.equal(137, r.status, r.err)
    assert.are.equal(10, #pids(r.out), r.out)
    assert.is_true(script.gone(pids(r.out)))
  end)

  it("main's abortion", function()
    local r = run(tree_that "os.execute('kill -ABRT ' .. sandbox.getpid())")
    assert.are.equal(134, r.status, r.err)
    assert.are.equal(10, #pids(r.out), r.out)
    assert.is_true(script.gone(pids(r.out)))
  end)

  it("the time limit, SIGTERM, SIGHUP", function()
    for _, how in ipairs { "TERM", "HUP" } do
      local r = run(tree_that("os.execute('kill -" .. how .. " ' .. super)"))
      assert.is_true(r.status == 143 or r.status == 129, r.status .. r.err)
      assert.is_true(script.gone(pids(r.out)))
    end
    local r = run(tree_that "", { args = "--timeout 1" })
    assert.are.equal(124, r.status, r.err)
    assert.is_true(script.gone(pids(r.out)))
  end)

  it("a command of os.execute that a process left the tree with: setsid and a double fork (fault 25)", function()
    local r = run [[
      local left = io.popen("setsid sh -c 'echo pid=$$; exec sleep 1000' &")
      print(left:read())
      os.execute("kill -9 " .. sandbox.getpid())
    ]]
    assert.are.equal(137, r.status)
    assert.are.equal(1, #pids(r.out), r.out)
    assert.is_true(script.gone(pids(r.out)))
  end)
end)

describe("--max-procs", function()
  it("caps, with an error that says what to do, and room again after a join (fault 22)", function()
    local r = run([[
      local go = queue()
      local list, e = {}
      repeat
        local ok, p = pcall(function() return (spawn(function() go:get() end)) end)
        if ok then list[#list + 1] = p else e = p end
      until not ok
      print(#list + 1, e)
      go:put(1)
      sandbox.join = nil
      for i = 1, #list do if list[i]:join(0.01) then break end if i == #list then list[1]:join() end end
      print(spawn(function() return "room" end):result())
      go:close()
    ]], { args = "--max-procs 20" })
    assert.are.equal("20\t" .. r.name ..
      ":4: spawn: too many processes are alive, main included: join some, or raise --max-procs (the limit is 20)\nroom\n", r.out, r.err)
    assert.are.equal(0, r.status)
  end)

  it("stops a fork bomb, whose tree dies with the run (fault 22)", function()
    local r = run([[
      local function bomb()
        io.write("pid=", sandbox.getpid(), "\n")
        while pcall(spawn, { quiet = true }, bomb) do end
        sleep(1000)
      end
      bomb()
    ]], { args = "--max-procs 60 --timeout 2" })
    assert.are.equal(124, r.status, r.err)
    assert.are.equal(60, #pids(r.out))
    assert.is_true(script.gone(pids(r.out)))
  end)
end)

describe("a stdout that is closed", function()
  it("ends the run quietly (fault 28)", function()
    local r = run("for i = 1, 1e6 do print(i) end", { shell = "%s | head -n 1" })
    assert.are.same({ "1\n", "" }, { r.out, r.err })
  end)

  it("ends its children quietly, and leaves none (fault 28)", function()
    local r = run([[
      for i = 1, 5 do
        spawn(function() io.stderr:write("pid=", sandbox.getpid(), "\n") for k = 1, 1e6 do print(k) end end)
      end
    ]], { shell = "%s | head -n 1" })
    assert.are.equal("", (r.err:gsub("pid=%d+\n", "")))
    assert.are.equal(5, #pids(r.err))
    assert.is_true(script.gone(pids(r.err)))
  end)
end)

it("a process that writes to a program that reads no more is reported, as any that a signal ends", function()
  local r = run([[
    local p = spawn(function()
      local f <close> = io.popen("exec true", "w")
      for i = 1, 1e6 do f:write("too much to wait in the pipe\n") end
    end)
  ]])
  assert.are.equal(3, r.status)
  assert.is_truthy(r.err:find("^sandbox: process#2 [^\n]*was killed by signal 13 %(Broken pipe%); spawned at [^\n]*:1\n$"), r.err)
end)

describe("stdin", function()
  it("empty, or a script, or huge: no hang (fault 29)", function()
    local program = shell.quote(shell.program)
    assert.are.equal("", (shell.run("timeout 10 " .. program .. " </dev/null 2>&1")))
    assert.are.equal("hello\t5\n", (shell.run(
      "echo 'print(\"hello\", spawn(function() return 5 end):result())' | timeout 10 " .. program .. " - 2>&1")))
    local out = shell.run("head -c 30000000 /dev/zero | timeout 20 " .. program ..
      " -e 'local n = #io.read(\"a\") print(n, spawn(function() return #io.read(\"a\") end):result())' 2>&1")
    assert.are.equal("30000000\t0\n", out)
  end)
end)
