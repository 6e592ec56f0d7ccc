-- sandbox.select: waiting for several things, and doing exactly one of them.
local rounds = require "support.rounds"
local script = require "support.script"
local T = 20

local function fails(text, ...)
  local packed = table.pack(...)
  local ok, e = pcall(function() sandbox.select(table.unpack(packed, 1, packed.n)) end)
  assert.is_false(ok)
  assert.is_truthy(e:find("select_spec.lua:", 1, true), e)
  assert.is_truthy(e:find(text, 1, true), e)
end

describe("select", function()
  it("takes from the queue that has something, and gives what get would", function()
    for _, transport in ipairs { "auto", "pipe", "shm" } do
      local a, b = queue { transport = transport }, queue { transport = transport }
      for _, item in ipairs { false, 0, "", { 1 }, ("x"):rep(5000) } do
        b:put(item)
        assert.are.same({ 2, item }, { sandbox.select { a, b } })
      end
      a:put(1)
      assert.are.same({ 1, 1 }, { sandbox.select { a, b } })
      assert.are.same({ 0, 0 }, { #a, #b })
      b:put("last")
      b:close()
      assert.are.same({ 2, "last" }, { sandbox.select { a, b } })
      assert.are.same({ 2, nil, "closed", n = 3 }, table.pack(sandbox.select { a, b }))
    end
  end)

  it("times out, and does nothing then", function()
    local a, full = queue(), queue(1)
    full:put(1)
    for _, timeout in ipairs { 0, 0.02 } do
      assert.are.same({ nil, "timeout" }, { sandbox.select({ a, full:putting(2) }, timeout) })
    end
    assert.are.same({ 0, 1 }, { #a, #full })
  end)

  it("puts where there is room: one of them, once", function()
    local full, free = queue(1), queue(1)
    full:put("x")
    assert.are.same({ 2, true }, { sandbox.select { full:putting("y"), free:putting("y") } })
    assert.are.same({ "x", "y" }, { full:get(0), free:get(0) })
    local entry = free:putting { 1, 2 } -- may be used again
    for _ = 1, 3 do
      assert.are.same({ 1, true }, { sandbox.select { entry } })
      assert.are.same({ 1, 2 }, free:get(0))
    end
    local q = queue(1)
    q:put("old")
    assert.are.same({ 1, "old" }, { sandbox.select { q, q:putting("new") } })
    assert.are.same({ 2, true }, { sandbox.select { queue(), q:putting("new") } })
  end)

  it("items of several sizes, of which one is put, with handles in them", function()
    for round in rounds(60) do
      local a, b, inner = queue(1), queue(1), queue()
      local big = ("b"):rep(round * 300)
      local i = sandbox.select { a:putting { inner, big }, b:putting { big, inner } }
      local t = i == 1 and a:get(0) or b:get(0)
      assert.are.equal(big, t[3 - i])
      assert.is_true(rawequal(inner, t[i]))
      assert.are.same({ 0, 0 }, { #a, #b })
    end
  end)

  it("joins processes: results, failures, death", function()
    local never = queue()
    local idle = spawn({ daemon = true }, function() never:get() end)
    local p = spawn(function() return nil, 2, nil end)
    assert.are.same({ 2, true, nil, 2, nil, n = 5 }, table.pack(sandbox.select { idle, p }))
    local bad = spawn({ quiet = true, name = "bad" }, function() error { code = 5 } end)
    local i, ok, failure = sandbox.select { bad, idle }
    assert.are.same({ 1, nil, 5, "bad" }, { i, ok, failure.value.code, failure.name })
    idle:kill()
    i, ok, failure = sandbox.select({ never, idle }, T)
    assert.are.same({ 2, nil, 9 }, { i, ok, failure.signal })
    i, ok, failure = sandbox.select { idle } -- and again
    assert.are.same({ 1, nil, 9 }, { i, ok, failure.signal })
  end)

  it("joins processes that somebody else spawned", function()
    for round in rounds(30) do
      local box, gate = queue(), queue()
      local middle = spawn(function()
        local p = spawn(function() gate:get(T) return round end)
        box:put(p)
        p:join(T)
      end)
      local p = box:get(T)
      assert.are.same({ nil, "timeout" }, { sandbox.select({ p, middle }, 0) })
      gate:put(1)
      assert.are.same({ 1, true, round }, { sandbox.select({ p, queue() }, T) })
      assert.is_true(middle:join(T))
    end
  end)

  it("waits for time", function()
    local q = queue()
    local from = sandbox.now()
    assert.are.same({ 2, true }, { sandbox.select { q, sandbox.after(0.03) } })
    assert.is_true(sandbox.now() - from >= 0.03)
    local limit = sandbox.after(0.05) -- of a whole loop
    local n = 0
    repeat
      local i = sandbox.select { sandbox.after(0.01), limit, ordered = true }
      n = n + 1
    until i == 2
    assert.is_true(n >= 2 and n <= 6, n)
    assert.are.same({ 1, true }, { sandbox.select { limit } })
    assert.are.same({ 1, true }, { sandbox.select { sandbox.after(0) } })
    q:put(1)
    assert.are.same({ 1, 1 }, { sandbox.select { q, sandbox.after(math.huge) } })
  end)

  it("the same queue twice: one item is taken", function()
    local q = queue()
    for k = 1, 100 do
      q:put(k)
      q:put(-k)
      local i, v = sandbox.select { q, q, q }
      assert.is_true(i >= 1 and i <= 3)
      assert.are.same({ k, -k }, { v, q:get(0) })
      assert.are.equal(0, #q)
    end
  end)

  it("is fair among those that are ready; ordered takes the first", function()
    local list, count = {}, {}
    for i = 1, 5 do
      list[i], count[i] = queue(), 0
      if i ~= 2 then for k = 1, 4000 do list[i]:put(k) end end
    end
    for _ = 1, 4000 do
      local i = sandbox.select(list)
      count[i] = count[i] + 1
    end
    assert.are.equal(0, count[2])
    for _, i in ipairs { 1, 3, 4, 5 } do assert.is_true(count[i] > 800 and count[i] < 1200, count[i]) end
    list.ordered = true
    local left = #list[1]
    for _ = 1, left do assert.are.equal(1, (sandbox.select(list))) end
    assert.are.equal(3, (sandbox.select(list)))
  end)

  it("two processes do not draw the same lots", function()
    local function draw()
      local a, b, s = queue(), queue(), ""
      for _ = 1, 64 do a:put(1) b:put(1) end
      for _ = 1, 64 do s = s .. sandbox.select { a, b } end
      return s
    end
    local p, q = spawn(draw), spawn(draw)
    assert.are_not.equal(p:result(T), q:result(T))
  end)

  it("refuses what makes no sense, at the caller's line, with the entry's number", function()
    local q = queue()
    fails("list of what to wait for expected", nil)
    fails("list of what to wait for expected", q)
    fails("there is nothing to wait for: the list is empty", {})
    fails("entry 2: entries are numbered from 1, without a gap", { [2] = sandbox.after(0) })
    fails("entry 0: entries are numbered from 1, without a gap", { [0] = sandbox.after(0) })
    fails("entry 2: nil cannot be waited for", setmetatable({ q }, { __len = function() return 2 end }))
    fails("entry 2: 5 cannot be waited for", { q, 5 })
    fails("entry 1: a table cannot be waited for", { {} })
    fails("entry 1: a FILE* cannot be waited for", { io.stdout })
    fails("the only option of a list is ordered", { q, order = true })
    fails("ordered must be true or false", { q, ordered = 1 })
    fails("entry 2: the process was not started", { q, sandbox.process { target = print } })
    fails("a process cannot join itself", { sandbox.self() })
    fails("a timeout cannot be negative", { q }, -1)
    fails("item[1]: a coroutine cannot be sent", { q:putting { coroutine.create(print) } })
    assert.has_error(function() q:putting(nil) end)
    assert.has_error(function() sandbox.after(-1) end)
    assert.has_error(function() sandbox.after() end)
    q:close()
    fails("entry 1: put on a closed queue", { q:putting(1) })
    assert.are.equal(0, #q)
  end)

  it("wakes whatever comes first (200 rounds)", function()
    local a, b, full, go = queue(), queue { transport = "shm" }, queue(1), queue()
    local helper = spawn(function()
      for what, n in function() local t = go:get() return t[1], t[2] end do
        if what == "a" then a:put(n)
        elseif what == "b" then b:put(n)
        elseif what == "room" then full:get()
        else return end
      end
    end)
    for n in rounds(200) do
      local kind = ({ "a", "b", "room" })[n % 3 + 1]
      if #full == 0 then full:put("x") end
      go:put { kind, n }
      local i, v = sandbox.select({ a, b, full:putting("y") }, T)
      if kind == "room" then assert.are.same({ 3, true }, { i, v })
      else assert.are.same({ kind == "a" and 1 or 2, n }, { i, v }) end
    end
    go:put { "end" }
    assert.is_true(helper:join(T))
  end)

  it("loses and doubles nothing when many select on the same queues", function()
    for _ in rounds(20) do
      local qs, done = { queue(), queue(2), queue { transport = "shm", max = 3 } }, queue()
      local takers, givers = {}, {}
      for t = 1, 3 do
        takers[t] = spawn(function()
          local open, n, sum = { qs[1], qs[2], qs[3] }, 0, 0
          while #open > 0 do
            local i, v = sandbox.select(open, T)
            assert(i, v)
            if v == nil then table.remove(open, i) else n, sum = n + 1, sum + v end
          end
          return n, sum
        end)
      end
      for g = 1, 2 do
        givers[g] = spawn(function()
          for v = 1, 100 do
            local x = g * 1000 + v
            assert(sandbox.select({ qs[1]:putting(x), qs[2]:putting(x), qs[3]:putting(x) }, T))
          end
          done:put(g)
        end)
      end
      done:get(T) done:get(T)
      for _, q in ipairs(qs) do q:close() end
      local n, sum = 0, 0
      for _, p in ipairs(takers) do
        local k, s = p:result(T)
        n, sum = n + k, sum + s
      end
      assert.are.same({ 200, 2 * 5050 + 100 * 3000 }, { n, sum })
      for _, p in ipairs(givers) do assert.is_true(p:join(T)) end
    end
  end)

  it("kills of those who select cost one item at most, and nobody hangs (60 rounds)", function()
    for round in rounds(60) do
      local a, b, out = queue(), queue(4), queue()
      local victims = {}
      for v = 1, 2 do
        victims[v] = spawn({ quiet = true, daemon = true }, function()
          while true do
            local _, x = sandbox.select { a, b }
            out:put(x)
          end
        end)
      end
      local n = 0
      for k = 1, 100 do
        assert(sandbox.select({ a:putting(k), b:putting(k) }, T))
        n = n + 1
        if k == round then victims[1]:kill() end
        if k == 70 then victims[2]:kill() victims[1]:join(T) victims[2]:join(T) break end
      end
      local seen, left = {}, 0
      for _, q in ipairs { out, a, b } do
        for x in function() return (q:try_get()) end do
          assert.is_nil(seen[x], "doubled")
          seen[x], left = true, left + 1
        end
      end
      assert.is_true(left >= n - 2 and left <= n, left .. " of " .. n)
    end
  end)

  it("many entries: more than fit on a stack", function()
    local list = {}
    for i = 1, 200 do list[i] = queue { transport = "shm" } end
    for k = 1, 50 do
      local i = k * 4
      local p = spawn(function() list[i]:put(k) end)
      assert.are.same({ i, k }, { sandbox.select(list, T) })
      p:join(T)
    end
  end)

  it("leaves no descriptors and no collector switched off", function()
    local q, full = queue(), queue(1)
    full:put(1)
    local p = spawn({ daemon = true }, sleep, 1000)
    local before = script.descriptors()
    for _ = 1, 300 do sandbox.select({ q, p, full:putting { q }, sandbox.after(1) }, 0.0001) end
    assert.are.equal(before, script.descriptors())
    assert.is_true(collectgarbage("isrunning"))
    collectgarbage() collectgarbage()
    local used = collectgarbage("count")
    for _ = 1, 2000 do sandbox.select({ q, full:putting(("x"):rep(1000)) }, 0) end
    collectgarbage() collectgarbage()
    assert.is_true(collectgarbage("count") < used + 200)
    p:kill()
  end)

  it("works when the process has no descriptor left for a pidfd", function()
    local r = script.run [[
      local gate = queue()
      local p = spawn(function() gate:get() return "ended" end)
      local open = {}
      while true do
        local f = io.open("/dev/null")
        if not f then break end
        open[#open + 1] = f
      end
      gate:put(1)
      print(sandbox.select({ p, sandbox.after(1000) }, 20))
    ]]
    assert.are.same({ "1\ttrue\tended\n", "" }, { r.out, r.err })
  end)

  it("is told in reports, with what it waits for; Ctrl-C ends it", function()
    local function told(r) return r.err:find("main in select (get, put, sleep) at " .. r.name .. ":3", 1, true) end
    local r = script.until_limit([[
      local q, full = queue(), queue(1)
      full:put(1)
      sandbox.select { q, full:putting(2), sandbox.after(1000), ordered = true }
    ]], 0.3, told)
    assert.is_truthy(told(r), r.err)
    r = script.run([[
      local super = io.open("/proc/self/stat"):read("a"):match("^.*%) %a (%d+)")
      spawn({ daemon = true }, function() sleep(0.2) os.execute("kill -INT " .. super) sleep(100) end)
      sandbox.select { queue() }
    ]])
    assert.are.equal(130, r.status, r.err)
    assert.is_truthy(r.err:find("main in select (get) at " .. r.name .. ":3", 1, true), r.err)
  end)

  it("uses no CPU while it waits", function()
    local q = queue()
    local p = spawn(function()
      local before = os.clock()
      sandbox.select({ q, sandbox.after(0.5) })
      return os.clock() - before
    end)
    assert.is_true(p:result(T) < 0.1)
  end)
end)
