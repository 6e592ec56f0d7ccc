-- What happens to runs with --engine when the engine is killed, emptied, written to by others, cut off; when processes are killed.
-- Each test has a redis-server of its own, on a unix socket in a new folder.
local rounds = require "support.rounds"

local server = require "net.server"
local shell = require "support.shell"

if not server.there then
  describe("--engine", function() pending("there is no redis-server here") end)
  return
end

local sh, wait_for, exists, new_server, start = server.sh, server.wait_for, server.exists, server.new, server.start

-- Items go through a queue and numbers into a value, a lock guards another; at the end all is counted.
local BUSY = [[
local N, W = %d, 4
local q, out, sum, guarded, lock = sandbox.queue(8), sandbox.queue(), sandbox.value(0), sandbox.value(0), sandbox.lock()
local ps = {}
for w = 1, W do
  ps[#ps + 1] = sandbox.spawn(function() for i = 1, N do q:put(w * 1000000 + i) sum:add(1) end end)
  ps[#ps + 1] = sandbox.spawn(function()
    for i = 1, N do
      out:put(q:get())
      local _ <close> = lock:hold()
      guarded:set(guarded:get() + 1)
    end
  end)
end
print("begun")
for _, p in ipairs(ps) do assert(p:join()) end
local seen, n = {}, 0
while #out > 0 do
  local v = out:get()
  assert(not seen[v], "doubled")
  seen[v] = true
  n = n + 1
end
print(("items %%d sum %%d guarded %%d left %%d"):format(n, sum:get(), guarded:get(), #q))
]]
local function busy_result(n) return ("items %d sum %d guarded %d left 0\nstatus 0\n"):format(4 * n, 4 * n, 4 * n) end

describe("--engine", function()
  it("goes on when the server was killed and is there again, and does nothing twice", function()
    local n = 200
    local s <close> = new_server("--appendonly yes --appendfsync no") -- else it keeps some back while the disk is busy
    local run = start(s, BUSY:format(n))
    run.says("begun")
    for _ = 1, 4 do
      s.kill()
      os.execute("sleep 0.1")
      s.start()
      os.execute("sleep 0.1")
    end
    assert.equal("begun\n" .. busy_result(n), run.result())
  end)

  it("believes no state that it saw before a server came back with an older file", function()
    local s <close> = new_server()
    local run = start(s, ([[
      local folder = "%s/"
      local function wait_for(name)
        while true do
          local f <close> = io.open(folder .. name)
          if f then return end
          sleep(0.01)
        end
      end
      local sem, bystander = sandbox.semaphore(10), sandbox.value(0)
      local other = sandbox.spawn(function()
        wait_for "restarted"
        sem:acquire() sem:acquire() sem:release() -- three other ones
        io.open(folder .. "others", "w"):close()
        wait_for "over" -- its end would be a change, too
      end)
      print("made")
      wait_for "saved"
      for _ = 1, 3 do sem:acquire() end -- three changes, which the file will not have
      print("changed")
      wait_for "restarted"
      wait_for "others"
      bystander:add(1) -- and so has connected anew
      sem:acquire()
      local left = 0
      while sem:acquire(0) do left = left + 1 end
      print(left .. " are left")
      io.open(folder .. "over", "w"):close()
    ]]):format(s.folder))
    run.says("made")
    s.cli("save")
    os.execute("touch " .. s.folder .. "/saved")
    run.says("changed")
    s.kill()
    s.start()
    os.execute("touch " .. s.folder .. "/restarted")
    assert.equal("made\nchanged\n8 are left\nstatus 0\n", run.result())
  end)

  it("loses nothing and does nothing twice when connections are cut while something is sent", function()
    local n = 200
    local s <close> = new_server()
    local through = s.folder .. "/p"
    local proxy = sh(("python3 net/proxy.py %s %s 6000 >/dev/null 2>&1 </dev/null & echo $!"):format(through, s.socket))
    wait_for(function() return exists(through) or sh("test -S " .. through .. " && echo yes") == "yes" end)
    local run = start(s, BUSY:format(n), "", "unix://" .. through)
    local text = run.result()
    os.execute("kill " .. proxy)
    assert.equal("begun\n" .. busy_result(n), text)
    local connections = tonumber(s.cli("info stats"):match("total_connections_received:(%d+)"))
    assert.is_true(connections > 30, connections)
  end)

  it("says that an engine is gone that stays away", function()
    local s <close> = new_server()
    local run = start(s, "local x = sandbox.value(0) print('begun') while true do x:add(1) end", "--engine-timeout 1")
    run.says("begun")
    s.kill()
    local text = run.result()
    assert.truthy(text:find("script.lua:1: add: the engine at " .. s.socket .. " is gone", 1, true), text)
    assert.truthy(text:find("status 1\n", 1, true), text)
  end)

  it("waits for an engine that stays away once, however many calls and connections fail", function()
    local s <close> = new_server()
    local run = start(s, [[
      local q, v = sandbox.queue(), sandbox.value(0)
      print("begun")
      local ok, why = pcall(q.get, q, 60)
      for _ = 1, 3 do pcall(v.add, v, 1) end
      print(ok, why)]], "--engine-timeout 8")
    run.says("begun")
    local killed = os.time()
    s.kill()
    local text = run.result()
    assert.truthy(text:find("false\tget: the engine at " .. s.socket .. " is gone", 1, true), text)
    assert.is_true(os.time() - killed < 15, os.time() - killed .. " s") -- two calls, each with a time of its own, take 16
  end)

  it("says that the run's objects are gone", function()
    local s <close> = new_server()
    local run = start(s, "local q = sandbox.queue() print('begun') q:get()")
    run.says("begun")
    s.cli("flushall")
    local text = run.result()
    assert.truthy(text:find("script.lua:1: get: the run's objects are gone from the engine", 1, true), text)
  end)

  it("says that something else is in the place of an object", function()
    local s <close> = new_server()
    local text = start(s, ([=[
      local function cli(words)
        local pipe <close> = io.popen("redis-cli -s %s " .. words .. " 2>&1")
        return pipe:read("a")
      end
      local ops = { { "queue", 0, "put", 1 }, { "value", 0, "add", 1 }, { "value", 0, "get" }, { "value", "x", "set", ("x"):rep(1000) },
        { "lock", nil, "acquire" }, { "semaphore", 2, "acquire" }, { "barrier", 3, "wait", 1 }, { "dict", {}, "add", "a", 1 },
        { "array", 3, "add", 1, 1 }, { "event", nil, "wait", 1 }, { "rwlock", nil, "read" }, { "queue", 0, "close" } }
      for _, words in ipairs { "set %%s x", "hset %%s a b", "setrange %%s 5 zzz", "setrange %%s 0 y", "append %%s z",
        "set %%s sbx1" .. ("x"):rep(60) } do
        for _, op in ipairs(ops) do
          local o = sandbox[op[1]](op[2])
          local key = cli("keys '*:o:*'"):match("sandbox:%%S+:o:" .. tostring(o):match("#(%%d+)") .. "%%f[%%D]")
          cli("del " .. (words:find("hset") and "'" .. key .. "'" or "none"))
          cli(words:format("'" .. key .. "'"))
          local ok, message = pcall(o[op[3]], o, table.unpack(op, 4))
          if ok or not message:find("the engine holds something that is no object", 1, true) then
            print(words, op[1], op[3], ok, message)
          end
        end
      end
      print("all told")]=]):format(s.socket)).result()
    assert.equal("all told\nstatus 0\n", text)
  end)

  it("keeps account when processes are killed at random", function()
    local s <close> = new_server()
    local script = shell.source .. "/tests/net/kills.lua"
    local text = sh(("'%s' --timeout 120 --engine '%s' %s %d 2>&1; echo status $?"):format(shell.program, s.url, script,
      20 * rounds.count(10)))
    assert.truthy(text:find("none doubled", 1, true) and text:find("status 0$"), text)
  end)

  it("lets a reader that may take no more into hands leave the line", function()
    local s <close> = new_server()
    -- Places in the line of the only queue with redeliver: those of items in hands, and of readers.
    local function places()
      return tonumber(s.cli([[eval "for _, key in ipairs(redis.call('keys', '*:o:*')) do
        local t = redis.call('get', key)
        local from = 33 + 8 * t:byte(6) + t:byte(7)
        if t:byte(5) == 2 and t:byte(88) == 1 then return (#t + 1 - from) / 24 end
      end" 0]]))
    end
    local run = start(s, ([[
      local jobs = sandbox.queue { redeliver = true }
      for i = 1, 1024 do jobs:put(i) end
      assert(#jobs:get_all(2000) == 1024)
      local reader = sandbox.spawn(function()
        local ok, message = pcall(jobs.get, jobs)
        assert(not ok and message:find("1024 of its items are in the hands of processes", 1, true), message)
        print("refused")
        sandbox.receive() -- its end would take it out of the line, too
      end)
      while not io.open("%s/stands") do sleep(0.01) end
      jobs:put("one more")
      while not io.open("%s/counted") do sleep(0.01) end
      reader:send("enough")
      assert(reader:join())
    ]]):format(s.folder, s.folder))
    wait_for(function() return places() == 1025 end)
    os.execute("touch " .. s.folder .. "/stands")
    run.says("refused")
    assert.equal(1024, places())
    os.execute("touch " .. s.folder .. "/counted")
    assert.equal("refused\nstatus 0\n", run.result())
  end)

  it("leaves no keys, however a run ends, and its keys are not for ever", function()
    local s <close> = new_server()
    local run = start(s, "local q = sandbox.queue() q:put(1) print(sandbox.self().pid) sandbox.spawn(function() q:get() q:get() end) sleep(100)")
    run.says("\n")
    wait_for(function() return s.cli("keys '*:names'") ~= "" end)
    for key in s.cli("keys '*'"):gmatch("[^\n]+") do
      assert.truthy(key:match("^sandbox:{%x+}:"), key)
      local ttl = tonumber(s.cli(("ttl '%s'"):format(key)))
      assert.is_true(ttl == -2 or (ttl > 0 and ttl <= 60), key .. ": " .. ttl)
    end
    os.execute("kill -9 " .. sh(("ps -o ppid= -p %s"):format(run.text():match("%d+"))))
    run.result()
    wait_for(function() return s.cli("dbsize"):find("^%D*0$") end)
  end)

  it("shows no password", function()
    local s <close> = new_server("--requirepass sesame")
    local name = s.folder .. "/a.lua"
    local f <close> = assert(io.open(name, "w"))
    f:write([[
      local q = sandbox.queue() q:put(1)
      local own <close> = io.open("/proc/self/cmdline")
      print((own:read("a"):gsub("%z", " ")))
      for i = -20, 20 do print(arg[i]) end
      print(pcall(q.get, q, "x"))]])
    f:close()
    local text = sh(("'%s' --engine '%s?password=sesame' %s 2>&1"):format(shell.program, s.url, name))
    assert.truthy(text:find("password=******", 1, true), text)
    assert.falsy(text:find("sesame", 1, true), text)
    text = sh(("'%s' --engine '%s?password=open' %s 2>&1; echo $?"):format(shell.program, s.url, name))
    assert.equal(("sandbox: cannot use the engine at %s: wrong password\n2"):format(s.socket), text)
    text = sh(("'%s' --engine '%s' %s 2>&1; echo $?"):format(shell.program, s.url, name))
    assert.truthy(text:find("it wants a password", 1, true), text)
    text = sh(("'%s' --engine nonsense %s 2>&1; echo $?"):format(shell.program, name))
    assert.truthy(text:find("redis://:PASSWORD@HOST", 1, true), text)
  end)
end)
