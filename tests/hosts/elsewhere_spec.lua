-- spawn on other hosts: two agents on this machine, who share nothing with the run but the engine.
local shell = require "support.shell"
local hosts = require "support.hosts"

if not hosts.available then
  describe("spawn elsewhere", function() pending("there is no redis-server here: vendor/bootstrap.sh --test installs it") end)
  return
end

-- Run a script beside agents anna and bert; it must end well, and print `want`.
local engine, anna, bert

local function prints(want, text, options)
  local r = engine:run(text, options)
  assert.same({ out = want, err = "", status = 0 }, r)
end

local function idle(name)
  hosts.await("the processes of " .. name, function()
    local n = engine:ask(("hget 'sandbox:{agents}:host:%s' processes"):format(name))
    return n == "0" or n == ""
  end)
end

describe("spawn elsewhere", function()
  setup(function()
    engine = hosts.engine()
    anna, bert = engine:agent("anna", "--slots 2"), engine:agent("bert", "--slots 4")
  end)
  teardown(function()
    for _, agent in ipairs { anna, bert } do getmetatable(agent).__close(agent) end
    getmetatable(engine).__close(engine)
  end)

  it("runs a function with its upvalues and the globals that it names, and returns its results", function()
    prints("bert\tbert\ntrue\t42\ta\tnil\tnil\n", [[
      local n = 40
      function helper(x) return x + n end
      function deep() return helper(2) end
      local p = spawn({ on = "bert" }, function(a) return deep(), a, nil, secret end, "a")
      secret = "set too late"
      print(p.host, spawn({ on = "bert" }, function() return sandbox.self().host end):result())
      print(p:join())]])
  end)

  it("changes nothing of the spawner's", function()
    prints("1\t1\n2\t1\n", [[
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
    prints("6\ttrue\ttrue\t5\n", ("package.path = %q\n"):format(folder.name .. "/?.lua") .. [[
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
    prints("boom\tnil\t7\tbert\tfailed\t1\n", [[
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
    prints("true\ttrue\ntrue\n", text)
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

  it("is killed, terminated, interrupted, paused and stopped", function()
    prints("nil\tkilled\t9\tbert\nnil\tkilled\t15\tbert\nnil\tfailed\tnil\tbert\ntrue\tend\nkilled true\nkilled 7\n", [[
      local function ended(p) local ok, f = p:join() print(ok, p:status(), p.signal, f.host) end
      local write = io.write
      local p = spawn({ on = "bert" }, function() sleep(100) end) p:kill() ended(p)
      p = spawn({ on = "bert" }, function() sleep(100) end) p:terminate() ended(p)
      p = spawn({ on = "bert" }, function() sleep(100) end) p:interrupt() ended(p)
      p = spawn({ on = "bert" }, function() sleep(0.05) return "end" end)
      p:pause() sleep(0.2) assert(p:alive()) p:resume() print(p:join())
      p = spawn({ on = "bert" }, function() sleep(100) end)
      write("killed ", tostring(p:stop()), "\n")
      p = spawn({ on = "bert", quiet = true }, function() os.exit(7) end)
      p:join() write("killed ", p.exitcode, "\n")]])
  end)

  it("names the line where it was interrupted", function()
    local r = engine:run([[
      local p = spawn({ on = "bert" }, function() sleep(100) end)
      sleep(0.5)
      p:interrupt()
      local _, f = p:join()
      print((f.message:gsub("[^ ]*/", "")), p.exitcode)]])
    assert.truthy(r.out:match("^interrupted at .-:1\t130\n$"), r.out)
  end)

  it("prints on the terminal of the run, whole lines, tagged if asked", function()
    prints("a\nb\n", [[print "a" spawn({ on = "bert" }, function() print "b" end):join()]])
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
    prints("anna bert here anna bert\nspread\n", [[
      for i = 1, 5 do
        local host = spawn(function() return sandbox.self().host end):result()
        io.write(i > 1 and " " or "", host == sandbox.self().host and "here" or host)
      end
      print()
      print(spawn({ on = "here" }, function() return "spread" end):result())]], "--spread")
    idle("anna") idle("bert")
    prints("anna bert bert anna bert bert 6\n", [[
      local list = {}
      for i = 1, 6 do
        list[i] = spawn({ on = "any" }, function() sleep(100) end)
        io.write(list[i].host, " ")
      end
      for i = 1, 6 do list[i]:kill() end
      print(#list)]])
  end)

  it("spawns from there, too, and nothing is left", function()
    prints("anna\tbert\ntrue\n", [[
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
    prints("5050\t100\ttrue\n5\ntrue\tabandoned\n", [[
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

  it("says that messages reach processes of the same host only", function()
    prints("send: the process runs on host bert, and a mailbox is reached on its own host only: use a queue\n", [[
      local p = spawn({ on = "bert", daemon = true }, sleep, 100)
      print((select(2, pcall(p.send, p, 1)):gsub("^.-:%d+: ", "")))]])
  end)

  it("says what to do instead of a pipe", function()
    prints("pipe: it cannot be made in a run with --engine or --hosts: use two queues, one for each direction\n9\n", [[
      print((select(2, pcall(sandbox.pipe)):gsub("^.-:%d+: ", "")))
      local there, back = sandbox.queue(), sandbox.queue()
      local p = spawn({ on = "bert" }, function() back:put(there:get() ^ 2 // 1 | 0) end)
      there:put(3)
      print(back:get())
      p:join()]])
  end)

  it("says what to do instead of a call through a queue", function()
    prints("call: it needs a pipe, which cannot be made in a run with --engine: put { request, answers } into the queue, " ..
      "where answers is a queue of your own, and get from that\n9\n", [[
      local q = sandbox.queue()
      print((select(2, pcall(q.call, q, 1)):gsub("^.-:%d+: ", "")))
      local p = spawn({ on = "bert" }, function() local ask = q:get() ask[2]:put(ask[1] ^ 2 // 1 | 0) end)
      local answers = sandbox.queue()
      q:put { 3, answers }
      print(answers:get())
      p:join()]])
  end)

  it("tells the hosts", function()
    local r = engine:run([[
      for _, h in ipairs(sandbox.hosts()) do print(h.here and "here" or h.name, h.slots > 0, h.cpus > 0, h.alive, h.here) end
      print(spawn({ on = sandbox.hosts()[1] }, function() return sandbox.self().host end):result())]])
    assert.same({ out = "anna\ttrue\ttrue\ttrue\tfalse\nbert\ttrue\ttrue\ttrue\tfalse\nhere\ttrue\ttrue\ttrue\ttrue\nanna\n",
      err = "", status = 0 }, r)
  end)

  it("has the clock, the seed and the folder of the run", function()
    prints("true\ttrue\ttrue\n", [[
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
