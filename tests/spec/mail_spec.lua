-- Mailboxes: p:send, sandbox.receive, sandbox.find.
local raised = require "support.raised"
local rounds = require "support.rounds"
local script = require "support.script"
local T = 30

-- A process that answers each message with itself and what it was sent, until it gets "stop".
local function echo()
  return spawn({ name = "echo" }, function()
    while true do
      local v, from = sandbox.receive()
      if v == "stop" then return "stopped" end
      from:send { sandbox.self(), v }
    end
  end)
end

local function of(key) return function(message) return message[1] == key end end

describe("a mailbox", function()
  it("brings a message and its sender, who can be answered", function()
    local p = echo()
    for _, v in ipairs { 1, "text", false, sandbox.null } do
      assert.is_true(p:send(v))
      local answer, from = sandbox.receive(T)
      assert.are.equal(p, from)
      assert.are.same({ p, v }, answer)
    end
    p:send("stop")
    assert.are.same({ true, "stopped" }, { p:join(T) })
    assert.are.same({ nil, "timeout" }, { sandbox.receive(0) })
    assert.are.same({ nil, "timeout" }, { sandbox.receive(0.001) })
    assert.are.same({ nil, "timeout" }, { sandbox.receive(sandbox.deadline(0)) })
  end)

  it("can be sent to before its process receives, by processes that never met it, and by itself", function()
    local gate = queue()
    local p = spawn(function()
      gate:get()
      return sandbox.receive(), (sandbox.receive())
    end)
    local other = spawn(function() return sandbox.receive(T):send("from a stranger") end)
    p:send("early")
    other:send(p)
    assert.is_true(other:result(T))
    gate:put("go")
    assert.are.same({ "early", "from a stranger" }, { p:result(T) })
    local me = sandbox.self()
    me:send("to me")
    assert.are.same({ "to me", me }, { sandbox.receive(T) })
  end)

  it("is not inherited: a child has its own", function()
    sandbox.self():send("for the parent")
    local p = spawn(function() return sandbox.receive(0) end)
    assert.are.same({ nil, "timeout" }, { p:result(T) })
    assert.are.equal("for the parent", (sandbox.receive(0)))
  end)

  it("keeps the order of each sender, whatever the size", function()
    local me, n = sandbox.self(), 200
    local t = sandbox.team(3, function(i)
      for k = 1, n do me:send { i, k, ("x"):rep(k % 50 == 0 and 5000 or k) } end
    end)
    local last = { 0, 0, 0 }
    for _ = 1, 3 * n do
      local v, from = sandbox.receive(T)
      assert.are.equal(t[v[1]], from)
      assert.are.equal(last[v[1]] + 1, v[2])
      last[v[1]] = v[2]
    end
    assert.is_true(t:join(T))
  end)

  it("receive(predicate): the first message that fits; the others keep their order", function()
    local me = sandbox.self()
    for i = 1, 6 do me:send { i % 2 == 0 and "even" or "odd", i } end
    assert.are.equal(2, sandbox.receive(of "even", T)[2])
    assert.are.equal(4, sandbox.receive(of "even")[2])
    assert.are.same({ nil, "timeout" }, { sandbox.receive(of "none", 0) })
    assert.are.same({ nil, "timeout" }, { sandbox.receive(of "none", sandbox.deadline(0.001)) })
    assert.are.equal(1, sandbox.receive()[2])
    assert.are.equal(6, sandbox.receive(of "even")[2])
    assert.are.equal(3, sandbox.receive(function(_, from) return from == me end)[2])
    me:send { "odd", 7 }
    assert.are.same({ 5, 7 }, { sandbox.receive(0)[2], sandbox.receive(0)[2] })
  end)

  it("receive(predicate) waits for the message that fits", function()
    local me, gate = sandbox.self(), queue()
    local p = spawn(function()
      for i = 1, 3 do me:send { "noise", i } end
      gate:get()
      me:send { "signal" }
    end)
    assert.are.same({ nil, "timeout" }, { sandbox.receive(of "signal", 0.01) })
    gate:put("go")
    assert.are.equal("signal", sandbox.receive(of "signal", T)[1])
    for i = 1, 3 do assert.are.equal(i, sandbox.receive(T)[2]) end
    p:join(T)
  end)

  it("an error of the predicate loses no message; a predicate cannot receive", function()
    local me = sandbox.self()
    for i = 1, 3 do me:send { "n", i } end
    raised("boom", sandbox.receive, function(m) return m[2] == 2 and error("boom") end)
    raised("a predicate cannot receive", sandbox.receive, function() return sandbox.receive(0) end)
    for i = 1, 3 do assert.are.equal(i, sandbox.receive(0)[2]) end
  end)

  it("of a process that has ended: nil, \"gone\"", function()
    local p = spawn(math.abs, 1)
    p:join(T)
    assert.are.same({ nil, "gone" }, { p:send("late") })
    local q = echo()
    q:send("hello")
    sandbox.receive(T)
    q:kill()
    q:join(T)
    assert.are.same({ nil, "gone" }, { q:send("late") })
  end)

  it("says what is wrong", function()
    local p = sandbox.self()
    raised("nil is no message: sandbox.null stands for a missing value", p.send, p)
    raised("process expected, got number", p.send, 3, 3)
    raised("there is no such argument", p.send, p, 1, 2)
    raised("a coroutine cannot be sent", p.send, p, { coroutine.create(print) })
    raised("the process was not started", function() sandbox.process { target = print }:send(1) end)
    raised("timeout in seconds expected, got string", sandbox.receive, "x")
    raised("a timeout cannot be negative", sandbox.receive, -1)
    raised("a timeout cannot be negative", sandbox.receive, print, -1)
    raised("there is no such argument", sandbox.receive, 1, 2)
  end)

  it("whoever waits in receive is in the report of a deadlock", function()
    local r = script.run([[
      local w = spawn({ name = "waiter" }, function() sandbox.receive() end)
      w:join()]])
    assert.are.equal(4, r.status)
    assert.is_truthy(r.err:find("main waits in join at .*:2 for waiter#2\n"), r.err)
    assert.is_truthy(r.err:find("waiter#2 waits in receive at .*:1 for a message, which only main can send\n"), r.err)
    r = script.run("sandbox.receive()")
    assert.are.equal(4, r.status)
    assert.is_truthy(r.err:find("main waits in receive at .*:1 for a message, which nobody else can send\n"), r.err)
  end)

  it("is no deadlock while a process runs that could send, though it has no handle", function()
    local r = script.run([[
      spawn({ name = "late" }, function() sleep(1.5) sandbox.find("waiter"):send("here") end)
      print((spawn({ name = "waiter" }, function() return sandbox.receive() end):result()))]])
    assert.are.same({ "here\n", 0, "" }, { r.out, r.status, r.err })
  end)

  it("costs no room that is not given back: thousands of processes with mailboxes", function()
    for _ = 1, 100 do
      local t = sandbox.team(20, function(i)
        local v, from = sandbox.receive(T)
        from:send(v + i)
      end)
      for i = 1, 20 do t[i]:send(i) end
      for _ = 1, 20 do assert.is_number((sandbox.receive(T))) end
      assert.is_true(t:join(T))
    end
  end)

  it("survives kills of senders and receivers at any moment", function()
    for round in rounds(30) do
      local me = sandbox.self()
      local target = spawn({ quiet = true }, function()
        local n = 0
        while sandbox.receive(T) do n = n + 1 end
      end)
      local t = sandbox.team(4, function(i)
        for k = 1, 300 do
          target:send(k)
          me:send { i, k }
        end
      end)
      sleep((round % 7) / 1000)
      t[1]:kill()
      target:kill()
      t[2]:kill()
      local last, ended = { 0, 0, 0, 0 }, false
      while not ended do
        local v = sandbox.receive(0)
        if v then
          assert.are.equal(last[v[1]] + 1, v[2]) -- nothing is lost, torn or doubled
          last[v[1]] = v[2]
        else
          ended = not (t[1]:alive() or t[2]:alive() or t[3]:alive() or t[4]:alive())
          if ended then
            for v in function() return (sandbox.receive(0)) end do last[v[1]] = v[2] end
          else
            sleep(0.001)
          end
        end
      end
      assert.are.same({ 300, 300 }, { last[3], last[4] })
      target:join(T)
      assert.are.same({ nil, "gone" }, { target:send("late") })
    end
  end)

  it("survives a process that is killed, or stopped, when it has made a mailbox and not entered it", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    for _, action in ipairs { "kill", "stop" } do
      local r = script.run([[
        local me = sandbox.self()
        local p = spawn({ quiet = true }, function() me:send("late") end)
        repeat sleep(0.001) until p:status() ~= "running"
        local r = spawn(function() me:send("ok") end)
        print((sandbox.receive(20)))
        p:resume()
        if p:status() ~= "killed" then print((sandbox.receive(20))) end
        p:join()
        r:join()
      ]], { env = "SANDBOX_FAULT=mail.before-commit@2:1:" .. action })
      assert.are.same({ action == "kill" and "ok\n" or "ok\nlate\n", 0 }, { r.out, r.status }, r.err)
    end
  end)
end)

describe("find", function()
  it("returns the oldest process of a name, waiting until there is one", function()
    local function idle() sleep(1000) end
    local a = spawn({ name = "twin" }, idle)
    local b = spawn({ name = "twin" }, idle)
    assert.are.equal(a, sandbox.find("twin"))
    a:kill()
    a:join(T)
    assert.are.equal(b, sandbox.find("twin", T))
    b:kill()
    b:join(T)
    assert.are.same({ nil, "timeout" }, { sandbox.find("twin", 0) })
    assert.are.same({ nil, "timeout" }, { sandbox.find("twin", 0.01) })
    local p = spawn(function() return sandbox.find("twin") end)
    b = spawn({ name = "twin" }, idle)
    assert.are.equal(b, p:result(T))
    b:kill()
  end)

  -- With fault points the one who looks (2) is stopped in its look at the one that begins meanwhile (3); it needs no second
  -- look at all processes.
  it("finds one that begins just now at once", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    local r = script.run([[
      local function read(path)
        local file <close> = assert(io.open(path))
        return file:read "a"
      end
      local function await_stop(pid)
        repeat sleep(0.001) until read("/proc/" .. pid .. "/stat"):find "%) T"
      end
      local go, begun = queue(), queue()
      local finder = spawn(function()
        go:get()
        return sandbox.find("server", 0)
      end)
      local server = spawn({ name = "server" }, function() begun:put(true) sandbox.receive() end)
      local children = read("/proc/self/task/" .. sandbox.self().pid .. "/children")
      local first, second = children:match "(%d+) (%d+)"
      await_stop(second)
      go:put(true)
      await_stop(first)
      os.execute("kill -CONT " .. second) -- it has no number yet for a handle
      begun:get()
      os.execute("kill -CONT " .. first)
      print(finder:result(30) == server)
      server:kill()
    ]], { env = "SANDBOX_FAULT=process.begin@3:1:stop,mail.look@2:3:stop,mail.look@2:6:kill", seconds = 60 })
    assert.are.equal("true\n", r.out, r.err)
  end)

  it("takes names as they are cut", function()
    local long = ("n"):rep(100)
    local p = spawn({ name = long }, function() return sandbox.receive(T) end)
    sandbox.find(long, T):send("found")
    assert.are.equal("found", (p:result(T)))
  end)

  it("is in the report of a deadlock", function()
    local r = script.run("sandbox.find('godot')")
    assert.are.equal(4, r.status)
    assert.is_truthy(r.err:find("main waits in find at .*:1 for a process named godot, which nobody else can start\n"), r.err)
  end)

  it("says what is wrong", function()
    raised("name must be a string", sandbox.find)
    raised("name must be text on one line", sandbox.find, "a\nb")
    raised("a timeout cannot be negative", sandbox.find, "a", -1)
  end)
end)

describe("what sandbox.receive and p:send are given", function()
  it("is told by its place, if it is wrong", function()
    local ok, message = pcall(sandbox.receive, { tag = 1 }, 0.1)
    assert.is_false(ok)
    assert.is_truthy(message:find("bad argument #1 to 'receive' (predicate or timeout expected, got table", 1, true), message)
    assert.are.same({ nil, "timeout" }, { sandbox.receive(nil, 0.01) })
    local p = sandbox.process { target = print }
    ok, message = pcall(p.send, p, 5)
    assert.is_truthy(not ok and message:find("to 'send' (the process was not started: call its start())", 1, true), message)
  end)
end)
