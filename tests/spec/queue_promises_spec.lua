-- The five promises of a queue (docs: "what a script may rely on"), each on every transport. Every one of them fails in
-- Python's multiprocessing.
local rounds = require "support.rounds"
local T = 20

local function join(p)
  local ok, e = p:join(T)
  assert(ok, tostring(e))
end

for _, transport in ipairs { "auto", "pipe", "shm" } do
  local function make(max) return queue { transport = transport, max = max } end

  describe("promise 1 (" .. transport .. "): when put returns, the item is there for every process;", function()
    it("the putter's own counts are exact", function()
      local q = make(400)
      for i = 1, 400 do
        q:put(i % 3 == 0 and ("x"):rep(1000) or i)
        assert.are.equal(i, #q)
        assert.is_false(q:empty())
        assert.are.equal(i == 400, q:full())
      end
      for i = 399, 0, -1 do
        q:get(0)
        assert.are.equal(i, #q)
        assert.are.equal(i == 0, q:empty())
        assert.is_false(q:full())
      end
    end)

    it("another process sees it at once, too: 300 tries", function()
      local q, there, back = make(), queue(), queue()
      local other = spawn(function()
        for n in there:items() do back:put { n, #q, q:empty(), q:peek(), (q:get(0)) } end
      end)
      for n = 1, 300 do
        q:put(n)
        there:put(n)
        assert.are.same({ n, 1, false, n, n }, back:get(T))
        assert.is_true(q:empty())
      end
      there:close()
      join(other)
    end)

    it("a queue that a get has emptied is empty, and takes a put, at once", function()
      local q, there, back = make(1), queue(), queue()
      local other = spawn(function() for n in there:items() do back:put(q:put(n, 0) or "refused") end end)
      for n = 1, 100 do
        there:put(n)
        assert.is_true(back:get(T))
        there:put(n)
        assert.are.equal("refused", back:get(T))
        assert.are.equal(n, q:get(0))
        assert.are.equal(0, #q)
      end
      there:close()
      join(other)
    end)
  end)

  describe("promise 2 (" .. transport .. "): a writer may put any amount and be joined before any read;", function()
    it("100,000 puts, exit, join, then read: all, in order (fault 7)", function()
      local q = make()
      local p = spawn(function() for i = 1, 100000 do q:put(i) end end)
      join(p)
      assert.are.equal(100000, #q)
      for i = 1, 100000 do if q:get(0) ~= i then error("item " .. i .. " is wrong") end end
      assert.are.same({ nil, "timeout" }, { q:get(0) })
    end)

    it("64 MB in large items, and a full pipe with a late reader does not hang (fault 9)", function()
      local q = make()
      join(spawn(function() for i = 1, 16 do q:put(string.char(64 + i):rep(4 << 20)) end end))
      assert.are.equal(16, #q)
      local reader = spawn(function()
        for i = 1, 16 do
          local v = q:get(T)
          if #v ~= 4 << 20 or v:byte(1) ~= 64 + i or v:byte(-1) ~= 64 + i then return false end
        end
        return true
      end)
      assert.is_true(reader:result(T))
    end)

    it("two writers that ended, a reader that starts later", function()
      local q = make()
      for id = 1, 2 do join(spawn(function() for i = 1, 2000 do q:put(id * 10000 + i) end end)) end
      local n = spawn(function()
        for id = 1, 2 do for i = 1, 2000 do if q:get(0) ~= id * 10000 + i then return id, i end end end
        return "all"
      end):result(T)
      assert.are.equal("all", n)
    end)
  end)

  -- Promise 3 at any instruction is the work of tests/fault and kill_spec.lua; here its plain cases.
  describe("promise 3 (" .. transport .. "): kill any process,", function()
    it("a blocked reader: the others still get everything (fault 5)", function()
      local q, ready = make(), queue()
      for _ in rounds(10) do
        local victims = {}
        for i = 1, 3 do
          victims[i] = spawn({ quiet = true }, function() ready:put(1) q:get() end)
        end
        local survivor = spawn(function() ready:put(1) return q:get(T) end)
        for _ = 1, 4 do assert(ready:get(T)) end
        for i = 1, 3 do victims[i]:kill() end
        for i = 1, 3 do victims[i]:join(T) end
        q:put("for the survivor")
        assert.are.equal("for the survivor", survivor:result(T))
        assert.are.equal(0, #q)
      end
    end)

    it("a blocked writer: at most its own item is missing, and nobody hangs", function()
      local q, ready = make(1), queue()
      for round in rounds(10) do
        q:put("first")
        local victim = spawn({ quiet = true }, function() ready:put(1) q:put("victim") end)
        local other = spawn(function() ready:put(1) q:put("other") end)
        for _ = 1, 2 do assert(ready:get(T)) end
        victim:kill()
        victim:join(T)
        local got = { q:get(T), q:get(T) }
        join(other)
        got[3] = q:try_get() -- the victim's? It cannot be: the queue was full
        assert.are.same({ "first", "other" }, got, "round " .. round)
        assert.are.equal(0, #q)
      end
    end)
  end)

  describe("promise 4 (" .. transport .. "): a value that cannot be sent is an error in put", function()
    it("at the caller's line, with the path, and nothing was put", function()
      local q = make()
      local item = { name = "x", handlers = { print, print, coroutine.create(print) } }
      local ok, e = pcall(function() q:put(item) end)
      assert.is_false(ok)
      assert.are.equal(0, #q)
      local line = debug.getinfo(1, "l").currentline - 3
      assert.is_truthy(e:find("item.handlers[3]: a coroutine cannot be sent", 1, true), e)
      assert.are.equal(("queue_promises_spec.lua:%d: "):format(line), e:match("[^/]*%.lua:%d+: "), e)
      q:put("the next")
      assert.are.equal("the next", q:get(0))
    end)

    it("for each kind of it", function()
      local q = make()
      local co = coroutine.create(print)
      local file <close> = assert(io.open("/dev/null"))
      for _, value in ipairs {
        co, file, { [co] = 1 }, function() return co end, setmetatable({}, { co }), { { { file } } },
        coroutine.wrap(print),
      } do
        assert.is_false(pcall(q.put, q, value))
        assert.is_false(pcall(q.put, q, value, 0))
      end
      assert.are.equal(0, #q)
    end)
  end)

  describe("promise 5 (" .. transport .. "): close ends the stream;", function()
    it("readers drain it, then get nil, closed", function()
      local q = make()
      local readers = {}
      for i = 1, 3 do
        readers[i] = spawn(function()
          local sum = 0
          while true do
            local v, why = q:get(T)
            if v == nil then return sum, why end
            sum = sum + v
          end
        end)
      end
      for i = 1, 500 do q:put(i) end
      q:close()
      local sum = 0
      for i = 1, 3 do
        local ok, part, why = readers[i]:join(T)
        assert.is_true(ok)
        assert.are.equal("closed", why)
        sum = sum + part
      end
      assert.are.equal(500 * 501 // 2, sum)
      assert.are.same({ nil, "closed" }, { q:get() })
    end)

    it("it is not closed by an end of its writers or readers", function()
      local q = make()
      join(spawn(function() q:put(1) end))
      join(spawn(function() return q:get(0) end))
      assert.is_false(q:closed())
      q:put(2)
      assert.are.equal(2, q:get(0))
    end)
  end)
end
