-- Random SIGKILL and SIGSTOP of those who use a pipe, wait for the tasks of a queue, or work for a pool: 200 rounds of each.
-- (Locks, semaphores, events, conditions, barriers, values, dicts, select: test_sync_kill.c. Queues: test_queue_kill.c.)
local T = 30
local ROUNDS = require "support.rounds".count((os.getenv("SANDBOX_SANITIZED") or "") == "" and 200 or 40)
local sleep, sandbox, math = sleep, sandbox, math -- functions that travel take no globals along

local function start(f, ...) return spawn({ quiet = true, daemon = true }, f, ...) end

-- Kill, or stop and let go on, one of the processes; returns it if it was killed.
local function hit(list)
  local i = math.random(#list)
  if math.random(3) > 1 then
    list[i]:kill()
    return table.remove(list, i)
  end
  list[i]:pause()
  sleep(math.random() * 0.002)
  list[i]:resume()
end

local function end_all(list)
  for _, p in ipairs(list) do p:kill() end
  for _, p in ipairs(list) do p:join(T) end
end

local function ahead() sleep(math.random() * 0.002) end

describe("killed and stopped at random,", function()
  it("those who answer on a pipe lose at most what they had in hand, one each", function()
    local lost = 0
    local a, b = sandbox.pipe()
    local function answer()
      while true do
        local v = b:recv()
        b:send { v[1], v[2] }
      end
    end
    local workers, last, deaths = { start(answer), start(answer), start(answer) }, 0, 0
    local open, since = {}, 0
    for round = 1, ROUNDS do
      for i = last + 1, last + 5 do
        a:send { i, ("x"):rep(i % 7 == 0 and 5000 or i % 50) }
        open[i] = true
        since = since + 1
      end
      last = last + 5
      ahead()
      if hit(workers) then
        deaths = deaths + 1
        workers[3] = start(answer)
      end
      if round % 10 == 0 or round == ROUNDS then -- what is not answered now is not going to be
        for _ = 1, since - deaths do
          local v = assert(a:recv(T), "an answer is missing")
          assert.is_true(open[v[1]], "answered twice")
          assert.are.equal(#v[2], v[1] % 7 == 0 and 5000 or v[1] % 50)
          open[v[1]] = nil
        end
        for v in function() return (a:recv(0.02)) end do open[v[1]] = nil end
        for _ in pairs(open) do lost = lost + 1 end
        assert.is_true(lost <= deaths, lost)
        open, since, deaths, lost = {}, 0, 0, 0
      end
    end
    end_all(workers)
  end)

  it("those who wait for all ends of a pipe to go learn it when the last one dies", function()
    for _ = 1, ROUNDS // 4 do
      local a
      local waiting = queue()
      local list = {}
      do
        local mine, b = sandbox.pipe()
        a = mine
        for i = 1, 3 do list[i] = start(function() waiting:put(i) b:recv() end) end
      end
      collectgarbage() -- the other end is theirs alone
      for _ = 1, 3 do waiting:get(T) end
      while #list > 0 do hit(list) end
      assert.are.same({ nil, "closed" }, { a:recv(T) })
    end
  end)

  it("workers and joiners of a queue's tasks: the others' join is true when all is done, and not before", function()
    for _ = 1, ROUNDS do
      local q, done = queue(), sandbox.value(0)
      local function work()
        for x in q:items() do
          if x then done:add(1) end
          q:task_done()
        end
      end
      local workers, joiners = { start(work), start(work) }, {}
      for i = 1, 30 do q:put(i) end
      q:close()
      for j = 1, 3 do joiners[j] = start(function() return q:join(), done:get() end) end
      ahead()
      local killed = hit(workers)
      hit(joiners)
      if killed then killed:join(T) end
      for _, w in ipairs(workers) do assert.is_true(w:join(T)) end
      local open = 0 -- what was in the victim's hands
      while pcall(q.task_done, q) do open = open + 1 end
      assert.is_true(open <= (killed and 1 or 0), open)
      assert.is_true(q:join(T))
      for _, j in ipairs(joiners) do
        local ok, joined, n = j:join(T)
        assert.is_true(ok and joined, tostring(joined))
        assert.is_true(n >= (killed and 29 or 30), n)
      end
    end
  end)

  it("workers of a pool: a map gives every result, in order; without retries it may name the item instead", function()
    local list, expected, given, named = {}, {}, 0, 0
    for i = 1, 60 do list[i], expected[i] = i, i * i end
    local function square(x)
      for _ = 1, 500 do end
      return x * x
    end
    local patient <close> = sandbox.pool { workers = 3, retries = 20, name = "patient" }
    local plain <close> = sandbox.pool { workers = 3, name = "plain" }
    local victims = sandbox.value(0)
    local killer <close> = sandbox.scope() -- its process ends with the block
    local orders = queue()
    local _ <close> = setmetatable({}, { __close = function() orders:close() end }) -- also when an assertion fails
    killer:spawn(function()
      for p in orders:items() do
        ahead()
        if victims:add(1) % 3 == 0 then
          p:pause()
          sleep(0.001)
          p:resume()
        else
          p:kill()
        end
      end
    end)
    for round = 1, ROUNDS do
      local pool = round % 2 == 0 and patient or plain
      local workers = {}
      for _, p in ipairs(sandbox.children()) do
        if p.name == (pool == patient and "patient" or "plain") then workers[#workers + 1] = p end
      end
      -- The killer is behind: all of a pool's workers may be dead since its last map; this one replaces them.
      if #workers > 0 then orders:put(workers[math.random(#workers)]) end
      local ok, result = pcall(pool.map, pool, square, list, round % 3 == 0 and 7 or nil)
      if ok then
        assert.are.same(expected, result)
        given = given + 1
      else
        assert.are.equal(plain, pool)
        assert.are.equal(9, result.signal)
        assert.is_truthy(result.index)
        named = named + 1
      end
    end
    assert.is_true(given >= ROUNDS // 2 and given + named == ROUNDS)
  end)
end)
