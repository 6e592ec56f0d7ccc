-- Pipes between hosts, and calls through queues, which need them.
local hosts = require "support.hosts"

if hosts.missing then return describe("pipes between hosts", function() pending(hosts.missing) end) end

describe("pipes between hosts", function()
  local engine
  setup(function() engine = hosts.engine("anna:4", "bert:4") end)
  teardown(function() engine:close() end)

  it("carry values both ways; the end of the other process closes them", function()
    engine:prints("1	1\n2	4\n3	9\nnil	closed\nsend: nobody holds the other end of the pipe any more\n", [[
      local mine, theirs = sandbox.pipe { name = "control" }
      local p = spawn({ on = "bert" }, function()
        for n in function() return theirs:recv(30) end do
          theirs:send(n * n)
          if n == 3 then return end
        end
      end)
      theirs = nil
      collectgarbage() collectgarbage()
      for i = 1, 3 do mine:send(i) print(i, mine:recv(30)) end
      print(mine:recv(30))
      p:join()
      print((select(2, pcall(mine.send, mine, 4)):gsub("^.-:%d+: ", "")))]])
  end)

  it("an end goes through a queue to a third host, with what is in the pipe; a kill there is noticed", function()
    engine:prints("first	second\nclosed\n", [[
      local a, b = sandbox.pipe()
      local box = queue()
      a:send("first")
      spawn({ on = "anna" }, function(q, e) q:put(e) end, box, b):join()
      b = nil
      collectgarbage() collectgarbage()
      local p = spawn({ on = "bert", quiet = true }, function(q)
        local e = q:get()
        e:send { e:recv(30), e:recv(30) }
        sandbox.receive() -- until it is killed
      end, box)
      a:send("second")
      local t = a:recv(30)
      print(t[1], t[2])
      p:kill()
      print(select(2, a:recv(30)))]])
  end)

  it("a host that is lost closes what its processes held", function()
    local carl <close> = engine:agent("carl", "--slots 2")
    local job = engine:start([[
      local a, b = sandbox.pipe()
      local p = spawn({ on = "carl", quiet = true }, function() b:send("up") b:recv() end)
      b = nil
      collectgarbage() collectgarbage()
      print(a:recv(30))
      print(a:recv())
      p:join()]])
    job:says("up")
    carl:kill()
    assert.same({ "up\nnil\tclosed\n", 0 }, { job:result() })
  end)

  it("q:call is answered by servers on other hosts; one that dies is an error", function()
    engine:prints("42	bert\ntimeout\ncall: the server ended without an answer\n7	anna\n", [[
      local q, taken = queue(), sandbox.event()
      local function serve()
        for request, reply in q:calls() do
          if request == "die" then os.exit(3) end
          if request == "sleep" then taken:set() sleep(1000) end
          reply(request, sandbox.self().host)
        end
      end
      local first = spawn({ on = "bert", quiet = true }, serve)
      print(q:call(42, 30))
      print(select(2, q:call("sleep", 0.05)))
      assert(taken:wait(30)) -- else the next server takes it
      first:kill()
      first:join()
      local second = spawn({ on = "bert", quiet = true }, serve)
      print((select(2, pcall(q.call, q, "die", 30)):gsub("^.-:%d+: ", "")))
      second:join()
      local third = spawn({ on = "anna" }, serve)
      print(spawn({ on = "bert" }, function() return q:call(7, 30) end):result())
      q:close()
      third:join()]])
  end)

  it("survives kills of servers and callers: each call is answered or an error (10 rounds)", function()
    engine:prints("true\n", [[
      for round = 1, 10 do
        local q = queue()
        local function serve() for r, reply in q:calls() do reply(r + 1) end end
        local servers = {}
        for i, on in ipairs { "anna", "bert", "here" } do servers[i] = spawn({ on = on, quiet = true }, serve) end
        local victim = spawn({ on = "bert", quiet = true }, function() for i = 1, 1e9 do pcall(q.call, q, i) end end)
        local caller = spawn(function()
          local bad = 0
          for i = 1, 60 do
            local ok, v = pcall(q.call, q, i, 30)
            if not ok then
              assert(v:find("ended without an answer", 1, true), v)
              bad = bad + 1
            else
              assert(v == i + 1, v)
            end
            if i == 20 then servers[1]:kill() victim:kill() end
            if i == 40 then servers[2]:kill() end
          end
          return bad
        end)
        assert(caller:result(60) <= 2)
        q:close()
        assert(servers[3]:join(30))
      end
      print(true)]])
  end)
end)
