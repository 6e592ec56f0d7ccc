-- Calls through a queue: q:call(request), q:calls().
local raised = require "support.raised"
local script = require "support.script"
local T = 30

local function serve(q, body)
  return spawn({ name = "server", quiet = true }, function()
    for request, reply in q:calls() do body(request, reply) end
    return "closed"
  end)
end

describe("a call", function()
  it("answer... = q:call(request [, timeout]); for request, reply in q:calls([timeout]) do reply(answer...) end", function()
    local q = queue()
    local server = serve(q, function(request, reply)
      if request == "nothing" then assert(reply() == true)
      else assert(reply(request, nil, { request }, nil) == true) end
    end)
    assert.are.same({ n = 4, 3, nil, { 3 } }, table.pack(q:call(3)))
    assert.are.same({ n = 4, false, nil, { false } }, table.pack(q:call(false, T)))
    assert.are.same({ n = 0 }, table.pack(q:call("nothing", sandbox.deadline(T))))
    q:close()
    assert.are.same({ true, "closed" }, { server:join(T) })
    raised("put on a closed queue", q.call, q, 1)
  end)

  it("is for each caller its own, with several servers", function()
    local q = queue()
    local servers = { serve(q, function(r, reply) reply(2 * r) end), serve(q, function(r, reply) reply(2 * r) end) }
    local t = sandbox.team(4, function(i)
      for k = 1, 10 do assert(q:call(100 * i + k) == 2 * (100 * i + k)) end
    end)
    assert.is_true(t:join(T))
    q:close()
    assert.is_true(sandbox.join_all(servers, T))
  end)

  it("may be answered later, in another order", function()
    local q = queue()
    local open = {}
    serve(q, function(request, reply)
      open[#open + 1] = { reply = reply, request = request }
      for i = #open, #open == 2 and 1 or 3, -1 do open[i].reply(open[i].request) end
    end)
    local first = spawn(function() return q:call(1) end)
    local second = spawn(function() return q:call(2) end)
    assert.are.same({ 1, 2 }, { first:result(T), second:result(T) })
    q:close()
  end)

  it("gives up in time; the answer that comes too late is nobody's", function()
    local q, back = queue(), queue()
    assert.are.same({ nil, "timeout" }, { q:call(1, 0) })
    assert.are.same({ nil, "timeout" }, { q:call(2, sandbox.deadline(0.001)) })
    local server = spawn(function()
      for _, reply in q:calls() do back:put(select(2, reply("late"))) end
    end)
    assert.are.same({ "gone", "gone" }, { back:get(T), back:get(T) })
    q:close()
    server:join(T)
    local full = queue(1)
    full:put(1)
    assert.are.same({ nil, "timeout" }, { full:call(1, 0.001) })
  end)

  it("raises the server's error at the caller", function()
    local q = queue()
    local server = serve(q, function(request, reply)
      if request == "bad" then error({ code = 7 }) end
      reply:fail("refused: " .. request)
    end)
    assert.are.equal("refused: this", raised("refused: this", q.call, q, "this"))
    assert.are.equal(7, select(2, pcall(q.call, q, "bad")).code)
    assert.are.equal(7, select(2, server:join(T)).value.code)
    local odd = serve(q, function() error(setmetatable({}, { __tostring = function() return "odd" end, x = coroutine.create(print) })) end)
    raised("odd", q.call, q, 1)
    odd:join(T)
  end)

  it("is an error when its server ends or forgets it", function()
    local q = queue()
    for _, how in ipairs { "exit", "kill", "break" } do
      local server = spawn({ quiet = true }, function()
        for request in q:calls() do
          if request == "kill" then sandbox.self():kill() end
          if request == "exit" then os.exit(0) end
          break
        end
      end)
      raised("call: the server ended without an answer", q.call, q, how, T)
      server:join(T)
    end
  end)

  it("survives kills of servers and callers: each call is answered or an error", function()
    for _ = 1, 20 do
      local q, mine = queue(), queue()
      local function loop() for r, reply in q:calls() do reply(r + 1) end end
      local servers = { spawn({ quiet = true }, loop), spawn({ quiet = true }, loop), spawn(loop) }
      local victim = spawn({ quiet = true }, function() for i = 1, 1000 do pcall(q.call, q, i) end end)
      local caller = spawn(function()
        local good, bad = 0, 0
        for i = 1, 20 do
          local ok, v = pcall(q.call, q, i)
          if ok then
            assert(v == i + 1)
            good = good + 1
          else
            assert(v:find("ended without an answer", 1, true), v)
            bad = bad + 1
          end
          mine:put(i)
        end
        return good, bad
      end)
      mine:get(T)
      servers[1]:kill()
      mine:get(T)
      victim:kill()
      servers[2]:kill()
      local good, bad = caller:result(T)
      assert.are.equal(20, good + bad)
      assert.is_true(bad <= 2)
      q:close()
      assert.is_true(servers[3]:join(T))
    end
  end)

  -- With fault points the server is killed when it has taken the request, and could not say so.
  it("fails when its server is killed right after it took the request", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    for _, transport in ipairs { "auto", "pipe", "shm" } do
      local r = script.run(([[
        local q = queue { transport = %q }
        spawn({ quiet = true }, function() for request, reply in q:calls() do reply(request) end end)
        print(select(2, pcall(q.call, q, 1, 30)))
      ]]):format(transport), { env = "SANDBOX_FAULT=queue.get.after-commit@2:1:kill" })
      assert.matches("ended without an answer", r.out, r.err)
    end
  end)

  it("knows that an item was never put, whose sender was killed before", function()
    if not script.has_faults() then return pending(script.NO_FAULTS) end
    local r = script.run([[
      local q, a, b = queue(), sandbox.pipe()
      local sender = spawn({ quiet = true }, function() q:put(b) end)
      b = nil
      collectgarbage()
      sender:join()
      print(a:recv(30))
    ]], { env = "SANDBOX_FAULT=queue.carry.named@2:1:kill" })
    assert.are.equal("nil\tclosed\n", r.out, r.err)
  end)

  it("fails when the server that took it dies, also if another one has answered before and lives on", function()
    local q, gate = queue(), queue()
    local first = spawn({ daemon = true }, function()
      pcall(collectgarbage, "stop") -- it lets go of what it answered with all the same
      for request, reply in q:calls() do
        reply(request + 1)
        gate:get()
      end
    end)
    assert.are.equal(2, q:call(1))
    local second = spawn({ quiet = true }, function()
      for _ in q:calls() do sandbox.self():kill() end
    end)
    raised("the server ended without an answer", q.call, q, 2, T)
    second:join(T)
    gate:put("go on")
    assert.are.equal(4, q:call(3, T))
    first:kill()
  end)

  it("hears only its own answer: not a second one that a child of the server gives", function()
    local q, twice = queue(), queue()
    local server = serve(q, function(request, reply)
      local child = spawn(function()
        reply("again " .. request)
        twice:put(true)
      end)
      child:join(T)
      reply(request)
    end)
    assert.are.equal("again a", q:call("a", T))
    twice:get(T)
    for _, word in ipairs { "b", "c" } do assert.are.equal("again " .. word, q:call(word, T)) end
    q:close()
    server:join(T)
  end)

  it("has a way of its own in a process and in its child", function()
    local q = queue()
    local server = serve(q, function(request, reply) reply(request) end)
    assert.are.equal(0, q:call(0, T))
    local child = spawn(function()
      for i = 1, 100 do assert(q:call(-i, T) == -i) end
      return true
    end)
    for i = 1, 100 do assert.are.equal(i, q:call(i, T)) end
    assert.is_true(child:result(T))
    q:close()
    server:join(T)
  end)

  it("is in the report of a deadlock, by its name", function()
    local r = script.run([[
      local q = queue()
      spawn({ name = "server" }, function() for _ in q:calls() do sandbox.receive() end end)
      q:call(1)]])
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("main waits in call at .*:3 for call#%d+, which only server#2 can fill"), r.err)
  end)

  it("says what is wrong", function()
    local q = queue()
    raised("nil is no request", q.call, q)
    raised("a timeout cannot be negative", q.call, q, 1, -1)
    raised("there is no such argument", q.call, q, 1, 1, 1)
    raised("a coroutine cannot be sent", q.call, q, { coroutine.create(print) })
    raised("calls: timeout", function() for _ in q:calls(0) do end end)
    raised("queue expected, got number", q.calls, 3)
    q:put("plain")
    raised("the item was put, not called", function() for _, reply in q:calls() do reply(1) end end)
    local server = serve(q, function(_, reply)
      reply(1)
      local ok, e = pcall(reply, 2)
      assert(not ok and e:find("answered already"), e)
    end)
    q:call(1)
    q:close()
    assert.is_true(server:join(T))
  end)
end)
