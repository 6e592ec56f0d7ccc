-- Messages to processes of other hosts: p:send, receive, and the handles that come with them.
local hosts = require "support.hosts"

if hosts.missing then return describe("mail between hosts", function() pending(hosts.missing) end) end

describe("mail between hosts", function()
  local engine
  setup(function() engine = hosts.engine("anna:4", "bert:4") end)
  teardown(function() engine:close() end)

  it("goes from spawner to process and back, in order; its sender is the handle that the other has", function()
    engine:prints("early	true\n1	true\n2	true\n3	true\nbye	false	true\n", [[
      local p = spawn({ on = "bert", name = "echo" }, function()
        for _ = 1, 4 do
          local v, from = sandbox.receive()
          assert(from == sandbox.parent() and from.host ~= "bert")
          assert(from:send(v))
        end
        assert(sandbox.parent():send { "bye", sandbox.self() })
      end)
      for _, v in ipairs { "early", 1, 2, 3 } do
        assert(p:send(v))
        local answer, from = sandbox.receive(30)
        print(answer, from == p)
      end
      local last, from = sandbox.receive(function(m) return type(m) == "table" end, 30)
      p:join()
      print(last[1], last[2]:alive(), last[2] == p and from == p)]])
  end)

  it("reaches the process of a handle that came as an argument, in an upvalue, or in a message", function()
    engine:prints("from anna	anna\nfrom bert	bert\ntrue	true\n", [[
      local me, box = sandbox.self(), queue()
      local function tell(to) to:send("from " .. sandbox.self().host) end
      local a = spawn({ on = "anna" }, tell, me)
      local v, from = sandbox.receive(30)
      print(v, from.host)
      local b = spawn({ on = "bert" }, function() tell(me) box:put(sandbox.self()) return sandbox.receive(30) end)
      v, from = sandbox.receive(30)
      print(v, from.host)
      local taken = box:get(30)
      local c = spawn({ on = "anna" }, function(p) return p:send("via a third") end, taken)
      print(taken == b and a ~= b, c:result(30) and b:result(30) == "via a third")]])
  end)

  it("tells of a process of another host who it is, whether it lives, and how it ended", function()
    engine:prints("worker	anna	true	running\nwait for it	false\nfalse	done\ntrue	wait for it\ngone\n", [[
      local me = sandbox.self()
      local p = spawn({ on = "anna" }, function()
        local child = spawn({ name = "worker" }, function()
          me:send("I am")
          return (sandbox.receive())
        end)
        return child:result()
      end)
      local _, worker = sandbox.receive(30)
      print(worker.name, worker.host, worker:alive(), worker:status())
      assert(tostring(worker):find("^process: worker#%d+ %(on anna, running%)$"), tostring(worker))
      assert(worker:send("wait for it"))
      print(p:result(30), p:alive())
      repeat until not worker:alive()
      print(worker:alive(), worker:status())
      print(worker:join())
      print(select(2, worker:send("late")))]])
  end)

  it("is refused when its receiver was killed, has ended, or is on a host that is lost", function()
    engine:prints("gone	gone	gone\n", [[
      local ended = spawn({ on = "anna" }, function() end)
      ended:join()
      local killed = spawn({ on = "anna", quiet = true }, function() sandbox.parent():send("up") sandbox.receive() end)
      sandbox.receive(30)
      killed:kill() -- while it waits for a message
      killed:join()
      local left = spawn({ on = "bert", quiet = true }, function() os.exit(3) end)
      left:join()
      print(select(2, ended:send(1)), select(2, killed:send(2)), select(2, left:send(3)))]])
    local carl <close> = engine:agent("carl", "--slots 2")
    local job = engine:start([[
      local p = spawn({ on = "carl", quiet = true }, function() sandbox.parent():send("up") sandbox.receive() end)
      sandbox.receive(30)
      print("ready")
      p:join()
      print(p:send("late"))]])
    job:says("ready")
    carl:kill()
    assert.same({ "ready\nnil\tgone\n", 0 }, { job:result() })
  end)

  it("keeps what a sender had sent that is killed; a third host hears that the receiver is gone", function()
    engine:prints("1 2 3 4 5 6 7 8 9 10\nnil	timeout\ngone\n", [[
      local p = spawn({ on = "anna", quiet = true }, function()
        for i = 1, 10 do sandbox.parent():send(i) end
        sandbox.receive()
      end)
      local list = {}
      for i = 1, 10 do list[i] = sandbox.receive(30) end
      p:kill()
      p:join()
      print(table.concat(list, " "))
      print(sandbox.receive(0.01))
      local other = spawn({ on = "bert" }, function(dead) return select(2, dead:send("late")) end, p)
      print(other:result(30))]])
  end)

  it("survives kills of processes that wait for mail or send it (20 rounds)", function()
    engine:prints("true\n", [[
      for round = 1, 20 do
        local target = spawn({ on = round % 2 == 0 and "anna" or "bert", quiet = true }, function()
          while true do
            local v, from = sandbox.receive()
            if v == "first" then from:send("up") end
          end
        end)
        target:send("first")
        assert(sandbox.receive(30) == "up")
        local sender = spawn({ on = "anna", quiet = true }, function() for i = 1, 1e9 do if not target:send(i) then return i end end end)
        local here = spawn(function() for i = 1, 1e9 do if not target:send(i) then return i end end end)
        sleep(round / 500)
        if round % 3 == 0 then sender:kill() end
        target:kill()
        target:join(30)
        assert(here:join(30))
        assert(round % 3 == 0 or sender:join(30))
        assert(select(2, target:send("late")) == "gone")
      end
      print(true)]])
  end)
end)
