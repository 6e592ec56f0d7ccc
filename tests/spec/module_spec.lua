-- The library in the stock lua5.4, where nobody stands above the process. (First steps: modules_spec.lua.)
local script = require "support.script"
local shell = require "support.shell"

if (os.getenv("SANDBOX_SANITIZED") or "") ~= "" then -- the stock Lua lacks the sanitizers' library
  describe("the module", function() pending("is not tested in a build with sanitizers") end)
  return
end

local function stock(text, o)
  o = o or {}
  o.program = "lua5.4"
  o.env = "LUA_CPATH=" .. shell.quote(assert(os.getenv("SANDBOX_MODULE")) .. "/?.so;;")
  return script.run("local sandbox = require 'sandbox'\n" .. text, o)
end

local function pids(text)
  local list = {}
  for pid in text:gmatch("pid=(%d+)") do list[#list + 1] = tonumber(pid) end
  return list
end

describe("the module in the stock Lua:", function()
  it("spawn, join, results, failures", function()
    local r = stock [[
      local p = spawn({ name = "a" }, function(...) return ... end, 1, nil, { 2 })
      local ok, x, y, z = p:join()
      print(ok, x, y, z[1], p.name, p.exitcode, p:status())
      local _, e = spawn({ quiet = true, name = "bad" }, function() error("boom", 0) end):join()
      print(e.message, e.name, e.exitcode, e.traceback ~= nil)
      local k = spawn({ quiet = true }, function() sleep(100) end)
      k:kill()
      print(select(2, k:join()).signal, k:status())
      print(pcall(function() sandbox.self():join() end))
    ]]
    assert.are.same({ "true\t1\tnil\t2\ta\t0\tdone\nboom\tbad\t1\ttrue\n9\tkilled\nfalse\t" .. r.name ..
      ":10: a process cannot join itself\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("progress is shown by the side process", function()
    local r = stock [[
      local bar <close> = sandbox.progress { total = 4, label = "work" }
      bar:add(3)
      spawn(function() bar:add() end):join()
    ]]
    assert.is_truthy(r.err:match "work: 100%% 4/4, [^\n]*\n$", r.err)
    assert.are.equal(0, r.status)
  end)

  it("deadlocks are told, also of everybody, and once", function()
    local r = stock([[
      local left, right, both = sandbox.lock { name = "left" }, sandbox.lock { name = "right" }, sandbox.barrier(2)
      local function eat(one, two) one:acquire() both:wait() two:acquire() end
      local p, q = spawn({ name = "plato" }, eat, left, right), spawn({ name = "kant", quiet = true }, eat, right, left)
      spawn({ daemon = true }, function()
        local f <const>, stop = function() local f <close> = io.open("/proc/self/fd/2") return f:read("a") end, sandbox.now() + 10
        repeat sleep(0.01) until f():find "deadlock" or sandbox.now() > stop
        sleep(0.5) q:kill()
      end)
      p:join()
    ]])
    local told = r.err:gsub(r.name:gsub("%W", "%%%0"), "x.lua")
    assert.are.equal(1, select(2, told:gsub("deadlock", "")), told)
    for _, line in ipairs {
      "sandbox: warning: deadlock: 3 of 4 processes can never go on\n", "  main waits in join at x.lua:10 for plato#2\n",
      "  plato#2 waits in acquire at x.lua:3 for lock right#2, which only kant#3 can release\n",
    } do
      assert.is_truthy(told:find(line, 1, true), told)
    end
    local all = stock("spawn(function() end):join() queue { name = 'none' }:get()", { seconds = 2 })
    assert.are.equal(1, select(2, all.err:gsub("sandbox: deadlock: nobody can ever go on\n  main waits in get at ", "")), all.err)
  end)

  it("queues on every transport, 20,000 items joined before they are read (fault 7)", function()
    local r = stock [[
      for _, transport in ipairs { "auto", "pipe", "shm" } do
        local q = queue { transport = transport }
        assert(spawn(function() for i = 1, 20000 do q:put(i) end end):join())
        assert(#q == 20000)
        for i = 1, 20000 do assert(q:get(0) == i) end
        q:close()
        print(q:get())
      end
    ]]
    assert.are.same({ ("nil\tclosed\n"):rep(3), "", 0 }, { r.out, r.err, r.status })
  end)

  it("what is written in Lua works as well: pools, scopes, join_all; and select, pipes, tasks", function()
    local r = stock [[
      local pool <close> = sandbox.pool { workers = 2, retries = 1 }
      print(table.concat(pool:map(function(x) return x * x end, { 1, 2, 3, 4, 5 }), " "))
      for i, v in pool:imap(string.upper, { "a", "b" }) do io.write(i, v, " ") end
      print(pool:submit(math.max, 3, 9):result())
      print(select(2, pcall(pool.map, pool, function(x) if x == 2 then error("two", 0) end end, { 1, 2 })).index)
      print(select(2, pool:submit(os.exit, 3):join()).message)
      print(pcall(function()
        local g <close> = sandbox.scope()
        g:spawn(sleep, 100)
        g:spawn(function() error("failed", 0) end)
      end) == false, #sandbox.children())
      local list = { spawn(function() end), spawn(function() end) }
      print(sandbox.join_all(list), (sandbox.select(list)) <= 2)
      for p, ok in sandbox.as_completed(list) do io.write(tostring(ok), " ") end
      local a, b = sandbox.pipe()
      local p = sandbox.process { target = function() b:send(b:recv() + 1) end }
      p:start()
      a:send(1)
      print(a:recv(), p:join(), a:recv())
      local q = queue()
      q:put(1) q:get() q:task_done()
      print(q:join(0))
    ]]
    assert.are.same({ "1 4 9 16 25\n1A 2B 9\n2\nleft with exit status 3\ntrue\t2\ntrue\ttrue\n" ..
      "true true 2\ttrue\tnil\tclosed\ntrue\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("handles travel to an older process, and back", function()
    local r = stock [[
      local box, back = queue(), queue()
      local older = spawn(function() for q in box:items() do q:put("via " .. tostring(q == q)) back:put(q) end end)
      for i = 1, 20 do
        local q = queue()
        box:put(q)
        assert(q:get(10) == "via true")
        assert(back:get(10) == q)
      end
      local p = spawn(function() return "from p" end)
      local asker = queue()
      local other = spawn(function() return asker:get():join() end)
      asker:put(p)
      print(other:join())
      box:close()
      print(older:join(10))
    ]]
    assert.are.same({ "true\ttrue\tfrom p\ntrue\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("a failure that nobody joins is reported once, with its lines", function()
    local r = stock [[spawn({ name = "w" }, function() error("boom") end)]]
    assert.are.equal(1, script.count(r.err, "boom"), r.err)
    assert.is_truthy(r.err:find(r.name .. ":2: boom (process w#2, pid ", 1, true), r.err)
    assert.is_truthy(r.err:find("\nspawned at " .. r.name .. ":2\n", 1, true), r.err)
    assert.are.equal(0, r.status, "the status is the host's own")
  end)

  it("a first spawn without descriptors left is an error, leaves none behind, and the next one works", function()
    local r = stock([[
      local function fill()
        local files = {}
        for f in function() return (io.open("/dev/null")) end do files[#files + 1] = f end
        return files
      end
      local q = queue() -- what the first object needs is open
      local before, failed = nil, 0
      for left = 0, 5 do
        local files = fill()
        before = before or #files
        for _ = 1, left do table.remove(files):close() end
        local ok, why = pcall(spawn, function() end)
        for _, f in ipairs(files) do f:close() end
        if ok then break end
        assert(tostring(why):find "too many open files", why)
        failed = failed + 1
        local now = fill()
        for _, f in ipairs(now) do f:close() end
        assert(#now == before, #now .. " instead of " .. before .. ", with " .. left .. " left")
      end
      print(failed > 3, spawn(function() return "works" end):join())
    ]], { shell = "ulimit -n 40; %s" })
    assert.are.same({ "true\ttrue\tworks\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("what was printed before the spawn is printed once (fault 19), lines of children stay whole", function()
    local r = stock([[
      io.write("before ")
      for i = 1, 4 do spawn(function() for k = 1, 100 do print("<" .. ("x"):rep(k) .. ">") end end) end
      for _, p in ipairs(sandbox.children()) do p:join() end
      print "after"
    ]], { shell = "%s | cat" })
    assert.are.equal(1, script.count(r.out, "before "))
    assert.are.equal(1, script.count(r.out, "after\n"))
    local n = 0
    for line in r.out:gsub("before ", ""):gmatch("([^\n]*)\n") do
      if line ~= "after" then
        n = n + 1
        assert.is_truthy(line:find("^<x+>$"), line)
      end
    end
    assert.are.equal(400, n)
  end)

  it("at the end non-daemon children are waited for, daemons ended; os.exit(n, true) does it, too", function()
    for ending, status in pairs { [""] = 0, ["os.exit(5, true)"] = 5, ["error('x')"] = 1 } do
      local r = stock([[
        local ready = queue()
        spawn({ daemon = true }, function() print("pid=" .. sandbox.getpid()) ready:put(1) sleep(1000) end)
        ready:get()
        spawn(function() sleep(0.2) print "child" end)
      ]] .. ending)
      assert.is_truthy(r.out:find("child\n", 1, true), ending .. ": " .. r.out .. r.err)
      assert.are.equal(status, r.status, r.err)
      assert.is_true(script.gone(pids(r.out)))
    end
  end)

  it("kill -9 of the host leaves no survivors: children, grandchildren, stopped ones (fault 24)", function()
    for _ = 1, 3 do
      local r = stock([[
        local ready = queue()
        local function stay() print("pid=" .. sandbox.getpid()) ready:put(1) sleep(1000) end
        spawn(stay)
        spawn(function() spawn(stay) stay() end)
        spawn(function() print("pid=" .. sandbox.getpid()) ready:put(1) while true do end end)
        local stopped = spawn(stay)
        for i = 1, 5 do ready:get() print("ready " .. i) end
        os.execute("kill -STOP " .. stopped.pid)
        print "stopped"
        for line in io.popen("ps -eo pid,args"):lines() do -- the supervisor at the side looks like the host
          local pid = line:match("^%s*(%d+) lua5.4 " .. arg[0]:gsub("%W", "%%%0"))
          if pid and tonumber(pid) ~= sandbox.getpid() then print("pid=" .. pid) end
        end
        print "and now itself"
        os.execute("kill -9 " .. sandbox.getpid())
        sleep(100)
      ]], { seconds = 60 })
      assert.are.equal(137, r.status, r.err .. r.out)
      assert.is_true(#pids(r.out) >= 11, r.out) -- 5 told themselves; ps saw these again, and the supervisor
      assert.is_true(script.gone(pids(r.out)))
    end
  end)

  it("random numbers of children differ", function()
    local r = stock [[
      local seen = { [math.random(1 << 40)] = true }
      for i = 1, 10 do
        local x = spawn(math.random, 1 << 40):result()
        assert(not seen[x])
        seen[x] = true
      end
      print "ok"
    ]]
    assert.are.equal("ok\n", r.out, r.err)
  end)

  it("finalizers of the host's objects do not run in children", function()
    local r = stock [[
      local main = sandbox.getpid()
      local t = setmetatable({}, { __gc = function() print(sandbox.getpid() == main and "main" or "child") end })
      local p = io.popen("read x; exit 3", "w")
      local function drop() t, p = nil, nil collectgarbage() collectgarbage() end
      spawn(drop):join()
      spawn(function() getmetatable(t).__gc = function() print "changed" end drop() end):join()
      spawn(function() setmetatable(t, { __gc = function() print "another" end }) drop() end):join()
      p:write("x\n")
      print(p:close())
      t = nil
      collectgarbage() collectgarbage()
    ]]
    assert.are.same({ "nil\texit\t3\nmain\n", "" }, { r.out, r.err })
  end)

  it("a second require, and the globals, are the same library", function()
    local r = stock [[
      print(require "sandbox" == sandbox, package.loaded.sandbox == sandbox, spawn == sandbox.spawn)
      package.loaded.sandbox = nil
      local again = require "sandbox"
      print(again.spawn(function() return 5 end):result())
    ]]
    assert.are.same({ "true\ttrue\ttrue\n5\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("its processes can be interrupted and stopped, though Ctrl-C is the host's", function()
    local r = stock [[
      for _ = 1, 5 do
        local ready = queue()
        local p = spawn({ quiet = true }, function()
          ready:put(1)
          while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end
        end)
        ready:get()
        p:interrupt()
        local ok, failure = p:join(20)
        assert(ok == nil and failure.exitcode == 130, tostring(failure))
        p = spawn({ quiet = true }, function() ready:put(1) while true do pcall(sleep, 1000) end end)
        ready:get()
        assert(p:stop() and p.exitcode == 130)
      end
      print "ok"
    ]]
    assert.are.same({ "ok\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("Ctrl-C stays the host's own: lua5.4 says what it always says, and nobody is left", function()
    local r = stock([[
      local ready = queue()
      spawn({ quiet = true }, function() print("pid=" .. sandbox.getpid()) ready:put(1) sleep(1000) end)
      ready:get()
      local host = sandbox.getpid()
      io.popen("kill -INT " .. host):close() -- os.execute would ignore the signal
      while true do end
    ]], { seconds = 5 })
    assert.is_truthy(r.err:find("interrupted!", 1, true), r.err)
    -- The child is no daemon and got no signal: lua5.4 waits for it, until `timeout` ends both.
    assert.is_true(r.status == 124 or r.status == 137, r.status)
    assert.is_true(script.gone(pids(r.out)))
  end)
end)
