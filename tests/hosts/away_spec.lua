-- Handles of processes of other hosts: join, select, status, signals; what is left when hosts, parents and those who ask end.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("a process of another host", function() pending(hosts.missing) end) end

local CHILD <const> = hosts.CHILD

describe("a process of another host", function()
  local engine
  setup(function() engine = hosts.engine("anna:4", "bert:4", "carl:4") end)
  teardown(function() engine:close() end)
  local function prints(want, text, options) engine:prints(want, CHILD .. text, options) end

  it("is joined from anywhere, with all of its results", function()
    prints("true	1	nil	three	true	hello\nchild	running	bert\n", [[
      local q = queue()
      local p = child("bert", function(q)
        sandbox.receive()
        q:put("hello")
        return 1, nil, "three", q, sandbox.self()
      end, q)
      local function ask(p)
        local ok, a, b, c, same, who = p:join(30)
        return ok, a, b, c, who == p, same:get(30)
      end
      local here, there = spawn(ask, p), spawn({ on = "carl" }, function(p) return p.name, p:status(), p.host end, p)
      local said = table.pack(there:result(30))
      p:send("go on")
      print(here:result(30))
      print(table.unpack(said))]])
    -- one of main's host, and one on a third
    prints("144	done	0\n144	done	0\n", [[
      local function work() return sandbox.receive() * 12 end
      for _, on in ipairs { "here", "anna" } do
        local p = spawn({ on = on }, work)
        local joiner = spawn({ on = "carl" }, function(p)
          assert(p:send(12))
          return p:result(30), p:status(), p.exitcode
        end, p)
        print(joiner:result(30))
      end]])
  end)

  it("fails there as it fails at home: message, value, traceback, signal, exit status", function()
    prints("broken	true	true	1	child	bert\nnil	killed by signal 9 (Killed)	9	killed\nleft with exit status 3	3	failed\nbroken (process child#2 on bert)\n", [[
      local function fail() local x <const> = { code = 7 } setmetatable(x, { __tostring = function() return "broken" end }) error(x) end
      local p = child("bert", function() sandbox.receive() fail() end)
      p:send(1)
      local ok, f = p:join(30)
      print(f.message, f.value.code == 7, f.traceback:find("in upvalue 'fail'", 1, true) ~= nil, f.exitcode, f.name, f.host)
      p = child("bert", sandbox.receive)
      assert(p:kill())
      ok, f = p:join(30)
      print(f.value, f.message, f.signal, p:status())
      p = child("bert", function() os.exit(3) end)
      ok, f = p:join(30)
      print(f.message, f.exitcode, p:status())
      -- asked on a third host
      p = child("bert", function() fail() end)
      print(spawn({ on = "carl" }, function(p) return select(2, pcall(p.result, p)) end, p):result(30))]])
  end)

  it("is waited for with a timeout, and in a select with other things", function()
    prints("nil	timeout	nil	timeout\n2	an item\n1	true	over\n1	true	over\n", [[
      local p, q = child("bert", sandbox.receive), queue()
      local a, b = p:join(0)
      local c, d = p:join(0.05)
      print(a, b, c, d)
      q:put("an item")
      print(sandbox.select { p, q })
      assert(sandbox.select({ p, q }, 0) == nil and sandbox.select({ p, q }, 0.05) == nil)
      spawn({ on = "carl" }, function(p) sleep(0.1) p:send("over") end, p)
      print(table.unpack({ sandbox.select { p, q } }, 1, 3))
      print(table.unpack({ sandbox.select({ p, q }, 0) }, 1, 3))
      assert(p:join(0))]])
    -- one that has ended before anybody asked
    prints("true	early\n1	true	early\n", [[
      local p = child("bert", function() return "early" end)
      repeat until not p:alive()
      print(p:join(0))
      p = child("bert", function() return "early" end)
      repeat until not p:alive()
      print(sandbox.select({ p, queue() }, 0))]])
  end)

  it("gets signals from anywhere; after pause it stands", function()
    prints("stopped	running	true\nkilled	15\nfailed	130\nfailed	true\ntrue\n", [[
      local n = sandbox.value(0)
      local function count() while true do n:add(1) end end
      local p = child("bert", count)
      while n:get() == 0 do sleep(0.01) end
      print(spawn({ on = "carl" }, function(p)
        assert(p:pause())
        local stands, at = p:status(), n:get()
        sleep(0.05)
        assert(n:get() == at, "it goes on")
        assert(p:resume())
        while n:get() == at do sleep(0.01) end
        return stands, p:status(), p:alive()
      end, p):result(60))
      p:terminate()
      p:join(30)
      print(p:status(), p.signal)
      p = child("bert", count)
      p:interrupt()
      p:join(30)
      print(p:status(), p.exitcode)
      p = child("bert", count)
      print(spawn({ on = "carl" }, function(p) p:stop(30) return p:status(), p:kill() end, p):result(60))
      -- a far process of main: its stand-in sends the signal on, and the far process stands all the same
      n:set(0)
      p = spawn({ on = "anna", quiet = true }, count)
      while n:get() == 0 do sleep(0.01) end
      local function pauses(p)
        for _ = 1, 10 do
          assert(p:pause())
          local at = n:get()
          sleep(0.02)
          assert(n:get() == at, "it goes on")
          assert(p:resume())
        end
      end
      pauses(p)
      spawn({ on = "carl" }, pauses, p):result(60)
      p:kill()
      p = spawn({ on = "anna", quiet = true }, count)
      spawn({ on = "carl" }, function(p) p:kill() return p:join(30) end, p):result(60)
      print(not p:alive() and p.signal == 9)]])
  end)

  it("is told of to those who join it later, also when its spawner has ended", function()
    prints("true	early	late\ntrue	early	late\nnil	killed by signal 9 (Killed)	9	nil\n", [[
      local p, spawner = child("bert", function() return "early", "late" end)
      spawner:send("end")
      assert(spawner:join(30))
      print(p:join(30))
      print(spawn({ on = "carl" }, function(p) return p:join(30) end, p):result(60))
      local killed, parent = child("bert", sandbox.receive)
      killed:kill()
      repeat until not killed:alive()
      parent:kill() -- its processes end with it
      parent:join(30)
      local ok, f = killed:join(30)
      print(ok, f.message, f.signal, f.lost)]])
  end)

  it("is asked while its host ends, and is known all the time (20 rounds)", function()
    prints("true\n", [[
      for _ = 1, 20 do
        local p, spawner = child("bert", function() return "well" end)
        spawner:send("end")
        local status
        repeat
          status = p:status()
          assert(status == "running" or status == "done", status)
        until status == "done"
        assert(select(2, p:join(0)) == "well")
        spawner:join(60)
      end
      print(true)]])
  end)

  it("is asked in vain for what cannot leave its host; an error says so", function()
    prints("false	true\ndone\n", [[
      local p = child("bert", function() return queue { here = true } end)
      local ok, why = pcall(p.join, p, 30)
      print(ok, why:find("join: it was made here = true, and may not leave the host", 1, true) ~= nil or why)
      print(p:status())]])
  end)

  it("fails for all who join, and is reported by its host, unless one of them looks at the failure", function()
    local r = engine:run(CHILD .. [[
      local p = spawn({ on = "here" }, function() sandbox.receive() error("seen by carl", 0) end)
      local q = spawn({ on = "here" }, function() sandbox.receive() error("seen by nobody", 0) end)
      spawn({ on = "carl" }, function(p)
        p:send(1)
        local _, f = p:join(30)
        assert(f.message == "seen by carl")
      end, p):result(60)
      q:send(1)
      repeat until not q:alive()]])
    assert.truthy(r.err:find("seen by nobody", 1, true), r.err)
    assert.falsy(r.err:find("seen by carl", 1, true), r.err)
  end)

  it("is joined again when its host has forgotten it, and was no failure that nobody joined", function()
    prints("true\n", [[
      local q = queue()
      local joiner = spawn({ on = "carl" }, function(q)
        local p = q:get(30)
        p:join(30)
        sandbox.parent():send("joined")
        sandbox.receive()
        for _ = 1, 3 do p:join(30) end
      end, q)
      q:put(spawn({ on = "here", quiet = true }, error))
      sandbox.receive()
      collectgarbage()
      for _ = 1, 600 do spawn({ on = "here" }, function() end):join() end -- more than its host remembers
      joiner:send("again")
      print(joiner:join(30))]])
  end)

  it("is not alive when its host has forgotten it: it holds up no topic, and can be sent to", function()
    prints("true	false	true\n", [[
      local q, t = queue(), sandbox.topic()
      local asker = spawn({ on = "carl" }, function(q)
        local p = q:get(30)
        sandbox.parent():send("got")
        sandbox.receive()
        for i = 1, 20 do t:publish(i) end -- more than are published between two looks for subscribers that have ended
        return p:alive(), (pcall(p.send, p, "late"))
      end, q)
      local function subscribe()
        local p = spawn({ on = "here", quiet = true }, function() t:subscribe() q:put(sandbox.self()) sandbox.receive() end)
        sandbox.receive()
        p:kill()
        p:join()
      end
      subscribe()
      collectgarbage()
      for _ = 1, 600 do spawn({ on = "here" }, function() end):join() end -- more than its host remembers
      asker:send("go on")
      print(asker:join(30))
      for i = 1, 20 do t:publish(i) end]])
  end)

  it("is told as paused by what stands for it, also when it has paused itself", function()
    prints("stopped	stopped	true	running\nstopped	running\n", [[
      local begun = sandbox.event()
      local p = spawn({ on = "anna" }, function() begun:set() while true do sleep(0.01) end end)
      begun:wait()
      p:pause()
      print(p:status(), spawn({ on = "carl" }, function(p) return p:status() end, p):result(30), p:alive(), p:resume() and p:status())
      p:kill()
      p = spawn({ on = "anna" }, function() sandbox.self():pause() sandbox.receive() end)
      while p:status() == "running" do sleep(0.01) end
      print(p:status(), p:resume() and p:status())
      p:kill()]])
  end)

  it("can be sent nothing when it has ended, also if it has never used the engine, as on its own host", function()
    prints(("true	nil	gone	nil	gone\n"):rep(2), [[
      for _, on in ipairs { "here", "bert" } do
        local lives, ended
        if on == "here" then
          lives, ended = spawn(sleep, 1000), spawn(function() end)
        else
          lives, ended = child("bert", sleep, 1000), child("bert", function() end)
        end
        repeat until not ended:alive()
        local first = lives:send(1)
        local a, b = ended:send(1)
        lives:kill()
        repeat until not lives:alive()
        local c, d
        for _ = 1, 500 do -- until its keeper has buried it
          c, d = lives:send(2)
          if not c then break end
          sleep(0.01)
        end
        print(first, a, b, c, d)
      end]])
  end)

  it("is joined without waiting as soon as its status says that it has ended (30 rounds)", function()
    prints("true\n", [[
      local box = queue()
      spawn({ on = "anna", daemon = true }, function()
        for _ = 1, 30 do
          local c = spawn(function() return sandbox.receive() end)
          box:put(c)
          c:join()
        end
      end)
      for i = 1, 30 do
        local p = box:get(30)
        if i % 2 == 0 then assert(p:join(0) == nil) else assert(sandbox.select({ p }, 0) == nil) end -- asks its host
        p:send("well")
        repeat until p:status() == "done"
        if i % 3 == 0 then assert(sandbox.select({ p }, 0) == 1) else assert(p:join(0)) end
      end
      print(true)]])
  end)

  it("refuses a process that was declared dead", function()
    local job = engine:start(CHILD .. [[
      local victim = child("bert", sandbox.receive)
      local asker = spawn({ on = "carl", name = "asker" }, function(victim)
        sandbox.parent():send("up")
        while victim:status() ~= "nothing" do
          if io.open("]] .. engine.folder .. [[/dead") then break end
          sleep(0.01)
        end
        return pcall(victim.kill, victim)
      end, victim)
      sandbox.receive(30)
      print("up")
      local ok, why = asker:result(60)
      print(ok, tostring(why):match("this process was declared dead") or why, victim:status())]])
    job:says("up")
    engine:ask([[eval "for _, names in ipairs(redis.call('keys', '*:names')) do
      local all = redis.call('type', names).ok == 'hash' and redis.call('hgetall', names) or {}
      for i = 1, #all, 2 do if all[i + 1] == 'asker' then
        redis.call('sadd', (names:gsub('names$', 'dead')), all[i])
      end end
    end" 0]])
    shell.run("touch " .. engine.folder .. "/dead")
    assert.same({ "up\nfalse\tthis process was declared dead\trunning\n", 0 }, { job:result() })
  end)

  it("is asked for in vain, and crashes nothing, when somebody else writes to the engine", function()
    local job = engine:start(CHILD .. [[
      local p = child("bert", sandbox.receive)
      local ended, other = child("bert", function() return 1 end), child("bert", function() return 2 end)
      ended:join(30)
      other:join(30)
      print("up") io.stdout:flush()
      while not io.open("]] .. engine.folder .. [[/garbage") do sleep(0.01) end
      print(p:status(), p:kill(), select(2, p:join(30)).signal)
      local ok, why = pcall(ended.join, ended)
      print(ok, tostring(why):match("the engine holds something that is no object"))
      assert(not pcall(other.join, other) and not pcall(other.status, other))
      print(pcall(ended.status, ended))]])
    job:says("up")
    engine:ask([[eval "for _, key in ipairs(redis.call('keys', '*:fleet')) do
      for n = 0, 100 do
        local office, request = (key:gsub('fleet$', 'office:' .. n % 20)), ('s'):rep(n)
        if n > 50 then request = struct.pack('<I4I2I2I8I8I4I4', n * 40503, n * 997 % 65536, n % 20, 7, n, 9, n % 2) end
        for k in ('wlsjfx'):gmatch('.') do redis.call('xadd', office, '*', 'n', 0, 'k', k, 'd', request) end
      end
    end
    for _, key in ipairs(redis.call('keys', '*:named')) do
      local all = redis.call('hgetall', key)
      for i = 1, #all, 2 do if all[i]:sub(1, 1) == 'e' then
        local c = (key:gsub('named$', 'c:' .. all[i + 1]))
        if redis.call('exists', c) == 1 then redis.call('set', c, i % 4 == 1 and ('x'):rep(40) or struct.pack('<I4c996', 1, (string.char(0)):rep(996))) end
      end end
    end" 0]])
    shell.run("touch " .. engine.folder .. "/garbage")
    local text, status = job:result()
    assert.equal(0, status, text)
    assert.equal("up\nrunning\ttrue\t9\nfalse\tthe engine holds something that is no object\n", text:match("^(.*\n)false\t"), text)
  end)

  it("is in the report of a deadlock, and in traces", function()
    local r = engine:run(CHILD .. [[
      local p = child("bert", function() sandbox.parent():join() end)
      spawn({ on = "carl", name = "joiner" }, function(p) p:join() end, p):join()]])
    assert.equal(4, r.status, r.err)
    assert.truthy(r.err:find("joiner#%d+@carl waits in join at [^\n]* for child#%d+@bert"), r.err)
    r = engine:run(CHILD .. [[
      local p = child("bert", function() return (sandbox.receive()) end)
      local joiner = spawn({ on = "carl" }, function(p) return p:join() end, p)
      p:send("over")
      print(joiner:result(30))]], "--trace=" .. engine.folder .. "/trace.json --stats")
    assert.equal("true\tover\n", r.out, r.err)
    assert.equal(0, r.status, r.err)
  end)
end)

describe("a process of a host that is lost", function()
  it("is lost to all who join it, with its host", function()
    local engine <close> = hosts.engine("anna:4", "bert:4")
    local carl <close> = engine:agent("carl", "--slots 4")
    local job = engine:start(CHILD .. [[
      local p, spawner = child("carl", sandbox.receive)
      local far = spawn({ on = "carl", quiet = true }, sandbox.receive)
      local function ask(p) local ok, f = p:join() return ok, f.lost, f.host, f.message end
      local joiners = { spawn({ on = "bert" }, ask, p), spawn({ on = "anna" }, ask, p), spawn(ask, p), spawn({ on = "bert" }, ask, far) }
      print("ready")
      for _, j in ipairs(joiners) do print(j:result(60)) end
      print(ask(p))
      print(p:status(), p:alive(), p:kill(), p.name)
      spawner:join()]])
    job:says("ready")
    carl:kill()
    local lost = "nil\ttrue\tcarl\thost carl was lost, and with it how the process ended\n"
    local text, status = job:result()
    assert.equal(0, status, text)
    local far = text:match("nil\ttrue\tcarl\thost carl was lost: [^\n]*\n")
    assert.equal("ready\n" .. lost:rep(3) .. tostring(far) .. lost .. "failed\tfalse\ttrue\tchild\n", text)
  end)
end)

describe("a process of another host, whose engine was emptied,", function()
  for _, joined in ipairs { true, false } do
    it("is lost, or raises errors, " .. (joined and "also after a join" or "also if nobody had asked for its end"), function()
      local engine <close> = hosts.engine("anna:4")
      local r = engine:run(CHILD .. ([[
        local p = child("anna", sandbox.receive)
        if %s then p:join(0.01) end -- its end is known here
        os.execute("redis-cli -s %s flushall >/dev/null")
        for _, name in ipairs { "status", "alive", "join", "result" } do print(select(2, pcall(p[name], p, 0))) end
        print(select(2, pcall(sandbox.select, { p }, 0)))
        for _, name in ipairs { "kill", "pause", "send" } do pcall(p[name], p, 0) end
        print("end")
        io.stdout:flush()
        os.exit(0)]]):format(joined, engine.socket))
      -- which of the two depends on whether others have used the engine again
      local said = r.out:gsub("[^\n]*objects are gone from the engine", "gone"):gsub("[^\n]*was lost, and[^\n]*", "gone")
      assert.same({ "end\n", 0 }, { said:gsub("gone\n", ""):gsub("failed\n", ""):gsub("false\n", ""), r.status }, r.out .. r.err)
    end)
  end
end)

describe("an engine without room", function()
  it("is told by what asks another host, and left by no agent", function()
    local engine <close> = hosts.engine("anna:4")
    local r = engine:run(CHILD .. ([[
      local q = queue()
      local p = child("anna", function(q) q:put("here") sandbox.sleep(60) end, q)
      assert(q:get(30)) -- it needs no more room
      os.execute("redis-cli -s %s config set maxmemory 1 >/dev/null")
      print((select(2, pcall(p.status, p)):gsub("^%%l+: ", "")))
      os.execute("redis-cli -s %s config set maxmemory 0 >/dev/null")
      print(p:status())]]):format(engine.socket, engine.socket))
    assert.equal("no space is left to store the item (memory or a file size limit is exhausted)\nrunning\n", r.out, r.err)
    engine:ask("config set maxmemory 1")
    engine:ask("config resetstat")
    hosts.await("a beat in vain", function() return engine:ask("info errorstats"):find("OOM", 1, true) end)
    engine:ask("config set maxmemory 0")
    hosts.await("work there", function()
      return engine:run([[print(spawn({ on = "anna" }, function() return "there" end):result(30))]]).out == "there\n"
    end)
    assert.falsy(engine.agents[1]:said():find("engine is gone", 1, true), engine.agents[1]:said())
  end)
end)

describe("joining processes of other hosts", function()
  it("survives kills of those who join, of those who are joined, and of their spawners (30 rounds)", function()
    local engine <close> = hosts.engine("anna:8", "bert:8")
    engine:prints("true\n", CHILD .. [[
      for round = 1, 30 do
        local p, spawner = child("bert", function() return sandbox.receive() end)
        local function ask(p) return p:join() end
        local a, b = spawn({ on = "anna", quiet = true }, ask, p), spawn({ quiet = true }, ask, p)
        local doomed = spawn({ on = "anna", quiet = true }, ask, p)
        sleep(round / 300)
        doomed:kill()
        if round % 3 == 0 then p:kill() elseif round % 3 == 1 then spawner:kill() else assert(p:send("well")) end
        local function told(joiner)
          local ok, joined, v = joiner:join(60)
          assert(ok, v)
          return joined, joined and v or v.signal or (v.lost and "lost")
        end
        local x, y = table.pack(told(a)), table.pack(told(b))
        assert(x[1] == y[1] and x[2] == y[2], "they hear different things")
        local want = round % 3 == 0 and 9 or round % 3 == 2 and "well"
        assert(not want or x[2] == want, x[2])
        local ok, again = p:join(60)
        assert(ok == x[1] and (not ok or again == x[2]))
        doomed:join(60)
        spawner:kill()
        spawner:join(60)
      end
      print(true)]])
  end)

  -- One of three that ask (its number in the run is 4) is killed at a step; the others hear the outcome all the same.
  local function with_kill(point, agent, text)
    local engine <close> = hosts.engine("anna:8", "bert:8")
    local carl <close> = engine:agent("carl", "--slots 4")
    engine.environment = "SANDBOX_FAULT=" .. point .. "@4:1:kill"
    local job = engine:start(CHILD .. ([[
      local p, spawner = child("carl", function() return sandbox.receive() end)
      local asked, killed = {}, 0
      for i = 1, 3 do asked[i] = spawn({ quiet = true }, function(p) return p:join() end, p) end
      print("ready")
      local function outcome(ok, v) return ok and v or v.lost and "lost" or v.signal end
      %s
      for i = 1, 3 do
        local ok, joined, v = asked[i]:join(60)
        if ok then assert(outcome(joined, v) == want, v) else assert(joined.signal == 9, joined.message) killed = killed + 1 end
      end
      assert(outcome(p:join(60)) == want)
      print("killed", killed)
      spawner:stop()]]):format(text))
    job:says("ready")
    if agent then carl:kill() end
    local out, status = job:result()
    assert.equal(0, status, out)
    return tonumber(out:match("killed\t(%d+)"))
  end

  it("goes on when one that asks is killed before it has asked, or before it sleeps", function()
    for _, point in ipairs { "away.join", "away.waits" } do
      assert.equal(1, with_kill(point, false, [[local want = "well" assert(not asked[2]:join(60)) p:send(want)]]))
    end
  end)

  it("goes on when one is killed that is about to say that the host is lost", function()
    local killed = with_kill("away.before-lost", true, [[local want = "lost"]])
    assert.is_true(killed <= 1)
  end)
end)
