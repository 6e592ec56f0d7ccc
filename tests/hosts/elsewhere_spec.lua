-- spawn on other hosts: two agents on this machine, who share nothing with the run but the engine.
local shell = require "support.shell"
local hosts = require "support.hosts"
local script = require "support.script"

if hosts.missing then return describe("spawn elsewhere", function() pending(hosts.missing) end) end

-- Run a script beside agents anna and bert; it must end well, and print `want`.
local engine

local function idle(name)
  hosts.await("the processes of " .. name, function()
    local n = engine:ask(("hget 'sandbox:{agents}:host:%s' processes"):format(name))
    return n == "0" or n == ""
  end)
end

describe("spawn elsewhere", function()
  setup(function() engine = hosts.engine("anna:2", "bert:4") end)
  teardown(function() engine:close() end)

  it("runs a function with its upvalues and the globals that it names, and returns its results", function()
    engine:prints("bert\tbert\ntrue\t42\ta\tnil\tnil\n", [[
      local n = 40
      function helper(x) return x + n end
      function deep() return helper(2) end
      local p = spawn({ on = "bert" }, function(a) return deep(), a, nil, secret end, "a")
      secret = "set too late"
      print(p.host, spawn({ on = "bert" }, function() return sandbox.self().host end):result())
      print(p:join())]])
  end)

  it("changes nothing of the spawner's", function()
    engine:prints("1\t1\n2\t1\n", [[
      count = 1
      local t = { 1 }
      local p = spawn({ on = "anna" }, function() count = count + 1 t[1] = t[1] + 1 return count, t[1] end)
      local a, b = p:result()
      print(1, count) print(a, t[1])]])
  end)

  it("keeps metatables that are globals, and modules, which are sent on demand", function()
    local folder <close> = shell.folder()
    local f = io.open(folder.name .. "/shapes.lua", "w")
    f:write("local part = require 'part' local M = { Circle = {} } M.Circle.__index = M.Circle\n" ..
      "function M.Circle:area() return part.three * self.r end function M.circle(r) return setmetatable({ r = r }, M.Circle) end return M")
    f:close()
    f = io.open(folder.name .. "/part.lua", "w")
    f:write("return { three = 3, f = print }")
    f:close()
    engine:prints("6\ttrue\ttrue\t5\n", ("package.path = %q\n"):format(folder.name .. "/?.lua") .. [[
      shapes = require "shapes"
      Point = {} Point.__index = Point
      function Point.new(x) return setmetatable({ x = x }, Point) end
      local p = spawn({ on = "bert" }, function() local c = shapes.circle(2) return c:area(), c, Point.new(5) end)
      local area, circle, point = p:result()
      print(area, getmetatable(circle) == shapes.Circle, getmetatable(point) == Point, point.x)]])
  end)

  it("says which module is not there, and which needs an installation", function()
    local r = engine:run([[
      package.loaded.made = { f = function() end }
      local made = require "made"
      local _, f = spawn({ on = "bert" }, function() return made.f end):join()
      print((f.message:gsub("\n.*", "")))]])
    assert.same({ 0, "" }, { r.status, r.err })
    assert.truthy(r.out:find("module 'made' not found", 1, true), r.out)
  end)

  it("fails as any process: message, value, traceback, host; reported unless somebody looks", function()
    engine:prints("boom\tnil\t7\tbert\tfailed\t1\n", [[
      local p = spawn({ on = "bert" }, function() error { code = 7, text = "boom" } end)
      local ok, f = p:join()
      print(f.value.text, ok, f.value.code, f.host, p:status(), p.exitcode)]])
    local r = engine:run([[
      local function inner() error("boom") end
      local _, f = spawn({ on = "bert", name = "w" }, function() inner() end):join()
      print(f) print(f.traceback)
      spawn({ on = "anna", name = "unseen" }, function() error("nobody looks", 0) end)]])
    assert.equal(3, r.status)
    assert.truthy(r.out:match("^[^\n]*:1: boom %(process w#2 on bert%)\nstack traceback:\n.*in upvalue 'inner'\n.*in function <"), r.out)
    assert.truthy(r.err:match("^sandbox: nobody looks %(process unseen#3 on anna%)\n"), r.err)
    assert.truthy(r.err:match("spawned at [^\n]*:4\n$"), r.err)
  end)

  it("fails like a local process: the same message, hint and traceback", function()
    local text = [[
      local function f() local t = nil return function() return t.x end end
      local g = f()
      local _, here = spawn(g):join()
      local _, there = spawn({ on = "bert" }, g):join()
      print(here.message == there.message, here.hint == there.hint)
      print(here.traceback == there.traceback or here.traceback .. "\n---\n" .. there.traceback)]]
    engine:prints("true\ttrue\ntrue\n", text)
  end)

  it("says what becomes of globals that the function does not name, or that were nil", function()
    local r = engine:run([[
      secret = 5
      local _, f = spawn({ on = "bert" }, function() return _G["sec" .. "ret"] + 1 end):join()
      print(f.hint)
      _, f = spawn({ on = "bert" }, function() nowhere_set() end):join()
      print(f.hint)]])
    assert.same({ 0, "" }, { r.status, r.err })
    assert.truthy(r.out:match("^a process on another host has only the globals .* computed is nil\n" ..
      "a process on another host has the globals .*: nowhere_set was nil then\n$"), r.out)
  end)

  it("refuses what cannot be sent where spawn stands, with the path", function()
    local r = engine:run([[
      local co, q = coroutine.create(print), queue()
      local function try(...) print((select(2, pcall(spawn, ...)):gsub("^.-:%d+: ", ""))) end
      try({ on = "bert" }, function() return co end)
      try({ on = "bert" }, print, 1, { list = { co } })
      list = { co }
      try({ on = "bert" }, function() return list end)
      try({ on = "nowhere" }, print)
      try({ on = 5 }, print)
      try({ on = "bert", cpu = 0 }, print)]])
    assert.same({ out = [[
spawn.fn upvalue 'co': a coroutine cannot be sent
spawn.args[2].list[1]: a coroutine cannot be sent
spawn.globals.list[1]: a coroutine cannot be sent
spawn: there is no host 'nowhere'; there are anna, bert
bad argument #1 to 'spawn' (on must be the name of a host, "any", "here" or an entry of hosts())
spawn: the options cpu and stdin are for processes on this host
]], err = "", status = 0 }, r)
  end)

  it("names the only host there is", function()
    local alone <close> = hosts.engine("bert:1")
    local r = alone:run [[print((select(2, pcall(spawn, { on = "nowhere" }, print)):gsub("^.-:%d+: ", "")))]]
    assert.same({ out = "spawn: there is no host 'nowhere'; there is bert\n", err = "", status = 0 }, r)
  end)

  it("is killed, terminated, interrupted, paused and stopped", function()
    engine:prints("nil\tkilled\t9\tbert\nnil\tkilled\t15\tbert\nnil\tfailed\tnil\tbert\ntrue\tend\nkilled true\nkilled 7\n", [[
      local function ended(p) local ok, f = p:join() print(ok, p:status(), p.signal, f.host) end
      local write = io.write
      local p = spawn({ on = "bert" }, function() sleep(100) end) p:kill() ended(p)
      p = spawn({ on = "bert" }, function() sleep(100) end) p:terminate() ended(p)
      p = spawn({ on = "bert" }, function() sleep(100) end) p:interrupt() ended(p)
      local go, pid = sandbox.event(), queue()
      local function state(number)
        local f <close> = io.open("/proc/" .. number .. "/stat")
        return f:read("a"):match "^.*%) (%a)"
      end
      p = spawn({ on = "bert" }, function() pid:put(sandbox.getpid()) go:wait() return "end" end)
      local number = pid:get(30)
      p:pause()
      while state(number) ~= "T" do sleep(0.01) end
      go:set() assert(p:alive()) p:resume() print(p:join())
      p = spawn({ on = "bert" }, function() sleep(100) end)
      write("killed ", tostring(p:stop()), "\n")
      p = spawn({ on = "bert", quiet = true }, function() os.exit(7) end)
      p:join() write("killed ", p.exitcode, "\n")]])
  end)

  it("names the line where it was interrupted", function()
    local r = engine:run([[
      local up = sandbox.event()
      local p = spawn({ on = "bert" }, function() up:set() sleep(100) end)
      up:wait()
      p:interrupt()
      local _, f = p:join()
      print((f.message:gsub("[^ ]*/", "")), p.exitcode)]])
    assert.truthy(r.out:match("^interrupted at .-:2\t130\n$"), r.out)
  end)

  -- A function in C has no line: the place is where it was spawned, as for a process of this host.
  it("is interrupted in a function of C, or before it", function()
    engine:prints(("interrupted at script.lua:2\n"):rep(3), [[
      for _, on in ipairs { "here", "bert", "bert" } do
        local p = spawn({ on = on }, sleep, 100)
        if on == "bert" then sleep(0.2) end
        p:interrupt()
        local _, f = p:join()
        print((f.message:gsub("at .*:", "at script.lua:")))
      end]])
  end)

  -- It stands twice before it calls the function, and is interrupted between: what ended it there was told as a kill.
  it("is interrupted while it begins", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    local carl <close> = engine:agent("carl", "", "env SANDBOX_FAULT=far.open:1:stop,far.opened:1:stop")
    local stands = engine.folder .. "/stands"
    local job = engine:start([[
      local p = spawn({ on = "carl" }, function() sleep(100) end)
      repeat sleep(0.01) local f = io.open(arg[1]) until f
      p:interrupt()
      local _, f = p:join()
      print(p:status(), f.message:match("^interrupted at "), f.exitcode)]], "", stands)
    local function await(what, line)
      return hosts.await(what, function()
        for pid in carl:pids():gmatch "%d+" do
          local status = hosts.slurp(("/proc/%s/status"):format(pid))
          if status:find "\nState:%s+T" and status:find(line) then return pid end
        end
      end)
    end
    await("the process", "")
    io.open(stands, "w"):close()
    local pid = await("the interrupt", "\nShdPnd:%s+%x+[2367abef]\n")
    shell.run("kill -CONT " .. pid)
    assert.same({ "failed\tinterrupted at \t130\n", 0 }, { job:result() })
  end)

  it("prints on the terminal of the run, whole lines, tagged if asked", function()
    engine:prints("a\nb\n", [[print "a" spawn({ on = "bert" }, function() print "b" end):join()]])
    local r = engine:run([[
      spawn({ on = "bert", name = "w" }, function() print "out" io.stderr:write("err\n") io.write("rest") end):join()]],
      "--output tag")
    assert.same({ out = "[w#2] out\n[w#2] rest\n", err = "[w#2] err\n", status = 0 }, r)
    local big = engine:run([[
      local list = {}
      for i = 1, 4 do
        list[i] = spawn({ on = i % 2 == 0 and "anna" or "bert" }, function()
          for n = 1, 2000 do print(i, n, ("x"):rep(50)) end
        end)
      end
      for _, p in ipairs(list) do p:result() end]])
    local counts = { 0, 0, 0, 0 }
    for line in big.out:gmatch("[^\n]+") do
      local i, n = line:match("^(%d)\t(%d+)\tx+$")
      assert.truthy(i and #line:match("x+") == 50, line)
      i = tonumber(i)
      assert.equal(counts[i] + 1, tonumber(n))
      counts[i] = counts[i] + 1
    end
    assert.same({ 2000, 2000, 2000, 2000 }, counts)
  end)

  it("goes round the hosts with --spread, and where there is room with on = any", function()
    engine:prints("anna bert here anna bert\nspread\n", [[
      for i = 1, 5 do
        local host = spawn(function() return sandbox.self().host end):result()
        io.write(i > 1 and " " or "", host == sandbox.self().host and "here" or host)
      end
      print()
      print(spawn({ on = "here" }, function() return "spread" end):result())]], "--spread")
    idle("anna") idle("bert")
    engine:prints("anna bert bert anna bert bert 6\n", [[
      local list = {}
      for i = 1, 6 do
        list[i] = spawn({ on = "any" }, function() sleep(100) end)
        io.write(list[i].host, " ")
      end
      for i = 1, 6 do list[i]:kill() end
      print(#list)]])
  end)

  it("spawns from there, too, and nothing is left", function()
    engine:prints("anna\tbert\ntrue\n", [[
      print(spawn({ on = "bert" }, function()
        return spawn({ on = "anna" }, function() return sandbox.self().host end):result(), sandbox.self().host
      end):result())
      spawn({ on = "bert", daemon = true }, function() sleep(1000) end)
      print(true)]])
    idle("bert")
  end)

  it("runs scripts/hosts.lua", function()
    local out, status = shell.run(("SANDBOX_ENGINE=%s %s %s/scripts/hosts.lua 2 2>/dev/null"):format(engine.url, shell.program,
      shell.source))
    assert.equal(0, status)
    assert.truthy(out:match("^host 1: %d+ processors?, Lua 5.4\nhost 2: [^\n]+\nhost 3: [^\n]+\n4 steps round 2 hosts\n$"), out)
    out = shell.sandbox(shell.source .. "/scripts/hosts.lua")
    assert.truthy(out:match("^host 1: [^\n]+\n3 steps round 1 host %(of this computer%)\n[%d.]+ ms a step\n$"), out)
  end)

  it("shares queues, locks and values with them", function()
    engine:prints("5050\t100\ttrue\n5\ntrue\tabandoned\n", [[
      local q, out, l, v = queue(), queue(), sandbox.lock(), sandbox.value(0)
      local list = {}
      for i = 1, 4 do
        list[i] = spawn({ on = i % 2 == 0 and "anna" or "bert" }, function()
          for x in q:items() do
            v:add(x)
            out:put(x * x)
          end
          local _ <close> = l:hold()
          return l
        end)
      end
      for i = 1, 100 do q:put(i) end
      q:close()
      local same = true
      for i = 1, 4 do same = same and list[i]:result() == l end
      print(v:get(), #out, same)
      print(spawn({ on = "anna" }, function() local mine = queue() mine:put(5) return mine end):result():get())
      local up = sandbox.event()
      local p = spawn({ on = "bert" }, function() l:acquire() up:set() sleep(100) end)
      up:wait()
      p:kill()
      print(l:acquire())
      l:release()]])
  end)

  it("tells the hosts", function()
    local r = engine:run([[
      for _, h in ipairs(sandbox.hosts()) do print(h.here and "here" or h.name, h.slots > 0, h.cpus > 0, h.alive, h.here) end
      print(spawn({ on = sandbox.hosts()[1] }, function() return sandbox.self().host end):result())]])
    assert.same({ out = "anna\ttrue\ttrue\ttrue\tfalse\nbert\ttrue\ttrue\ttrue\tfalse\nhere\ttrue\ttrue\ttrue\ttrue\nanna\n",
      err = "", status = 0 }, r)
  end)

  it("has the clock, the seed and the folder of the run", function()
    engine:prints("true\ttrue\ttrue\n", [[
      local before = sandbox.now()
      local now, cwd = spawn({ on = "bert" }, function() return sandbox.now(), io.popen("pwd"):read("l") end):result()
      print(now >= before and now <= sandbox.now(), cwd == io.popen("pwd"):read("l"), true)]])
    local draw = "print(spawn({ on = 'bert' }, function() return math.random(1 << 40) end):result())"
    assert.equal(engine:run(draw, "--seed 7").out, engine:run(draw, "--seed 7").out)
  end)

  it("ends with the run: Ctrl-C, --timeout", function()
    local r = engine:run([[print(spawn({ on = "bert" }, function() sleep(1000) end):join())]], "--timeout 1")
    assert.equal(124, r.status)
    idle("bert")
    r = engine:run([[
      spawn({ on = "bert" }, function() sleep(1000) end)
      sleep(0.3)
      os.execute("kill -INT " .. sandbox.getpid())
      sleep(100)]])
    assert.equal(130, r.status)
    idle("bert")
  end)
end)
