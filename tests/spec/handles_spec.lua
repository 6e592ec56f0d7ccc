-- Handles of queues and processes that travel: through queues, in results, to processes older than they are.
local script = require "support.script"
local T = 20

local function join(p)
  local ok, e = p:join(T)
  assert(ok, tostring(e))
end

local function collect() collectgarbage() collectgarbage() end

-- A process that was there before anything it will be told of: it calls what it gets with `in`, and answers.
local orders, answers, older

setup(function()
  orders, answers = queue(), queue()
  older = spawn(function()
    for order in orders:items() do answers:put(table.pack(pcall(order[1], table.unpack(order, 2)))) end
  end)
end)

teardown(function()
  orders:close()
  join(older)
end)

-- Call a function in the older process.
local function there(...)
  orders:put { ... }
  local r = assert(answers:get(T))
  if not r[1] then error(r[2], 0) end
  return table.unpack(r, 2, r.n)
end

describe("a queue", function()
  it("reaches a process that is older than it, on each transport", function()
    for _, transport in ipairs { "auto", "pipe", "shm" } do
      local q = queue { transport = transport, max = 5, name = "young" }
      q:put("old item")
      local n, item = there(function(x) local n = #x return n, x:get(0) end, q)
      assert.are.same({ 1, "old item" }, { n, item })
      there(function(x) for i = 1, 5 do x:put(("v"):rep(i * 1000)) end end, q)
      assert.is_true(q:full())
      assert.are.same({ nil, "timeout" }, { there(function(x) return x:try_put(1) end, q) })
      for i = 1, 5 do assert.are.equal(i * 1000, #q:get(0)) end
      there(function(x) x:close() end, q)
      assert.is_true(q:closed())
      assert.are.same({ nil, "closed" }, { q:get() })
    end
  end)

  it("is the same queue on both sides: equal, the same key, the same text", function()
    local q = queue { name = "same" }
    assert.are.equal(tostring(q), there(tostring, q))
    local back = there(function(x) return x end, q)
    assert.are.equal(q, back)
    assert.is_true(rawequal(q, back))
    assert.are.equal("found", ({ [q] = "found" })[back])
    local a, b = there(function(x, y) return x == y, x ~= y end, q, q)
    assert.are.same({ true, false }, { a, b })
    assert.is_false(there(function(x, y) return x == y end, q, queue()))
    assert.is_true(there(function(x) _G.kept = _G.kept or x return _G.kept == x end, q))
  end)

  it("wakes a reader in an older process, and is woken by it", function()
    local q, back = queue(), queue(1)
    orders:put { function(x, y) y:put(x:get(20)) return y:put("second") end, q, back }
    q:put("ping")
    assert.are.equal("ping", back:get(T))
    assert.are.equal("second", back:get(T))
    assert.is_true(assert(answers:get(T))[1])
  end)

  it("goes through itself, and through queues in queues in tables", function()
    local q = queue()
    q:put { q = q, list = { queue(), queue() } }
    local t = q:get(0)
    assert.is_true(rawequal(q, t.q))
    assert.are_not.equal(t.list[1], t.list[2])
    t.list[1]:put(t.list[2])
    t.list[2]:put("inside")
    assert.are.equal("inside", t.list[1]:get(0):get(0))
  end)

  it("lives on in a message after its maker has dropped it, and after its maker's death", function()
    local box = queue()
    box:put((function() local q = queue() q:put("kept") return q end)())
    collect()
    for _ = 1, 100 do queue() end
    collect()
    assert.are.equal("kept", box:get(0):get(0))

    join(spawn(function() local q = queue() q:put("from the dead") box:put(q) end))
    assert.are.equal("from the dead", box:get(0):get(0))
    local killed = spawn({ quiet = true }, function()
      local q = queue()
      q:put("from the killed")
      box:put(q)
      sleep(100)
    end)
    local q = box:get(T)
    killed:kill()
    killed:join(T)
    assert.are.equal("from the killed", q:get(0))
  end)

  it("comes in a result, also of a child's child", function()
    local q = spawn(function()
      return spawn(function() local q = queue() q:put("deep") return { q } end):result()
    end):result(T)[1]
    assert.are.equal("deep", q:get(0))
    q:put(1)
    assert.are.equal(1, #q)
  end)

  it("comes in an error object", function()
    local _, e = spawn({ quiet = true }, function() local q = queue() q:put("why") error { q = q } end):join(T)
    assert.are.equal("why", e.value.q:get(0))
  end)

  it("is peeked at without being lost", function()
    local box = queue()
    local q = queue()
    q:put("x")
    box:put(q)
    q = nil
    for _ = 1, 5 do assert.are.equal(1, #box:peek()) collect() end
    assert.are.equal("x", box:get(0):get(0))
  end)

  it("goes to many older processes at a time", function()
    local boxes, readers, out = {}, {}, queue()
    for i = 1, 6 do
      boxes[i] = queue()
      readers[i] = spawn(function()
        local q = boxes[i]:get(T)
        local sum = 0
        for v in q:items() do sum = sum + v end
        out:put(sum)
      end)
    end
    local q = queue()
    for i = 1, 6 do boxes[i]:put(q) end
    for i = 1, 600 do q:put(i) end
    q:close()
    local sum = 0
    for _ = 1, 6 do sum = sum + out:get(T) end
    assert.are.equal(600 * 601 // 2, sum)
    for i = 1, 6 do join(readers[i]) end
  end)
end)

describe("a process handle", function()
  it("can be joined by a process that is older (fault 26)", function()
    local go = queue()
    local p = spawn({ name = "joined" }, function() return "result of " .. go:get(T) end)
    local name, status = there(function(x) return x.name, x:status() end, p)
    assert.are.same({ "joined", "running" }, { name, status })
    orders:put { function(x) return x:join(T) end, p }
    go:put("p")
    local r = assert(answers:get(T))
    assert.are.same({ true, true, "result of p" }, { table.unpack(r, 1, r.n) })
    assert.are.equal("result of p", p:result(T))
  end)

  it("has the same pid, id, name and text everywhere, also when the process is over", function()
    local p = spawn({ name = "over", quiet = true }, os.exit, 7)
    p:join(T)
    local pid, id, name, code, text = there(function(x) return x.pid, x.id, x.name, x.exitcode, tostring(x) end, p)
    assert.are.same({ p.pid, p.id, p.name, 7, tostring(p) }, { pid, id, name, code, text })
    assert.is_true(rawequal(p, there(function(x) return x end, p)))
  end)

  it("ends a process that is not one's own", function()
    local p = spawn({ quiet = true }, function() sleep(100) end)
    there(function(x) x:kill() end, p)
    assert.are.equal(9, select(2, p:join(T)).signal)
    assert.are.equal(9, there(function(x) return select(2, x:join(20)).signal end, p))
  end)

  it("of oneself and of one's parent travels, too", function()
    local p = spawn(function() return sandbox.self() end)
    assert.is_true(p:result(T) == p)
    local main = sandbox.self()
    assert.is_true(spawn(function() return sandbox.self() ~= main, main end):result(T))
    assert.are.equal(main.pid, there(function(x) return x.pid end, main))
  end)

  it("of an orphan whose spawner has gone tells how it ended", function()
    local box, go = queue(), queue()
    local spawner = spawn({ quiet = true }, function()
      box:put(spawn({ quiet = true }, function() go:get(T) return "orphan's result" end))
      sleep(100)
    end)
    local orphan = box:get(T)
    spawner:kill()
    spawner:join(T)
    assert.is_true(orphan:alive())
    go:put(1)
    assert.are.same({ true, "orphan's result" }, { orphan:join(T) })
    assert.are.equal("done", orphan:status())
  end)
end)

describe("descriptors", function()
  it("stay flat while thousands of queues are made and collected", function()
    collect()
    local before = script.descriptors()
    for i = 1, 3000 do
      local q = queue { transport = ({ "auto", "pipe", "shm" })[i % 3 + 1], max = i % 2 == 0 and 5 or nil }
      q:put(i)
      assert(q:get(0) == i)
    end
    collect()
    assert.are.equal(before, script.descriptors())
  end)

  it("stay flat while queues travel there and back", function()
    local count = function() collectgarbage() collectgarbage() return require("support.script").descriptors() end
    there(count)
    collect()
    local before, before_there = script.descriptors(), there(count)
    for i = 1, 500 do
      local q = queue()
      q:put(i)
      assert(there(function(x) return x:get(0) end, q) == i)
    end
    collect()
    assert.are.equal(before, script.descriptors())
    assert.are.equal(before_there, there(count))
  end)

  it("stay flat while children come and go, joined or not", function()
    collect()
    local before = script.descriptors()
    for i = 1, 150 do
      local p = spawn(function() return i end)
      if i % 2 == 0 then assert(p:result(T) == i) end
      if i % 5 == 0 then spawn({ quiet = true }, function() sleep(100) end):kill() end
    end
    for _, p in ipairs(sandbox.children()) do if p ~= older then p:join(T) end end
    collect()
    assert.are.equal(before, script.descriptors())
  end)

  it("stay flat in the supervisor, too", function()
    local r = script.run([[
      local parent = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)")
      local function count()
        local n = 0
        for _ in require("lfs").dir("/proc/" .. parent .. "/fd") do n = n + 1 end
        return n
      end
      local box = queue()
      local function work(n)
        for i = 1, n do
          local q = queue()
          box:put(q)
          box:get()
          if i % 50 == 0 then collectgarbage() end
        end
        collectgarbage() collectgarbage()
        sleep(0.2)
      end
      work(100)
      local a = count()
      work(1500)
      local b = count()
      io.write(b <= a + 8 * 64 and "flat" or "grows: " .. a .. " " .. b)
      work(1500)
      io.write(count() <= a + 8 * 64 and " flat\n" or " grows\n")
    ]], { seconds = 40 })
    assert.are.equal("flat flat\n", r.out, r.err)
  end)

  it("of the parent's private files stay what they were in a child", function()
    local f <close> = assert(io.open("/proc/self/stat"))
    local fields = spawn(function() return f:read("a") end):result(T)
    assert.is_truthy(fields:find("^%d+ %("))
  end)
end)

describe("many queues at a time", function()
  it("2,000 alive, each works", function()
    local r = script.run([[
      local list = {}
      for i = 1, 2000 do list[i] = queue() list[i]:put(i) end
      local p = spawn(function() for i = 1, 2000 do assert(list[i]:get(0) == i) list[i]:put(-i) end end)
      assert(p:join())
      for i = 1, 2000 do assert(list[i]:get(0) == -i) end
      print "ok"
    ]], { seconds = 40 })
    if r.err:find("too many open files", 1, true) then return pending("the hard limit of descriptors is low") end
    assert.are.equal("ok\n", r.out, r.err)
  end)

  it("more than there are records for: an error, and room again after a collection", function()
    local r = script.run([[
      local list, e = {}
      for i = 1, 9000 do
        local ok, q = pcall(function() return (queue { transport = "shm" }) end)
        if not ok then e = q break end
        list[i] = q
      end
      io.stderr:write(tostring(e), "\n")
      local n = #list
      list = nil
      collectgarbage()
      local again = {}
      for i = 1, n do again[i] = queue { transport = "shm" } end
      print(n)
    ]], { seconds = 60 })
    assert.is_truthy(r.err:find(": queue: too many", 1, true), r.err)
    assert.is_truthy(tonumber(r.out), r.err)
  end)
end)
