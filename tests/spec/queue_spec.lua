-- Queues in Lua, on every transport.
local rounds = require "support.rounds"
local T = 20 -- seconds; a wait that takes this long has failed

-- Take all that is there.
local function drain(q)
  local list = {}
  for v in function() return (q:try_get()) end do list[#list + 1] = v end
  return list
end

local function range(first, last)
  local list = {}
  for i = first, last do list[#list + 1] = i end
  return list
end

-- Wait for processes, all of which must succeed.
local function join_all(list)
  for _, p in ipairs(list) do
    local ok, e = p:join(T)
    assert(ok, tostring(e))
  end
end

for _, transport in ipairs { "auto", "pipe", "shm" } do
  local function make(max, name) return queue { transport = transport, max = max, name = name } end

  describe("a queue (" .. transport .. ")", function()
    it("is first in, first out", function()
      local q = make()
      for i = 1, 1000 do assert.is_true(q:put(i)) end
      assert.are.same(range(1, 1000), drain(q))
    end)

    it("counts exactly: len, #, empty, full", function()
      local q = make(3)
      assert.are.same({ 0, 0, true, false }, { q:len(), #q, q:empty(), q:full() })
      q:put("a") q:put("b")
      assert.are.same({ 2, 2, false, false }, { q:len(), #q, q:empty(), q:full() })
      q:put("c")
      assert.are.same({ 3, 3, false, true }, { q:len(), #q, q:empty(), q:full() })
      q:get()
      assert.are.same({ 2, 2, false, false }, { q:len(), #q, q:empty(), q:full() })
    end)

    it("is never full without a max", function()
      local q = make()
      for i = 1, 300 do q:put(i) end
      assert.is_false(q:full())
    end)

    it("takes false for an item, and null, and the empty string", function()
      local q = make()
      q:put(false) q:put(sandbox.null) q:put("") q:put(0)
      assert.are.equal(false, q:get())
      assert.are.equal(sandbox.null, q:get())
      assert.are.equal("", q:get())
      assert.are.equal(0, q:get())
    end)

    it("get: timeouts (fault 11: 0 at once; nil and 1e300 for ever)", function()
      local q = make()
      assert.are.same({ nil, "timeout" }, { q:get(0) })
      assert.are.same({ nil, "timeout" }, { q:try_get() })
      local from = sandbox.now()
      assert.are.same({ nil, "timeout" }, { q:get(0.03) })
      assert.is_true(sandbox.now() - from >= 0.03)
      for _, forever in ipairs { 1e300, math.huge } do
        local p = spawn(function() return q:get(forever) end)
        assert.are.same({ nil, "timeout" }, { p:join(0.05) })
        q:put(forever)
        assert.are.same({ true, forever }, { p:join(T) })
      end
    end)

    it("put: timeouts when it is full (fault 11)", function()
      local q = make(1)
      assert.is_true(q:put(1, 0))
      assert.are.same({ nil, "timeout" }, { q:put(2, 0) })
      assert.are.same({ nil, "timeout" }, { q:try_put(2) })
      assert.are.same({ nil, "timeout" }, { q:put(2, 0.03) })
      local p = spawn(function() return q:put(2, 1e300) end)
      assert.are.same({ nil, "timeout" }, { p:join(0.05) })
      assert.are.equal(1, q:get())
      assert.are.same({ true, true }, { p:join(T) })
      assert.are.equal(2, q:get(T))
      assert.is_true(q:try_put(3))
    end)

    it("peeks without taking; says that it is empty", function()
      local q = make()
      assert.are.same({ nil, "empty" }, { q:peek() })
      q:put({ 1 }) q:put(2)
      for _ = 1, 3 do assert.are.same({ 1 }, q:peek()) end
      assert.are.equal(2, #q)
      q:get()
      assert.are.equal(2, q:peek())
      q:get()
      q:put(("x"):rep(5000))
      assert.are.equal(5000, #q:peek())
      q:get()
      q:close()
      assert.are.same({ nil, "closed" }, { q:peek() })
    end)

    it("takes items of every size, mixed, in order (fault 8: 10 B and 10 MB, order per producer)", function()
      local q = make()
      local producers, n = {}, rounds.count(24)
      for id = 1, 3 do
        producers[id] = spawn(function()
          for i = 1, n do
            local size = i % 12 == 2 and 10 * 1024 * 1024 or i % 3 == 0 and 5000 or 10
            q:put({ id = id, i = i, data = string.char(64 + id):rep(size) })
          end
        end)
      end
      local next_of = { 1, 1, 1 }
      for _ = 1, 3 * n do
        local v = q:get(T)
        assert.are.equal(next_of[v.id], v.i)
        next_of[v.id] = v.i + 1
        assert.is_true(v.data == string.char(64 + v.id):rep(#v.data), "torn")
        assert.are.equal(v.i % 12 == 2 and 10 * 1024 * 1024 or v.i % 3 == 0 and 5000 or 10, #v.data)
      end
      join_all(producers)
      assert.is_true(q:empty())
    end)

    it("takes items around the size of a record and of a page", function()
      local q = make()
      for _, base in ipairs { 512, 4096, 65536 } do
        for size = base - 20, base + 4 do q:put(("r"):rep(size)) end
        for size = base - 20, base + 4 do assert.are.equal(size, #q:get(T)) end
      end
      assert.is_true(q:empty())
    end)

    it("hands out large strings whole and once, though several readers look at the same one", function()
      local q, sums = make(8), queue()
      local readers = {}
      for r = 1, 3 do
        readers[r] = spawn(function()
          for s in q:items(T) do
            local i = tonumber(s:sub(1, 3))
            assert(s == tostring(i):rep(#s // 3), "torn")
            sums:put(i)
          end
        end)
      end
      for i = 100, 399 do q:put(tostring(i):rep(i % 7 == 0 and 300000 or 5000 + i)) end
      q:close()
      join_all(readers)
      local seen = {}
      for _ = 100, 399 do
        local i = sums:get(0)
        assert.is_nil(seen[i])
        seen[i] = true
      end
      assert.is_true(sums:empty())
    end)

    it("keeps the order when items go by pipe and by log in turns", function()
      local q = make()
      local got, n = 0, 0
      for round in rounds(60) do
        for _ = 1, round * 7 % 50 do
          n = n + 1
          q:put({ n, n % 5 == 0 and ("L"):rep(2000) or "s" })
        end
        for _ = 1, round * 5 % 37 do
          local v = q:try_get()
          if not v then break end
          got = got + 1
          assert.are.equal(got, v[1])
        end
      end
      for v in function() return (q:try_get()) end do
        got = got + 1
        assert.are.equal(got, v[1])
      end
      assert.are.equal(n, got)
    end)

    it("bounded: never more than max, whoever puts (fault 10, without the kills: see kill_spec)", function()
      local q = make(1)
      local putters = {}
      for id = 1, 8 do
        putters[id] = spawn(function() for i = 1, 25 do q:put(id * 1000 + i) end end)
      end
      local seen = {}
      for _ = 1, 200 do
        assert.is_true(#q <= 1)
        local v = assert(q:get(T))
        assert.is_nil(seen[v])
        seen[v] = true
      end
      join_all(putters)
      assert.are.equal(0, #q)
    end)

    it("several producers, several consumers: every item once", function()
      local q, done = make(), queue()
      local ps, consumers = {}, {}
      for id = 1, 4 do ps[id] = spawn(function() for i = 1, 500 do q:put(id * 1000 + i) end end) end
      for id = 1, 4 do
        consumers[id] = spawn(function()
          local list = {}
          for v in q:items() do list[#list + 1] = v end
          done:put(list)
        end)
      end
      join_all(ps)
      q:close()
      local seen, n = {}, 0
      for _ = 1, 4 do
        local last = {}
        for _, v in ipairs(assert(done:get(T))) do
          assert.is_nil(seen[v])
          seen[v], n = true, n + 1
          local id = v // 1000
          assert.is_true(v > (last[id] or 0), "each consumer sees a producer's items in order")
          last[id] = v
        end
      end
      assert.are.equal(2000, n)
      join_all(consumers)
    end)

    it("a length that others change never looks wrong", function()
      local q = make(10)
      local p = spawn(function() for i = 1, 4000 do q:put(i) end end)
      local c = spawn(function() for i = 1, 4000 do assert(q:get() == i) end end)      repeat
        local n = #q
        assert.is_true(n >= 0 and n <= 10, n)
      until not (p:alive() or c:alive())
      join_all { p, c }
      assert.are.equal(0, #q)
    end)

    it("ping and pong", function()
      local there, back = make(), make()
      local p = spawn(function() for v in there:items() do back:put(v + 1) end end)
      for i = 1, 500 do
        there:put(i)
        assert.are.equal(i + 1, back:get(T))
      end
      there:close()
      join_all { p }
    end)

    it("says what it is", function()
      local q = make(2, "jobs")
      assert.is_truthy(tostring(q):find("^queue: jobs#%d+ %(0 of 2 items%)$"), tostring(q))
      q:put(1)
      q:close()
      assert.is_truthy(tostring(q):find("^queue: jobs#%d+ %(1 of 2 items, closed%)$"), tostring(q))
      local u = make()
      u:put(1)
      assert.is_truthy(tostring(u):find("^queue: queue#%d+ %(1 item%)$"), tostring(u))
    end)
  end)

  describe("close (" .. transport .. ")", function()
    it("lets readers drain, then they get nil, closed (promise 5)", function()
      local q = make()
      q:put(1) q:put(("x"):rep(3000)) q:put(3)
      assert.is_false(q:closed())
      assert.is_true(q:close())
      assert.is_true(q:closed())
      assert.are.equal(1, q:get())
      assert.are.equal(3000, #q:get())
      assert.are.equal(3, q:get())
      for _ = 1, 2 do
        assert.are.same({ nil, "closed" }, { q:get() })
        assert.are.same({ nil, "closed" }, { q:try_get() })
      end
    end)

    it("wakes readers that wait (fault 12)", function()
      local q, ready = make(), queue()
      local readers = {}
      for i = 1, 5 do
        readers[i] = spawn(function()
          ready:put(i)
          local n = 0
          for _ in q:items() do n = n + 1 end
          return n, select(2, q:get())
        end)
      end
      for _ = 1, 5 do assert(ready:get(T)) end
      for i = 1, 7 do q:put(i) end
      q:close()
      local sum = 0
      for i = 1, 5 do
        local ok, n, why = readers[i]:join(T)
        assert.is_true(ok)
        assert.are.equal("closed", why)
        sum = sum + n
      end
      assert.are.equal(7, sum)
    end)

    it("makes put an error, at once and for those that wait in it (fault 13)", function()
      local q, ready = make(1), queue()
      q:put(1)
      local p = spawn({ quiet = true }, function() ready:put(1) q:put(2) end)
      ready:get(T)
      assert.are.same({ nil, "timeout" }, { p:join(0.03) })
      q:close()
      local ok, e = p:join(T)
      assert.is_nil(ok)
      assert.is_truthy(e.message:find("queue_spec.lua:%d+: put on a closed queue"), e.message)
      for _, put in ipairs { q.put, q.try_put, queue_put } do
        local good, message = pcall(function() put(q, 3) end)
        assert.is_false(good)
        assert.is_truthy(message:find("queue_spec.lua:%d+: put on a closed queue"), message)
      end
      assert.are.equal(1, #q)
    end)

    it("can be repeated, and is known everywhere", function()
      local q = make()
      assert.is_true(q:close())
      assert.is_true(q:close())
      assert.is_true(spawn(function() return q:closed() end):result(T))
    end)
  end)

  describe("items (" .. transport .. ")", function()
    it("goes on after a break, and takes false for an item", function()
      local q = make()
      for _, v in ipairs { 1, false, 3, 4 } do q:put(v) end
      for v in q:items() do if v == false then break end end
      q:close()
      local rest = {}
      for v in q:items() do rest[#rest + 1] = v end
      assert.are.same({ 3, 4 }, rest)
    end)

    it("raises when it waits too long, at the loop's line", function()
      local q = make()
      q:put(1)
      local n = 0
      local ok, e = pcall(function() for _ in q:items(0.01) do n = n + 1 end end)
      assert.is_false(ok)
      assert.are.equal(1, n)
      assert.is_truthy(e:find("queue_spec.lua:%d+: items: timeout"), e)
    end)
  end)
end

describe("queue_put and queue_get", function()
  it("are put and get", function()
    local q = queue(1)
    assert.is_true(queue_put(q, "v"))
    assert.are.same({ nil, "timeout" }, { queue_put(q, "w", 0) })
    assert.are.equal("v", queue_get(q, 1))
    assert.are.same({ nil, "timeout" }, { queue_get(q, 0) })
  end)
end)

describe("a queue's options", function()
  it("may be a number of items, or nothing", function()
    local q = queue(2)
    q:put(1) q:put(2)
    assert.is_true(q:full())
    assert.is_false(queue():full())
    assert.is_false(queue(nil):full())
    assert.is_true(queue(1 << 40):put(1))
    assert.is_true(queue(3.0):put(1))
  end)
end)

describe("a queue under a lack of descriptors", function()
  it("is an error, nothing leaks, and works again when there are some (fault 14)", function()
    local script = require "support.script"
    local r = script.run([[
      local count = require("support.script").descriptors
      collectgarbage() local before = count()
      local held, e = {}
      repeat
        local ok, q = pcall(function() return (queue()) end)
        if ok then held[#held + 1] = q else e = q end
      until not ok
      io.stderr:write(e, "\n")
      assert(not pcall(queue) and not pcall(queue))
      held[1]:put("works") assert(held[1]:get() == "works")
      local many = #held
      held = nil collectgarbage() collectgarbage()
      assert(count() == before, "descriptors leaked")
      local again = {}
      for i = 1, many do again[i] = queue() end
      print("ok", many)
    ]], { shell = "( ulimit -n 64; %s )" })
    assert.is_truthy(r.out:find("^ok\t%d+\n$"), r.err)
    assert.is_truthy(r.err:find(r.name .. ":5: queue: too many open files", 1, true), r.err)
    assert.is_truthy(r.err:find("(the limit is 64)", 1, true), r.err)
  end)
end)

describe("a log", function()
  it("that reaches its cap makes put an error, and the queue goes on (fault 17)", function()
    -- A limit on the size of files makes a small ring of it.
    local script = require "support.script"
    local r = script.run([[
      local q = queue { transport = "shm" }
      local n, e = 0
      repeat
        local ok
        ok, e = pcall(function() q:put(("x"):rep(1 << 20)) end)
        if ok then n = n + 1 end
      until not ok
      io.stderr:write(e, "\n")
      assert(#q == n)
      for i = 1, n do assert(#q:get(0) == 1 << 20) end
      assert(q:empty())
      q:put("works") assert(q:get(0) == "works")
      print(n > 0)
    ]], { shell = "( ulimit -f 16384; %s )", seconds = 30 })
    assert.are.equal("true\n", r.out, r.err)
    assert.is_truthy(r.err:find(r.name .. ":5: put: the queue's log has reached its cap", 1, true), r.err)
    local limit = tonumber(r.err:match("%(the limit is (%d+) MiB%)"))
    assert.is_true(limit > 0 and limit <= 16, r.err)
  end)

  it("that finds no space makes put an error, and the queue goes on (fault 16)", function()
    local script = require "support.script"
    for n = 1, 3 do
      -- A put asks for more than it needs, and if that cannot be had, for what it needs: both fail.
      local r = script.run([[
        local q, lost = queue { transport = "shm" }, 0
        for i = 1, 40 do
          local ok, e = pcall(function() q:put({ i, ("x"):rep(1 << 18) }) end)
          if not ok then lost = i io.stderr:write(e, "\n") end
        end
        assert(#q == (lost > 0 and 39 or 40))
        for i = 1, 40 do if i ~= lost then assert(q:get(0)[1] == i) end end
        print(lost > 0, q:empty())
      ]], { env = ("SANDBOX_FAULT=log.reserve:%d:fail,log.reserve:%d:fail"):format(n, n + 1) })
      if r.out == "false\ttrue\n" and n == 1 then return pending("the program has no fault points (a release)") end
      assert.are.equal("true\ttrue\n", r.out, r.err)
      assert.is_truthy(r.err:find(r.name .. ":3: put: no space is left", 1, true), r.err)
    end
  end)
end)

describe("a queue for want of memory", function()
  it("raises, loses nothing and goes on, whichever allocation fails (fault 32)", function()
    local script = require "support.script"
    local failures = 0
    for n = 1, 12 do
      local r = script.run([[
        local q, failed = queue(), 0
        local function try(fn, ...)
          while true do
            local r = table.pack(pcall(fn, ...))
            if r[1] then return table.unpack(r, 2, r.n) end
            assert(tostring(r[2]):find("not enough memory", 1, true), r[2])
            failed = failed + 1
            assert(failed < 10)
          end
        end
        for i = 1, 10 do try(q.put, q, { i, ("x"):rep(i * i * 2000) }) end
        assert(#q == 10)
        assert(try(q.peek, q)[1] == 1)
        for i = 1, 10 do
          local v = try(q.get, q, 5)
          assert(v[1] == i and #v[2] == i * i * 2000)
        end
        assert(q:empty())
        local p = spawn(function() return ("r"):rep(300000) end)
        assert(#try(p.result, p) == 300000)
        print(failed)
      ]], { env = ("SANDBOX_FAULT=buf.alloc@1:%d:fail"):format(n) })
      assert.are.same({ "", 0 }, { r.err, r.status }, "allocation " .. n)
      failures = failures + tonumber(r.out)
    end
    if failures == 0 then pending("the program has no fault points (a release)") end
  end)
end)
