-- Handles go through the supervisor, which may be stopped. What needs it then keeps its timeout, can be interrupted, and goes on
-- when the supervisor does.
local script = require "support.script"

-- Run a text in which `stop()` stops the supervisor until `go()`, and `soon(limit, fn)` checks that fn() takes no longer.
local function run(text)
  local r = script.run([[
    local supervisor = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
    local function state(pid) return io.open("/proc/" .. pid .. "/stat"):read("a"):match("^%d+ %b() (%a)") end
    local function stop()
      os.execute("kill -STOP " .. supervisor)
      while state(supervisor) ~= "T" do sleep(0.001) end
    end
    local function go() os.execute("kill -CONT " .. supervisor) end
    local function soon(limit, fn, ...)
      local start = os.time()
      local r = table.pack(fn(...))
      assert(os.time() - start <= limit + 1, "it took too long")
      return table.unpack(r, 1, r.n)
    end
  ]] .. text, { seconds = 60 })
  assert.are.same({ "ok\n", "", 0 }, { r.out, r.err, r.status })
end

describe("a timeout is kept while the supervisor is stopped", function()
  it("by put, try_put and select", function()
    run [[
      local q, other = queue(), queue()
      stop()
      for _, seconds in ipairs { 0.1, 0, 0.3 } do
        local ok, why = soon(2, q.put, q, other, seconds)
        assert(ok == nil and why == "timeout", why)
      end
      local ok, why = soon(2, q.try_put, q, { other })
      assert(ok == nil and why == "timeout")
      ok, why = soon(2, sandbox.select, { q:putting(other) }, 0.1)
      assert(ok == nil and why == "timeout")
      assert(#q == 0)
      go()
      assert(q:put(other, 20) and #q == 1)
      assert(q:get(20) == other)
      print "ok"
    ]]
  end)

  it("by get, recv, select, items and peek of what must be brought here: and it is not lost", function()
    run [[
      local orders, q, a, b = queue(), queue(), sandbox.pipe()
      local p = spawn(function()
        for i = 1, 3 do local x = queue() x:put(i) q:put(x) end
        local x = queue()
        x:put("pipe")
        b:send(x)
      end)
      assert(p:join(20))
      stop()
      local v, why = soon(2, q.get, q, 0.1)
      assert(v == nil and why == "timeout")
      v, why = soon(2, q.get, q, 0)
      assert(v == nil and why == "timeout")
      v, why = soon(2, a.recv, a, 0.1)
      assert(v == nil and why == "timeout")
      v, why = soon(2, sandbox.select, { q, a }, 0.1)
      assert(v == nil and why == "timeout")
      assert(not soon(2, pcall, q:items(0.1)))
      go()
      for i = 1, 3 do assert(q:get(20):get(20) == i) end
      assert(a:recv(20):get(20) == "pipe")
      print "ok"
    ]]
  end)

  it("by put_all and get_all: what could not be brought here is not lost", function()
    run [[
      local q, other = queue(), queue()
      local p = spawn(function()
        q:put("first")
        for i = 1, 3 do local x = queue() x:put(i) q:put(x) end
      end)
      assert(p:join(20))
      stop()
      local n, why = soon(2, other.put_all, other, { 1, queue(), 3 }, 0.1)
      assert(n == 1 and why == "timeout", why)
      local list = soon(2, q.get_all, q, 10, 0.1)
      assert(#list == 1 and list[1] == "first")
      list, why = soon(2, q.get_all, q, 10, 0.1)
      assert(list == nil and why == "timeout", why)
      list, why = soon(2, q.get_all, q, 10, 0)
      assert(list == nil and why == "timeout", why)
      go()
      list = {}
      while #list < 3 do
        local more = assert(q:get_all(2, 20))
        table.move(more, 1, #more, #list + 1, list)
      end
      for i = 1, 3 do assert(list[i]:get(20) == i) end
      print "ok"
    ]]
  end)

  it("by join, of a result that names a queue", function()
    run [[
      local p = spawn(function() local x = queue() x:put("result") return x end)
      while p:status() ~= "done" do sleep(0.001) end
      stop()
      local ok, why = soon(2, p.join, p, 0.1)
      assert(ok == nil and why == "timeout")
      go()
      assert(p:result(20):get(20) == "result")
      print "ok"
    ]]
  end)
end)

describe("an interrupt ends what waits for a supervisor that is stopped", function()
  local waits = {
    put = "q:put(queue())",
    send = "a:send(queue())",
    get = "full:get()",
    put_all = "q:put_all { queue(), queue() }",
    get_all = "full:get_all(3)",
    peek = "full:peek()",
    ["peek of several"] = "full:peek(3)",
    ["value:set"] = "v:set(queue())",
    ["value:get"] = "stored:get()",
    ["value:update"] = "v:update(function() return queue() end)",
    ["value:cas"] = "v:cas(0, queue())",
    ["a new value"] = "sandbox.value(queue())",
    ["a key of a dict"] = "d.x = queue()",
    ["reading a dict"] = "return d.there",
    ["pairs of a dict"] = "pairs(d)",
    ["dict:update"] = "d:update('x', function() return queue() end)",
    join = "done:join()",
    select = "sandbox.select { full }",
    ["the result of a process"] = "return queue()",
  }
  for name, wait in pairs(waits) do
    it("(" .. name .. ")", function()
      run(([[
        local q, full, v, d = queue(), queue(), sandbox.value(0), sandbox.dict()
        local stored, a, b = sandbox.value(1), sandbox.pipe()
        local done
        assert(spawn(function()
          full:put(queue())
          stored:set(queue())
          d.there = queue()
        end):join(20))
        done = spawn(function() return queue() end)
        while done:status() ~= "done" do sleep(0.001) end
        local go_on, there = sandbox.event(), sandbox.event()
        local p = spawn({ quiet = true }, function()
          go_on:wait()
          there:set()
          %s
        end)
        stop()
        go_on:set()
        assert(there:wait(20))
        local sleeps = 0
        while sleeps < 3 do sleep(0.002) sleeps = state(p.pid) == "S" and sleeps + 1 or 0 end
        p:interrupt()
        local ok, failure = soon(5, p.join, p, 6)
        assert(ok == nil and failure ~= "timeout", tostring(failure))
        go()
        print "ok"
      ]]):format(wait))
    end)
  end
end)
