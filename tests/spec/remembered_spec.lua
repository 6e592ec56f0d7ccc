-- A process that has ended can be asked for by whoever has its handle, also after its spawner has dropped its own.
local T = 20

local sandbox, spawn, queue = sandbox, spawn, queue

-- A handle of a process that has ended, which its spawner has in no variable.
local function ended()
  local p = spawn(function() return 5 end)
  assert(p:join(T))
  return p
end

-- Handles that were dropped are collected, and others take records.
local function go_on(n)
  collectgarbage()
  collectgarbage()
  for _ = 1, n do assert(spawn(function() end):join(T)) end
end

describe("a process that has ended", function()
  local CARRIERS = {
    item = function()
      local q = queue()
      q:put(ended())
      return function() return q:get(T) end
    end,
    ["a table in an item"] = function()
      local q = queue()
      q:put { x = ended() }
      return function() return q:get(T).x end
    end,
    ["an upvalue in an item"] = function()
      local q = queue()
      do
        local h = ended()
        q:put(function() return h end)
      end
      return function() return q:get(T)() end
    end,
    value = function()
      local v = sandbox.value(ended())
      return function() return v:get() end
    end,
    dict = function()
      local d = sandbox.dict { p = ended() }
      return function() return d.p end
    end,
    pipe = function()
      local a, b = sandbox.pipe()
      a:send(ended())
      return function() return b:recv(T) end
    end,
    result = function()
      local r = spawn(function() return ended() end)
      r:join(T)
      return function() return r:result(T) end
    end,
  }
  for name, send in pairs(CARRIERS) do
    it("is remembered: " .. name, function()
      for _, n in ipairs { 1, 5, 40 } do
        local take = send()
        go_on(n)
        assert.same({ true, 5 }, { take():join(T) })
      end
    end)
  end

  it("is remembered by a child that has its handle from the fork", function()
    local go = queue()
    local p = ended()
    local child = spawn(function()
      go:get(T)
      return p:join(T)
    end)
    p = nil
    go_on(5)
    go:put(1)
    assert.same({ true, true, 5 }, { child:join(T) })
  end)

  it("is remembered by those that it has spawned", function()
    local go, out, born = queue(), queue(), queue()
    local p = spawn(function()
      spawn(function()
        local parent = sandbox.parent()
        born:put(1)
        go:get(T)
        out:put(parent:status())
      end)
      born:get(T) -- what is not born yet ends with its spawner
      sandbox.self():kill()
    end)
    p:join(T)
    p = nil
    go_on(5)
    go:put(1)
    assert.equal("killed", out:get(T))
  end)

  it("is remembered while a reader lags behind", function()
    local q = queue()
    local monitor = spawn(function()
      local sum = 0
      for p in q:items(T) do sum = sum + p:result(T) end
      return sum
    end)
    for i = 1, 200 do q:put((spawn(function() return i end))) end
    q:close()
    assert.equal(20100, monitor:result(3 * T))
  end)
end)
