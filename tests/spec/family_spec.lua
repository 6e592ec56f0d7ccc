-- A scope and a pool end with all that their processes have spawned, and what that has spawned.
local rounds = require "support.rounds"
local script = require "support.script"
local T = 20

local sandbox, sleep, queue, spawn, error = sandbox, sleep, queue, spawn, error

-- A process that says its pid and those of a tree of processes below it, each with `width` children and `depth` levels.
local function tree(pids, depth, width)
  pids:put(sandbox.getpid())
  for _ = 1, depth > 0 and width or 0 do spawn({ quiet = true }, tree, pids, depth - 1, width) end
  sleep(1000)
end

local function take(pids, n)
  local list = {}
  for i = 1, n do list[i] = assert(pids:get(T)) end
  return list
end

local function all_gone(list)
  for _, pid in ipairs(list) do
    if script.alive(pid) then return false end
  end
  return true
end

describe("what the children of a scope have spawned", function()
  local ENDS = {
    ["an error in its block"] = function() error("left", 0) end,
    ["the failure of a child"] = function(g) g:spawn(error, "left", 0) end,
    ["a child that is killed"] = function(g) g:spawn(sleep, 1000):kill() end,
  }
  for how, finish in pairs(ENDS) do
    it("ends with it, by " .. how, function()
      local list
      local ok = pcall(function()
        local g <close> = sandbox.scope()
        local pids = queue()
        g:spawn(tree, pids, 2, 2)
        list = take(pids, 7)
        finish(g)
      end)
      assert.is_false(ok)
      assert.is_true(all_gone(list))
    end)
  end

  -- Three levels: `f` runs in the first one, with a function that spawns the second, which spawns the third.
  local function three_levels(f)
    local pids = queue()
    local function third() pids:put(sandbox.getpid()) sleep(1000) end
    local function second(after)
      return function()
        spawn({ quiet = true }, third)
        while after and pids:empty() do sleep(0.001) end -- what is not born yet ends with its spawner
        if after then after() end
      end
    end
    return pids, function() return f(second) end
  end
  local LEFT = {
    ["functions that have returned"] = function(second) spawn({ quiet = true }, second()) end,
    ["a process that was killed"] = function(second)
      spawn({ quiet = true }, second(function() sandbox.self():kill() end))
      sleep(1000)
    end,
    ["a daemon"] = function(second) spawn({ quiet = true, daemon = true }, second()) sleep(1000) end,
  }
  for what, f in pairs(LEFT) do
    it("ends with it, below " .. what, function()
      local pids, first = three_levels(f)
      local pid
      pcall(function()
        local g <close> = sandbox.scope()
        g:spawn(first)
        pid = assert(pids:get(T))
        error("left", 0)
      end)
      assert.is_false(script.alive(pid))
    end)
  end

  it("ends with a block that ends well, if a process between was killed", function()
    local pids, first = three_levels(function(second)
      spawn({ quiet = true }, second(function() sandbox.self():kill() end)):join(T)
    end)
    do
      local g <close> = sandbox.scope()
      g:spawn(first)
    end
    assert.is_false(script.alive(assert(pids:get(T))))
  end)

  it("ends with a pool that is terminated, also if its worker is dead", function()
    local pids = queue()
    local pool = sandbox.pool(1)
    pool:submit(function()
      spawn({ quiet = true }, function() pids:put(sandbox.getpid()) sleep(1000) end)
      pids:put(assert(pids:get(T)))
      sandbox.self():kill()
    end):join(T)
    pool:terminate()
    assert.is_false(script.alive(assert(pids:get(T))))
  end)

  it("gets the interrupt, and can end in order", function()
    local done = queue()
    pcall(function()
      local g <close> = sandbox.scope()
      local ready = queue()
      g:spawn(function()
        spawn({ quiet = true }, function()
          local _ <close> = setmetatable({}, { __close = function() done:put("in order") end })
          ready:put(1)
          sleep(1000)
        end)
        sleep(1000)
      end)
      ready:get(T)
      error("left")
    end)
    assert.are.equal("in order", done:get(0))
  end)

  it("is left in peace by a nested scope's end but for its own", function()
    local done = queue()
    pcall(function()
      local g <close> = sandbox.scope()
      local ready = queue()
      g:spawn(function()
        local inner <close> = sandbox.scope()
        inner:spawn(function()
          local _ <close> = setmetatable({}, { __close = function() sleep(0.2) done:put("once") end })
          ready:put(1)
          sleep(1000)
        end)
      end)
      ready:get(T)
      error("left")
    end)
    assert.are.equal("once", done:get(0))
  end)

  it("ends when it minds no interrupt and spawns meanwhile (5 rounds)", function()
    for _ in rounds(5) do
      local pids, list = queue(), nil
      local function stubborn(left)
        pids:put(sandbox.getpid())
        local function go_on()
          for _ = 1, left do
            spawn({ quiet = true }, stubborn, left - 1)
            sleep(0.02)
          end
          sleep(1000)
        end
        local _ <close> = setmetatable({}, { __close = go_on }) -- whatever interrupts it
        go_on()
      end
      pcall(function()
        local g <close> = sandbox.scope()
        g:spawn(stubborn, 3)
        g:spawn(stubborn, 3)
        list = take(pids, 4)
        error("left")
      end)
      for pid in function() return (pids:try_get()) end do list[#list + 1] = pid end
      assert.is_true(all_gone(list))
    end
  end)

  it("ends with the scope even if the child in between was killed before", function()
    local list
    local ok = pcall(function()
      local g <close> = sandbox.scope { on_error = "wait" }
      local pids = queue()
      local p = g:spawn(tree, pids, 2, 1)
      list = take(pids, 3)
      p:kill()
      p:join(T)
    end)
    assert.is_false(ok)
    assert.is_true(all_gone(list))
  end)

  it("is waited for where nothing goes wrong", function()
    local done = queue()
    do
      local g <close> = sandbox.scope()
      g:spawn(function() spawn(function() sleep(0.05) done:put(1) end) end)
    end
    assert.are.equal(1, #done)
  end)
end)

describe("what the tasks of a pool have spawned", function()
  for _, how in ipairs { "terminate", "an error" } do
    it("ends by " .. how, function()
      local pids, list = queue(), nil
      pcall(function()
        local pool <close> = sandbox.pool(2)
        pool:submit(tree, pids, 1, 2)
        pool:submit(tree, pids, 1, 2)
        list = take(pids, 6)
        if how == "terminate" then pool:terminate() else error("left") end
      end)
      assert.is_true(all_gone(list))
    end)
  end

  it("pools within pools, too", function()
    local pids, list = queue(), nil
    local pool = sandbox.pool(2)
    pool:submit(function()
      local inner <close> = sandbox.pool(2)
      for _ = 1, 2 do inner:submit(function() pids:put(sandbox.getpid()) sleep(1000) end) end
    end)
    list = take(pids, 2)
    pool:terminate()
    assert.is_true(all_gone(list))
  end)
end)

describe("what a scope has stopped is no news:", function()
  local script = require "support.script"
  local BELOW = {
    ["children of its children"] = "spawn(function() q:put(1) sleep(1000) end) q:put(1) sleep(1000)",
    ["children of those"] = "spawn(function() spawn(function() q:put(1) sleep(1000) end) q:put(1) sleep(1000) end) sleep(1000)",
    ["daemons"] = "spawn({ daemon = true }, function() q:put(1) sleep(1000) end) q:put(1) sleep(1000)",
    ["what fails when it is interrupted"] = "spawn(function() q:put(1) pcall(sleep, 1000) error('hurt') end) q:put(1) sleep(1000)",
  }
  for name, body in pairs(BELOW) do
    it(name, function()
      local text = ([[
        local q = queue()
        print(pcall(function()
          local g <close> = sandbox.scope()
          g:spawn(function() BODY end)
          q:get() q:get()
          error("left", 0)
        end))
      ]]):gsub("BODY", body)
      local r = script.run(text)
      assert.are.same({ "false\tleft\n", "", 0 }, { r.out, r.err, r.status })
    end)
  end
end)

describe("a pool whose workers die and leave processes", function()
  -- Handles of processes in this one.
  local function handles()
    collectgarbage() collectgarbage()
    local count = 0
    for _, list in pairs(debug.getregistry()) do
      local meta = type(list) == "table" and debug.getmetatable(list)
      if meta and meta.__mode == "v" then
        for _, handle in pairs(list) do
          if type(handle) == "userdata" and debug.getmetatable(handle).__name == "sandbox.process" then count = count + 1 end
        end
      end
    end
    return count
  end

  it("keeps a worker only while something that it has left lives", function()
    local pool <close> = sandbox.pool(1)
    local rounds = 0
    repeat
      rounds = rounds + 1
      local ok, failure = pool:submit(function()
        spawn({ quiet = true, daemon = true }, sleep, 0.01)
        sandbox.self():kill()
        sleep(T)
      end):join(T)
      assert.are.same({ nil, 9 }, { ok, failure.signal })
      assert.are.equal(1, pool:submit(function() return 1 end):result(T)) -- deaths in a row would break the pool
      assert.is_true(rounds < 200, handles() .. " handles")
    until rounds > 40 and handles() < rounds / 2
  end)
end)
