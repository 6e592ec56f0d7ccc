-- Errors in tasks of pools are the script's own: what `__close` gets, the failure's value and its traceback.
local script = require "support.script"
local T = 20

local sandbox, queue, error, setmetatable, tostring, coroutine = sandbox, queue, error, setmetatable, tostring, coroutine

local function closer(q, action)
  return setmetatable({}, { __close = function(_, e)
    q:put(e == nil and sandbox.null or e)
    if action then action() end
  end })
end

-- Each way to run f(2) in a worker: returns the failure.
local ways = {}

function ways.submit(pool, f) return select(2, pool:submit(f, 2):join(T)) end

function ways.map(pool, f) return select(2, pcall(pool.map, pool, f, { 1, 2, 3 }, 1)) end

function ways.chunk(pool, f) return select(2, pcall(pool.map, pool, f, { 1, 2, 3 }, 3)) end

function ways.starmap(pool, f) return select(2, pcall(pool.starmap, pool, f, { { 1 }, { 2 }, { 3 } }, 3)) end

-- A chunk of more items than are done in one call.
function ways.batch(pool, f)
  local list = {}
  for i = 1, 300 do list[i] = i == 200 and 2 or 0 end
  local failure = select(2, pcall(pool.map, pool, f, list, 300))
  assert.are.equal(200, failure.index)
  return failure
end

function ways.imap(pool, f)
  local seen = 0
  local _, failure = pcall(function() for i in pool:imap(f, { 1, 2, 3 }, 3) do seen = i end end)
  assert.are.equal(1, seen)
  return failure
end

describe("an error in a task", function()
  for name, run in pairs(ways) do
    it("gives __close the value that was raised: " .. name, function()
      local pool <close> = sandbox.pool(1)
      for _, value in ipairs { "text", { code = 7 }, 42, false } do
        local q = queue()
        local failure = run(pool, function(x)
          if x ~= 2 then return x end
          local _ <close> = closer(q)
          error(value, 0)
        end)
        assert.are.same(value, q:get(0))
        assert.are.same(value, failure.value)
        assert.are.equal(0, #q)
      end
      local q = queue()
      run(pool, function(x) -- no handler sees it
        if x ~= 2 then return x end
        local _ <close> = closer(q)
        local function deep() return 1 + deep() end
        return deep()
      end)
      assert.is_truthy(q:get(0):find("stack overflow", 1, true))
    end)

    it("is replaced by one that __close raises; the item is the same: " .. name, function()
      local pool <close> = sandbox.pool(1)
      local q = queue()
      local failure = run(pool, function(x)
        if x ~= 2 then return x end
        local _ <close> = closer(q, function() error("second", 0) end)
        error("first", 0)
      end)
      assert.are.same({ "first", "second", "second" }, { q:get(0), failure.message, failure.value })
      assert.is_true(name == "submit" or failure.index == 2 or failure.index == 200)
      failure = run(pool, function(x)
        if x ~= 2 then return x end
        local _ <close> = closer(q, function() error("only", 0) end)
        return x
      end)
      assert.are.same({ sandbox.null, "only" }, { q:get(0), failure.message })
    end)

    it("has a traceback of the script's lines alone: " .. name, function()
      local pool <close> = sandbox.pool(1)
      local cases = {
        function(x) if x == 2 then error("plain") end end,
        function(x) if x == 2 then sandbox.scope({ on_error = "x" }) end end,
        function(x) if x == 2 then sandbox.join_all { 1 } end end,
        function(x)
          if x ~= 2 then return end
          local g <close> = sandbox.scope()
          g:spawn(1)
        end,
        function(x)
          if x ~= 2 then return end
          local inner <close> = sandbox.pool(1)
          inner:map(error, { "inner" })
        end,
        function(x) if x == 2 then coroutine.wrap(function() error("within") end)() end end,
      }
      for i, case in ipairs(cases) do
        local function outer(x) local y = case(x) return y end
        local failure = run(pool, outer)
        assert.is_nil(tostring(failure.message):find("[sandbox", 1, true), failure.message)
        assert.is_nil(failure.traceback:find("[sandbox", 1, true), failure.traceback)
        assert.is_truthy(failure.traceback:find("in upvalue 'case'", 1, true), i .. failure.traceback)
        assert.is_truthy(failure.traceback:find("task_error_spec.lua:%d+: in [^\n]*$"), i .. failure.traceback)
        assert.is_nil(failure.traceback:find("xpcall", 1, true), failure.traceback)
      end
    end)
  end

  it("in init, too", function()
    local q = queue()
    local pool = sandbox.pool { workers = 1, init = function()
      local _ <close> = closer(q)
      error({ code = 5 })
    end }
    local failure = select(2, pcall(pool.map, pool, tostring, { 1 }))
    assert.are.same({ { code = 5 }, { code = 5 } }, { q:get(0), failure.value })
  end)

  it("that a protected call of its own ends is over: the next one is told, and not it", function()
    local pool <close> = sandbox.pool(1)
    local failure = ways.chunk(pool, function(x)
      pcall(error, "caught")
      if x == 2 then error("told", 0) end
      return x
    end)
    assert.are.same({ "told", 2 }, { failure.message, failure.index })
  end)
end)

-- Where a process can be while it notes that a task has failed.
local POINTS = { "failure.claimed", "failure.reset", "failure.before-publish", "failure.published" }

describe("the record of a failure of a task", function()
  it("shifts no ids: identical runs, and those in which nothing fails, have the same", function()
    local text = [[
      local fails = %s
      local pool = sandbox.pool(2)
      local tasks = {}
      for i = 1, 20 do tasks[i] = pool:submit(function() if fails then error "no" end end) end
      for i = 1, 20 do assert(tasks[i]:join(20) == not fails or fails) end
      local p = spawn(function() end)
      p:join()
      print(p.id)
    ]]
    assert.are.equal("4\n", script.run(text:format "false").out)
    for _ = 1, 30 do assert.are.equal("4\n", script.run(text:format "true").out) end
  end)

  it("hides no deadlock", function()
    local r = script.run [[
      local pool = sandbox.pool(2)
      local tasks, q = {}, queue()
      for i = 1, 20 do tasks[i] = pool:submit(function() error "no" end) end
      q:get()
    ]]
    assert.are.equal(3, r.status, r.err) -- of failures that nobody joined
    assert.is_truthy(r.err:find("deadlock: nobody can ever go on\n  main waits in get ", 1, true), r.err)
  end)

  for _, point in ipairs(POINTS) do
    it("hides no deadlock if its worker was killed at " .. point, function()
      local r = script.run([[
        local pool = sandbox.pool(1)
        local q = queue()
        pool:submit(function() error "no" end):join(20)
        q:get()
      ]], { env = "SANDBOX_FAULT=" .. point .. "@2:1:kill" })
      assert.are.equal(4, r.status, r.err)
      assert.is_truthy(r.err:find("deadlock: nobody can ever go on\n  main waits in get ", 1, true), r.err)
    end)

    it("is no process to be told of when time is over, and its worker stands at " .. point, function()
      local r = script.run([[
        local pool = sandbox.pool(1)
        pool:submit(function() error "no" end):join(20)
      ]], { args = "--timeout 0.7", env = "SANDBOX_FAULT=" .. point .. "@2:1:stop" })
      assert.are.equal(124, r.status, r.err)
      local _, told = r.err:gsub("#%d+", "")
      assert.is_true(told <= 1, r.err)
    end)
  end
end)
