-- queue(0): a queue without room, where a put meets its get.
local rounds = require "support.rounds"
local script = require "support.script"
local sync = require "support.sync"
local raises, results, limit, await = sync.raises, sync.results, sync.limit, sync.await

-- A process that takes the next item, and waits in get before this returns.
local function reader(q)
  local p = spawn(function() return q:get() end)
  await(function() return (q:try_put "probe") end)
  return p
end

describe("a queue without room", function()
  it("is made by queue(0) and by queue{max=0}", function()
    for _, q in ipairs { queue(0), queue { max = 0, name = "door" }, queue { max = 0, transport = "pipe" } } do
      assert.are.equal(0, #q)
      assert.is_true(q:full())
      assert.is_true(q:empty())
      assert.is_truthy(tostring(q):find("%(0 of 0 items%)$"), tostring(q))
      assert.are.same({ nil, "timeout" }, { q:put(1, 0) })
      assert.are.same({ nil, "timeout" }, { q:put(1, 0.01) })
      assert.are.same({ nil, "timeout" }, { q:get(0) })
      assert.are.same({ nil, "timeout" }, { q:get(0.01) })
    end
    raises("max must be a whole number of items, 0 or more, not -1", function() queue(-1) end)
  end)

  it("lets put return when a reader has the item", function()
    for _ in rounds(50) do
      local q, before = queue(0), sandbox.value(false)
      local p = spawn(function()
        q:put { 7 }
        return before:get()
      end)
      sleep(0)
      assert.are.equal(0, #q)
      before:set(true)
      assert.are.same({ 7 }, q:get())
      assert.is_true(results(p))
    end
  end)

  it("gives each item to one reader, in the order of each putter", function()
    local q, out, ps = queue(0), queue(), {}
    for i = 1, 3 do ps[i] = spawn(function() for k = 1, 300 do q:put { i, k } end end) end
    for i = 4, 6 do
      ps[i] = spawn(function()
        local last = { 0, 0, 0 }
        for v in q:items() do
          assert(v[2] > last[v[1]])
          last[v[1]] = v[2]
          out:put(v[1] * 1000 + v[2])
        end
      end)
    end
    for i = 1, 3 do results(ps[i]) end
    q:close()
    for i = 4, 6 do results(ps[i]) end
    local seen = {}
    while #out > 0 do
      local v = out:get()
      assert.is_nil(seen[v])
      seen[v] = true
    end
    for i = 1, 3 do for k = 1, 300 do assert.is_true(seen[i * 1000 + k]) end end
  end)

  it("takes an item back when the time is up: it is taken or withdrawn, never both", function()
    local q, n = queue(0), 400
    local p = spawn(function()
      local taken = {}
      for i = 1, n do
        if q:put(i, 0.0005 * math.random()) then taken[#taken + 1] = i end
      end
      q:close()
      return taken
    end)
    local got = {}
    while true do
      local v, why = q:get(0.0005 * math.random())
      if why == "closed" then break end
      got[#got + 1] = v
    end
    assert.are.same(results(p), got)
  end)

  it("does not deliver a withdrawn item, nor count it for join", function()
    local q = queue(0)
    for _ = 1, 3 do assert.are.same({ nil, "timeout" }, { q:put({ queue(), "late" }, 0.001) }) end
    assert.are.same({ nil, "timeout" }, { q:get(0) })
    assert.are.same({ nil, "empty" }, { q:peek() })
    assert.is_true(q:join(limit))
    local p = spawn(function() q:put "new" end)
    assert.are.equal("new", q:get())
    assert.are.same({ nil, "timeout" }, { q:join(0) })
    q:task_done()
    assert.is_true(q:join(limit))
    results(p)
  end)

  it("try_put succeeds only if a reader waits", function()
    local q = queue(0)
    assert.are.same({ nil, "timeout" }, { q:try_put(1) })
    for _ in rounds(20) do
      local p = reader(q)
      assert.are.equal("probe", results(p))
      assert.are.same({ nil, "timeout" }, { q:try_put(2) })
    end
    local p = spawn(function() return sandbox.select { q, sandbox.after(limit) } end)
    await(function() return (q:try_put(3)) end)
    assert.are.same({ 1, 3 }, { results(p) })
  end)

  it("carries large items and handles", function()
    local q, big = queue(0), ("x"):rep(300000)
    local p = spawn(function()
      local inner = queue(0)
      q:put(big)
      q:put(inner)
      return inner:get()
    end)
    assert.are.equal(big, q:get())
    q:get():put(5)
    assert.are.equal(5, results(p))
  end)

  it("peek shows what is on offer", function()
    local q = queue(0)
    local p = spawn(function() return q:put "here" end)
    await(function() return q:peek() == "here" end)
    assert.are.equal(0, #q)
    assert.are.equal("here", q:get())
    assert.is_true(results(p))
  end)
end)

describe("close of a queue without room", function()
  it("is an error of those that wait in put, and ends readers", function()
    for _ in rounds(20) do
      local q, ps = queue(0), {}
      for i = 1, 3 do ps[i] = spawn({ quiet = true }, function() q:put(i) end) end
      await(function() return (q:peek()) ~= nil end)
      q:close()
      for i = 1, 3 do
        local ok, failure = ps[i]:join(limit)
        assert.is_nil(ok)
        assert.is_truthy(tostring(failure):find("put on a closed queue", 1, true), tostring(failure))
      end
      assert.are.same({ nil, "closed" }, { q:get() })
      raises("put on a closed queue", function() q:put(1) end)
      raises("put on a closed queue", function() q:try_put(1) end)
    end
    local q = queue(0)
    local p = spawn(function() return q:get() end)
    local s = spawn(function() return sandbox.select { q } end)
    q:close()
    assert.are.same({ nil, "closed" }, { results(p) })
    assert.are.same({ 1, nil, "closed" }, { results(s) })
  end)
end)

describe("select over queues without room", function()
  it("puts when a reader comes", function()
    for _ in rounds(20) do
      local q, other = queue(0), queue()
      assert.are.same({ nil, "timeout" }, { sandbox.select({ q:putting(1), other }, 0.001) })
      local p = spawn(function() return sandbox.select { q:putting "v", other } end)
      assert.are.equal("v", q:get())
      assert.are.same({ 1, true }, { results(p) })
    end
  end)

  it("does something else, and leaves nothing behind", function()
    for _ in rounds(20) do
      local q, other = queue(0), queue()
      local p = spawn(function() return sandbox.select { q:putting "v", other } end)
      other:put "o"
      assert.are.same({ 2, "o" }, { results(p) })
      assert.are.same({ nil, "timeout" }, { q:get(0) })
    end
  end)

  it("meets a select of the other side, each item once", function()
    for _ in rounds(30) do
      local a, b = queue(0), queue(0)
      local function side(one, two, mine)
        return function()
          local i, v = sandbox.select { one:putting(mine), two }
          return i, v
        end
      end
      local p, q = spawn(side(a, b, "p")), spawn(side(b, a, "q"))
      local i, v = results(p)
      local j, w = results(q)
      assert.are.equal(3, i + j)
      if i == 1 then assert.are.same({ true, "p" }, { v, w }) else assert.are.same({ "q", true }, { v, w }) end
    end
  end)

  it("with several puts does one of them", function()
    local a, b = queue(0), queue(0)
    local p = spawn(function()
      local n = { 0, 0 }
      for k = 1, 200 do
        local i = sandbox.select { a:putting(k), b:putting(k) }
        n[i] = n[i] + 1
      end
      a:close() b:close()
      return n[1], n[2]
    end)
    local function count(q) return spawn(function() local n = 0 for _ in q:items() do n = n + 1 end return n end) end
    local x, y = count(a), count(b)
    local i, j = results(p)
    assert.are.same({ i, j, 200 }, { results(x), (results(y)), i + j })
  end)

  it("raises when it is closed, and times out", function()
    local q = queue(0)
    local p = spawn({ quiet = true }, function() sandbox.select { q:putting(1) } end)
    q:close()
    local ok, failure = p:join(limit)
    assert.is_nil(ok)
    assert.is_truthy(tostring(failure):find("put on a closed queue", 1, true))
  end)
end)

describe("the death of a process at a queue without room", function()
  it("leaves the item of a putter to the next reader", function()
    for _ in rounds(10) do
      local q = queue(0)
      local p = spawn({ quiet = true }, function() q:put "orphan" end)
      await(function() return q:peek() == "orphan" end)
      sync.kill(p)
      local other = spawn(function() return q:put "second" end)
      assert.are.equal("orphan", q:get())
      assert.are.equal("second", q:get())
      assert.is_true(results(other))
    end
  end)

  it("of a reader in get lets no putter wait for it", function()
    for _ in rounds(10) do
      local q = queue(0)
      local p = spawn({ quiet = true }, function() q:get() q:get() end)
      await(function() return (q:try_put(1)) end)
      sync.kill(p)
      assert.are.same({ nil, "timeout" }, { q:try_put(2) })
      local r = spawn(function() return q:get() end)
      q:put(3)
      assert.are.equal(3, results(r))
    end
  end)

  it("does not hang a try_put whose reader is stopped", function()
    local q = queue(0)
    local p = spawn(function() return q:get(), q:get() end)
    await(function() return (q:try_put(1)) end)
    p:pause()
    await(function() return p:status() == "stopped" end)
    local t = spawn(function() return q:put(2, 0.05) end)
    assert.are.same({ nil, "timeout" }, { results(t) })
    p:resume()
    q:put(3)
    assert.are.same({ 1, 3 }, { results(p) })
  end)
end)

describe("a deadlock at a queue without room", function()
  local function told(text)
    local r = script.run(text)
    assert.are.equal(4, r.status, r.err)
    return (r.err:gsub(r.name:gsub("%W", "%%%0"), "x.lua"))
  end

  it("names putters and readers", function()
    local err = told [[
      local q, other = queue(0), queue(0)
      spawn({ name = "x" }, function(_) other:get() return q end)
      q:put(1)
    ]]
    assert.is_truthy(err:find("main waits in put at x.lua:3 for queue#1, which only x#2 can empty", 1, true), err)
    assert.is_truthy(err:find("x#2 waits in get at x.lua:2 for queue#2, which only main can fill", 1, true), err)
  end)

  it("sees a select that waits on both sides, which it cannot be itself", function()
    local err = told "local q = queue(0) sandbox.select { q, q:putting(1) }"
    assert.is_truthy(err:find("main waits in select at x.lua:1 for queue#1 or queue#1, and nobody else can help", 1, true), err)
    local r = script.run "local q = queue(0) local function both() print((sandbox.select { q, q:putting(1) })) end spawn(both) both()"
    assert.are.same({ 0, 4 }, { r.status, #r.out }, r.err)
  end)

  it("sees a select that nobody meets", function()
    local err = told "local q = queue(0) sandbox.select { q:putting(1) }"
    assert.is_truthy(err:find("main waits in select at x.lua:1 for queue#1", 1, true), err)
  end)
end)
