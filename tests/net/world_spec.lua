-- sandbox.connect: independent programs that meet in a world.
local server = require "net.server"

if not server.there then
  describe("sandbox.connect", function() pending("there is no redis-server here") end)
  return
end

local sh, wait_for = server.sh, server.wait_for

-- Start a program in world "w" of the server.
local function program(s, script, options, head)
  local connect = head or ('local w <close> = sandbox.connect(%q, { name = "w" })\n'):format(s.url)
  return server.start(s, connect .. script, options, false)
end

local function ended_well(p)
  local text = p.result()
  assert.truthy(text:find("status 0\n", 1, true), text)
  return (text:gsub("status 0\n$", ""))
end

describe("sandbox.connect", function()
  it("warns of a lock that is held when the world is closed", function()
    local s <close> = server.new()
    local text = ended_well(program(s, [[
      w:lock({ name = "l" }):acquire()
      w:close()
      print("goes on")
    ]]))
    assert.equal("sandbox: warning: main closed world 'w' and still held lock 'l', acquired at script.lua:2\ngoes on\n",
      (text:gsub("at [^\n]*:", "at script.lua:")))
  end)

  it("lets programs that start at different times meet by name", function()
    local s <close> = server.new()
    ended_well(program(s, [[
      local q, n = w:queue { name = "jobs", max = 10 }, w:value { name = "n", initial = 5 }
      local d = w:dict { name = "d", initial = { a = 1 } }
      for i = 1, 3 do q:put(i) end
      q:put({ n, q, w:array { name = "a", n = 2 } })
      n:add(1)
      d.b = 2
      w:array({ name = "a", n = 2 })[2] = 7
      w:semaphore({ name = "s", n = 3 }):acquire()
    ]]))
    assert.equal("1 2 3	6	1	2	7	true	true\n2	2\n", ended_well(program(s, [[
      local q, n = w:queue { name = "jobs", max = 10 }, w:value { name = "n", initial = 9 }
      local d = w:dict { name = "d", initial = { a = 3 } }
      local list = q:get_all(4)
      local sent = table.remove(list)
      print(table.concat(list, " "), n:get(), d.a, d.b, w:array({ name = "a", n = 2 })[2], sent[1] == n, sent[2] == q)
      local sem = w:semaphore { name = "s", n = 3 }
      sem:acquire() -- the unit of the one that ended well is away
      print(sem:value() + 1, sandbox.spawn(function() return sem:value() + 1 end):result())
    ]])))
  end)

  it("works side by side with the objects of the run, with --engine and without", function()
    local s <close> = server.new()
    for _, options in ipairs { "", "--engine " .. s.url } do
      assert.equal("true	true	1	own\n", ended_well(program(s, [[
        local theirs, own = w:queue { name = "q" }, sandbox.queue()
        local ok, why = pcall(theirs.put, theirs, own)
        local refused = not ok and why:find("not of this world", 1, true) ~= nil
        own:put(theirs)
        local arrived = own:get() == theirs
        local p = sandbox.spawn(function() theirs:put(theirs:get() + 0) own:put("own") end)
        theirs:put(1)
        p:join()
        print(refused, arrived, theirs:get(), own:get())
      ]], options)))
    end
    assert.equal("2	x\n", ended_well(program(s, [[
      local theirs, own = w:queue { name = "q" }, sandbox.queue()
      sandbox.spawn(function() own:put("x") end)
      print(sandbox.select { theirs, own })
    ]])))
  end)

  it("passes on what a process or a whole program had that is killed", function()
    local s <close> = server.new()
    local other = program(s, [[
      local lock, q = w:lock { name = "lock" }, w:queue { name = "q" }
      local function hold() lock:acquire() print("held " .. sandbox.getpid() .. ".") q:get() end
      sandbox.spawn({ quiet = true }, hold):join()
      hold()
    ]])
    local taker = [[
      local ok, abandoned = w:lock({ name = "lock" }):acquire(100)
      print(ok, abandoned)
      w:lock({ name = "lock" }):release()
    ]]
    other.says("held")
    sh("kill -9 " .. other.text():match("held (%d+)%."))
    wait_for(function() return select(2, other.text():gsub("held", "")) == 2 end)
    local waiting = program(s, taker)
    -- all of it at once, with its keeper: only its beats tell the others
    local main = other.text():match(".*held (%d+)%.")
    local supervisor = sh("ps -o ppid= -p " .. main):match("%d+")
    sh(("kill -9 $(ps -o pid= --ppid %s) %s"):format(supervisor, supervisor))
    assert.equal("true	abandoned\n", ended_well(waiting))
    assert.equal("true	nil\n", ended_well(program(s, taker)))
  end)

  it("gives back what a program had in hand that is gone, or fails; not what one had that left", function()
    local s <close> = server.new()
    local head = ('local w <close> = sandbox.connect(%q, { name = "w" })\nlocal q = w:queue { name = "q", redeliver = true }\n')
      :format(s.url)
    ended_well(program(s, "q:put_all { 1, 2, 3 }", nil, head))
    local other = program(s, "print('has ' .. q:get(), sandbox.self().pid .. '.') sleep(1000)", nil, head)
    other.says("has 1")
    sh("kill -9 " .. other.text():match("has 1%s+(%d+)%."))
    other.result()
    local failed = program(s, "print(q:get()) error 'that was too much'", nil, head).result()
    assert.truthy(failed:find("^1\n"), failed)
    assert.equal("1\n", ended_well(program(s, "print(q:get())", nil, head)))
    assert.equal("2\n", ended_well(program(s, "print(q:get()) w:close()", nil, head)))
    assert.equal("3	0	3\n", ended_well(program(s, "print(q:get(), #q, q:task_done() and 3)", nil, head)))
    assert.truthy(program(s, "w:queue { name = 'q' }", nil, head).result():find("made with other options", 1, true))
  end)

  it("goes on when the engine was killed and is there again", function()
    local s <close> = server.new("--appendonly yes --appendfsync always") -- else the last second may be lost
    local count = [[
      local n, b = w:value { name = "n", initial = 0 }, w:barrier { name = "b", n = 2 }
      b:wait()
      print("begun")
      for _ = 1, 400 do n:add(1) end
      b:wait()
      print(n:get())
    ]]
    local first, second = program(s, count), program(s, count)
    first.says("begun")
    s.kill()
    s.start()
    assert.equal("begun\n800\n", ended_well(first))
    assert.equal("begun\n800\n", ended_well(second))
  end)

  it("says in one line, at the caller's line, why it cannot", function()
    local s <close> = server.new("--requirepass right")
    local right = s.url .. "?password=right"
    local function message(url, options)
      local from = os.time()
      local head = ("local w = sandbox.connect(%q, %s)"):format(url, options or "{ name = 'w' }")
      local text = program(s, "", nil, head).result()
      assert.is_true(os.time() - from < 15, text)
      assert.is_nil(text:find("wrong-word", 1, true))
      return text:match("^sandbox: %S+program%d+%.lua:1: (.-)\nstack traceback:") or text
    end
    assert.equal("connect: cannot use the engine at " .. s.socket .. ": wrong password",
      message(s.url .. "?password=wrong-word"))
    assert.truthy(message(s.url):find("it wants a password", 1, true))
    assert.equal("connect: cannot use the engine at " .. s.socket .. ": it has no database 99",
      message(s.url .. "?db=99&password=right"))
    assert.truthy(message("unix:///nowhere"):find("connect: cannot reach the engine at /nowhere", 1, true))
    assert.truthy(message("redis://127.0.0.1:1"):find("connect: cannot reach the engine at 127.0.0.1:1", 1, true))
    assert.truthy(message("redis://no.such.host.invalid")
      :find("connect: cannot reach the engine at no.such.host.invalid", 1, true))
    assert.truthy(message("unix:///nowhere", "{ name = 'w', timeout = 0.3 }"):find("cannot reach", 1, true))
    assert.truthy(message(right, "{ name = 'not good' }"):find("a world's name has 1 to 32 letters", 1, true))
    assert.truthy(message(right, "{}"):find("name must be a string", 1, true))
    sh(("redis-cli -s %s -a right set 'sandbox:{world.w}:run' 'sandbox 0.0' 2>/dev/null"):format(s.socket))
    assert.truthy(message(right):find("connect: the programs in world w have sandbox 0.0; here is sandbox ", 1, true))
  end)

  it("waits for an engine that is not there yet, if it is given the time", function()
    local s <close> = server.new()
    s.kill()
    local head = ("local w = sandbox.connect(%q, { name = 'w', timeout = 100 })\n"):format(s.url)
    local p = program(s, "print('there')", nil, head)
    s.start()
    assert.equal("there\n", ended_well(p))
  end)

  it("refuses objects of other options, without a name, and of a world that was left", function()
    local s <close> = server.new()
    assert.equal("4 errors\n", ended_well(program(s, [[
      local q = w:queue { name = "q", max = 3 }
      local errors = 0
      local function fails(text, f, ...)
        local ok, message = pcall(f, ...)
        assert(not ok and message:find(text, 1, true) and message:find("program%d+%.lua:%d+: "), message)
        errors = errors + 1
      end
      fails("made with other options", w.queue, w, { name = "q", max = 4 })
      fails("name must be a string", w.lock, w, {})
      w:lock { name = "q" } -- another type is another object
      w:close()
      fails("not connected", w.queue, w, { name = "q", max = 3 })
      fails("its world is not connected in this process", function() q:put(1) end)
      print(errors .. " errors")
    ]])))
  end)

  it("tells worlds apart by numbers of 31 bits, drawn for each; says so when two are the same", function()
    local s <close> = server.new()
    local function number(name, n) s.cli(("set 'sandbox:{world.%s}:tag' %d"):format(name, n)) end
    number("low", 1)
    number("high", 2^31 - 1)
    number("same", 1)
    assert.equal("1	2	true\n", ended_well(program(s, ([[
      local low, high = sandbox.connect(%q, { name = "low" }), sandbox.connect(%q, { name = "high" })
      local p, q = low:queue { name = "q" }, high:queue { name = "q" }
      p:put(1)
      q:put(2)
      q:put(q)
      print(p:get(), q:get(), q:get() == q)
      for i = 1, 20 do sandbox.connect(%q, { name = "w" .. i }) end
    ]]):format(s.url, s.url, s.url))))
    local wide = 0
    for i = 1, 20 do wide = math.max(wide, tonumber(s.cli(("get 'sandbox:{world.w%d}:tag'"):format(i)))) end
    assert.truthy(wide >= 2^23 and wide < 2^31, wide)
    local function connect(first, second) return program(s, first .. second).result() end
    local low = ("local low = sandbox.connect(%q, { name = 'low' })\n"):format(s.url)
    local text = connect(low, ("sandbox.connect(%q, { name = 'same' })"):format(s.url))
    assert.truthy(text:find("world.low and world.same have drawn the same number by chance", 1, true), text)
    text = connect(low, ("sandbox.connect('unix:///%s', { name = 'low' })"):format(s.url:match("unix:(//.*)")))
    assert.truthy(text:find("this process has this world already, by another address", 1, true), text)
  end)

  it("selects over several worlds, the engine of the run, and what is on this host", function()
    local s <close> = server.new()
    local t <close> = server.new()
    local text = ([[
      local other <close> = sandbox.connect(%q, { name = "other" })
      local there, theirs = w:queue { name = "q" }, other:queue { name = "q" }
      local own, here = sandbox.queue(), sandbox.queue { here = true }
      local go = sandbox.event()
      local all = { there, theirs, own, here }
      assert(select(2, sandbox.select(all, 0.01)) == "timeout")
      local p = sandbox.spawn(function()
        for round = 1, 3 do
          for i, q in ipairs(all) do
            q:put(10 * round + i)
            assert(go:wait(30))
            go:clear()
          end
        end
      end)
      for round = 1, 3 do
        for k = 1, 4 do
          local i, v = sandbox.select(all, 30)
          assert(i == k and v == 10 * round + k, v)
          go:set()
        end
      end
      p:join()
      local lock, sem = w:lock { name = "l" }, other:semaphore { name = "s", n = 1 }
      sem:acquire()
      lock:acquire()
      local waiter = sandbox.spawn(function()
        local i = sandbox.select({ lock, sem, own }, 30)
        if i == 2 then sem:release() end
        return i
      end)
      sem:release()
      local chosen = waiter:result(30)
      lock:release()
      print(chosen, #there + #theirs + #own + #here)
      local busy = sandbox.spawn({ quiet = true }, function() sandbox.select { there, theirs, own } end)
      busy:kill()
      busy:join()
      theirs:put("stays")
      print(sandbox.select({ there, theirs, own }, 30))
    ]]):format(t.url)
    for _, options in ipairs { "", "--engine " .. s.url } do
      assert.equal("2	0\n2	stays\n", ended_well(program(s, text, options)))
    end
  end)

  it("has conditions, with a lock of their own or one of the world", function()
    local s <close> = server.new()
    local waiter = program(s, [[
      local ready, n = w:condition { name = "ready" }, w:value { name = "n", initial = 0 }
      local l = w:lock { name = "ready" } -- another object: the condition's own lock has no name among locks
      l:acquire()
      ready:acquire()
      w:event({ name = "waits" }):set()
      while n:get() < 2 do ready:wait() end
      ready:release()
      l:release()
      print("woken", n:get())
    ]])
    assert.equal("true	true\n", ended_well(program(s, [[
      local ready, n = w:condition { name = "ready" }, w:value { name = "n", initial = 0 }
      w:event({ name = "waits" }):wait()
      for _ = 1, 2 do
        ready:acquire()
        n:add(1)
        ready:notify_all()
        ready:release()
      end
      local lock = w:lock { name = "lock" }
      local c = w:condition { name = "with", lock = lock }
      assert(w:condition { name = "with", lock = lock } == c)
      lock:acquire()
      local p = sandbox.spawn(function() lock:acquire() c:notify() lock:release() end)
      c:wait()
      lock:release()
      p:join()
      local function fails(text, options)
        local ok, why = pcall(w.condition, w, options)
        return not ok and why:find(text, 1, true) ~= nil
      end
      print(fails("made with other options", { name = "with" }), fails("not of this world", { name = "x", lock = sandbox.lock() }))
    ]], "--engine " .. s.url)))
    assert.equal("woken	2\n", ended_well(waiter))
  end)

  it("leaves its objects for a minute, and no key for ever", function()
    local s <close> = server.new()
    ended_well(program(s, "w:queue({ name = 'q' }):put('x') w:event({ name = 'e' }):set()"))
    local keys = s.cli("keys '*'")
    assert.truthy(keys:find("sandbox:{world.w}:o:1", 1, true), keys)
    for key in keys:gmatch("[^\n]+") do
      assert.equal(1, key:find("sandbox:{world.w}:", 1, true))
      local ttl = tonumber(s.cli("ttl '" .. key .. "'"))
      assert.is_true(ttl > 0 and ttl <= 60, key .. " " .. ttl)
    end
    local script = "print(w:queue({ name = 'q' }):get(), (w:event({ name = 'e' }):wait(0)))"
    assert.equal("x	true\n", ended_well(program(s, script)))
  end)

  it("is refused in runs that have no other programs", function()
    local s <close> = server.new()
    for _, options in ipairs { "--strict", "--sim", "--explore" } do
      local text = program(s, "", options).result()
      assert.truthy(text:find("connect: ", 1, true), text)
      assert.is_nil(text:find("status 0", 1, true), text)
    end
  end)
end)
