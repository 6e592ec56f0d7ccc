-- Two-way pipes: what one end sends, the other receives; and how that ends.
local rounds = require "support.rounds"
local script = require "support.script"
local T = 20

describe("a pipe", function()
  it("carries values both ways, in order, of any kind and size", function()
    local a, b = sandbox.pipe()
    for _, v in ipairs { 1, false, "", sandbox.null, { 1, { 2 } }, ("x"):rep(1 << 20) } do
      assert.is_true(a:send(v))
      assert.are.same(v, b:recv(0))
      b:send(v)
      assert.are.same(v, a:recv())
    end
    for i = 1, 1000 do a:send(i) b:send(-i) end
    for i = 1, 1000 do assert.are.same({ i, -i }, { b:recv(0), a:recv(0) }) end
  end)

  it("recv times out; poll looks, and takes nothing", function()
    local a, b = sandbox.pipe()
    assert.are.same({ nil, "timeout" }, { a:recv(0) })
    assert.are.same({ nil, "timeout" }, { a:recv(0.01) })
    assert.are.same({ false, n = 1 }, table.pack(a:poll()))
    assert.are.same({ false, n = 1 }, table.pack(a:poll(0.01)))
    b:send("v")
    for _ = 1, 3 do assert.are.same({ true, n = 1 }, table.pack(a:poll())) end
    assert.is_true(a:poll(T))
    assert.are.equal("v", a:recv())
    assert.is_false(a:poll())
  end)

  it("its ends are handles: equal everywhere, told apart, shown", function()
    local a, b = sandbox.pipe { name = "control" }
    assert.is_false(a == b)
    assert.is_truthy(tostring(a):find("^pipe: control#%d+ %(0 values to receive%)$"), tostring(a))
    b:send(1)
    assert.is_truthy(tostring(a):find("(1 value to receive)", 1, true))
    local q = queue()
    q:put { a, b, a }
    local t = q:get()
    assert.is_true(rawequal(a, t[1]) and rawequal(b, t[2]) and rawequal(a, t[3]))
    assert.are.equal("sandbox.pipe", getmetatable(a).__name)
  end)

  it("send is an error when nobody holds the other end any more", function()
    local gone = "send: nobody holds the other end of the pipe any more"
    local a = sandbox.pipe()
    collectgarbage() collectgarbage()
    local ok, e = pcall(function() a:send(1) end)
    assert.is_true(not ok and e:find(gone, 1, true) ~= nil, e)

    local box, end_of_it = queue(), sandbox.event()
    do
      local c, d = sandbox.pipe()
      box:put(d) -- from here on only the message names it
      a = c
    end
    collectgarbage() collectgarbage()
    assert.is_true(a:send("while it is on its way"))
    local p = spawn({ quiet = true }, function()
      local d = box:get()
      local first = d:recv()
      end_of_it:wait()
      return first, d:recv()
    end)
    while #box > 0 do sleep(0.001) end
    assert.is_true(a:send("to a process that is there"))
    end_of_it:set()
    assert.are.same({ true, "while it is on its way", "to a process that is there" }, { p:join(T) })
    ok, e = pcall(a.send, a, { "too late" })
    assert.is_true(not ok and e:find(gone, 1, true) ~= nil, e)
    a:close()
    ok, e = pcall(a.send, a, 1)
    assert.is_true(not ok and e:find("the pipe is closed", 1, true) ~= nil, e)
  end)

  it("send is an error when the process that held the other end was killed", function()
    local a, b = sandbox.pipe()
    local p = spawn({ quiet = true }, function() b:recv() sleep(100) end)
    b = nil
    collectgarbage() collectgarbage()
    assert.is_true(a:send("first"))
    p:kill()
    p:join()
    assert.is_false((pcall(a.send, a, "second")))
  end)

  it("ping-pong between processes (2000 times)", function()
    local a, b = sandbox.pipe()
    local p = spawn(function()
      for v in function() return b:recv(T) end do b:send(v + 1) end
    end)
    for i = 1, 2000 do
      a:send(i)
      assert.are.equal(i + 1, a:recv(T))
    end
    a:close()
    assert.is_true(p:join(T))
  end)

  it("its ends can be sent to processes older than it, and through pipes", function()
    local orders, answers = queue(), queue()
    local older = spawn(function()
      for e in orders:items() do
        answers:put(e:recv(T))
        e:send("from older")
      end
    end)
    for i = 1, 500 do
      local a, b = sandbox.pipe()
      orders:put(b)
      b = nil -- luacheck: ignore
      if i % 50 == 0 then collectgarbage() collectgarbage() end
      a:send(i) -- while the other end changes hands
      assert.are.equal(i, answers:get(T))
      assert.are.equal("from older", a:recv(T))
    end
    orders:close()
    assert.is_true(older:join(T))
    local a, b = sandbox.pipe()
    local c, d = sandbox.pipe()
    a:send { d }
    b:recv()[1]:send("through")
    assert.are.equal("through", c:recv(0))
  end)

  it("close ends it for everybody: what was sent is received, then nil and \"closed\"", function()
    local a, b = sandbox.pipe()
    a:send(1) a:send(2) b:send(3)
    assert.is_true(a:close())
    assert.are.same({ 1, 2 }, { b:recv(), b:recv() })
    assert.are.same({ nil, "closed" }, { b:recv() })
    assert.are.same({ 3 }, { a:recv() })
    assert.are.same({ nil, "closed" }, { a:recv(0) })
    assert.are.same({ false, "closed" }, { b:poll() })
    for _, e in ipairs { a, b } do
      local ok, why = pcall(function() e:send(1) end)
      assert.is_false(ok)
      assert.is_truthy(why:find("^%S*pipe_spec.lua:%d+: send: the pipe is closed$"), why)
    end
    assert.is_true(b:close())
  end)

  it("close wakes who receives; <close> closes", function()
    for _ in rounds(30) do
      local a, b = sandbox.pipe()
      local p = spawn(function() return b:recv(T) end)
      do
        local _ <close> = a
        if math.random() < 0.5 then sleep(0.001) end
      end
      assert.are.same({ true, nil, "closed", n = 3 }, table.pack(p:join(T)))
    end
  end)

  it("the death of all others who hold the other end is noticed: at once, and while asleep (60 rounds)", function()
    for round in rounds(60) do
      local a, b = sandbox.pipe()
      local helpers = {}
      for i = 1, round % 3 + 1 do
        helpers[i] = spawn({ quiet = true, daemon = true }, function()
          b:send(i)
          sleep(1000)
        end)
      end
      for _ = 1, #helpers do assert(a:recv(T)) end
      if round % 2 == 0 then
        local killer = spawn(function()
          sleep(0.002)
          for _, p in ipairs(helpers) do p:kill() end
          -- it holds both ends itself, and ends
        end)
        assert.are.same({ nil, "closed" }, { a:recv(T) })
        killer:join(T)
      else
        for _, p in ipairs(helpers) do p:kill() end
        assert.are.same({ nil, "closed" }, { a:recv(T) })
      end
      assert.are.same({ false, "closed" }, { a:poll() })
    end
  end)

  it("what the dead had sent is received first", function()
    for i in rounds(50) do
      local a, b = sandbox.pipe()
      local p = spawn({ quiet = true }, function()
        for k = 1, i do b:send(k) end
        os.execute("kill -9 " .. sandbox.getpid())
      end)
      for k = 1, i do assert.are.equal(k, a:recv(T)) end
      assert.are.same({ nil, "closed" }, { a:recv(T) })
      p:join(T)
    end
  end)

  it("a worker that died may be followed by another", function()
    local a, b = sandbox.pipe()
    for i in rounds(20) do
      local p = spawn({ quiet = true }, function()
        b:send(b:recv(T) * 2)
        os.exit(1)
      end)
      a:send(i)
      assert.are.equal(2 * i, a:recv(T))
      assert.are.same({ nil, "closed" }, { a:recv(T) })
      p:join(T)
    end
  end)

  it("one process that has both ends to itself can always still send", function()
    local a, b = sandbox.pipe()
    assert.are.same({ nil, "timeout" }, { a:recv(0) })
    assert.are.same({ nil, "timeout" }, { b:recv(0.001) })
    assert.is_false((a:poll(0)))
    local c = sandbox.pipe() -- the other end is gone as soon as it is collected
    collectgarbage() collectgarbage()
    assert.are.same({ nil, "closed" }, { c:recv(T) })
  end)

  it("an end that a living process drops is noticed, too", function()
    local a, b = sandbox.pipe()
    local go = queue()
    local p = spawn({ daemon = true }, function()
      go:get(T)
      a = nil
      b = nil
      collectgarbage() collectgarbage()
      sleep(1000)
    end)
    local q = spawn(function() return a:recv(T) end)
    b = nil
    collectgarbage() collectgarbage()
    assert.are.same({ nil, "timeout" }, { q:join(0.02) })
    go:put(1)
    assert.are.same({ true, nil, "closed", n = 3 }, table.pack(q:join(T)))
    p:kill()
  end)

  it("an end on its way in a queue counts as held", function()
    local a, b = sandbox.pipe()
    local box = queue()
    box:put(b)
    b = nil
    collectgarbage() collectgarbage()
    assert.are.same({ nil, "timeout" }, { a:recv(0.02) })
    b = box:get()
    b:send("still there")
    assert.are.equal("still there", a:recv(0))
  end)

  it("select takes from it, and sees its end", function()
    local a, b = sandbox.pipe()
    local c, d = sandbox.pipe()
    b:send(false)
    assert.are.same({ 2, false }, { sandbox.select { c, a } })
    assert.are.same({ nil, "timeout" }, { sandbox.select({ a, c }, 0) })
    local seen = sandbox.event()
    local p = spawn(function() d:send("x") seen:wait(T) end)
    assert.are.same({ 2, "x" }, { sandbox.select({ a, c }, T) })
    seen:set()
    assert.are.same({ 2, nil, "closed", n = 3 }, table.pack(sandbox.select({ queue(), c }, T)))
    p:join(T)
    for _ in rounds(50) do
      local x, y = sandbox.pipe()
      local z, w = sandbox.pipe()
      local over = queue()
      local helper = spawn(function() sandbox.select({ y, w }, T) y:send("answer") over:get(T) end)
      z:send(1)
      assert.are.same({ 2, "answer" }, { sandbox.select({ z, x }, T) })
      over:put(1)
      helper:join(T)
    end
  end)

  it("many are made and collected: descriptors and places stay flat", function()
    collectgarbage() collectgarbage()
    local before = script.descriptors()
    for _ = 1, 3000 do sandbox.pipe() end
    collectgarbage() collectgarbage()
    assert.are.equal(before, script.descriptors())
    local q = queue()
    q:put { sandbox.pipe() } -- from here on the queue and the supervisor know each other
    q:get()
    collectgarbage() collectgarbage()
    before = script.descriptors()
    for _ = 1, 300 do
      q:put { sandbox.pipe() }
      q:get()
    end
    collectgarbage() collectgarbage()
    assert.are.equal(before, script.descriptors())
  end)

  it("fails with an error when descriptors run out, and leaks nothing", function()
    local r = script.run([[
      local count = require("support.script").descriptors
      local before = count()
      local list = {}
      local ok, e
      repeat
        ok, e = pcall(function() local a, b = sandbox.pipe() list[#list + 1] = { a, b } end)
      until not ok
      print(e:match("pipe: (too many [^:]*)"), #list > 5)
      list = nil
      collectgarbage() collectgarbage()
      print(count() == before)
    ]], { shell = "ulimit -n 100; %s" })
    assert.are.same({ "too many open files\ttrue\ntrue\n", "" }, { r.out, r.err })
  end)

  it("refuses what makes no sense, at the caller's line", function()
    local a = sandbox.pipe()
    for text, call in pairs {
      ["nil cannot be sent"] = function() a:send(nil) end,
      ["value.f: a coroutine cannot be sent"] = function() a:send { f = coroutine.create(print) } end,
      ["a timeout cannot be negative"] = function() a:recv(-1) end,
      ["unknown option 'max'"] = function() sandbox.pipe { max = 3 } end,
      ["table of options expected, got number"] = function() sandbox.pipe(3) end,
      ["call methods with a colon"] = function() a.recv() end,
      ["pipe expected, got userdata"] = function() a.recv(queue()) end,
    } do
      local ok, e = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(e:find("^%S*pipe_spec.lua:%d+: "), e)
      assert.is_truthy(e:find(text, 1, true), e)
    end
  end)

  it("a deadlock through pipes is told", function()
    local r = script.run([[
      local a, b = sandbox.pipe()
      spawn({ name = "other" }, function() b:recv() end)
      a:recv()
    ]], { args = "--timeout 10" })
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("main waits", 1, true), r.err)
  end)
end)
