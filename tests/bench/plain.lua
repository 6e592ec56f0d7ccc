-- tests/bench/plain.lua WHAT N: code that is only Lua, for any interpreter; tells, on standard error, the milliseconds of CPU time, the best of three.
local work = {}

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

function work.fib(n)
  for _ = 1, n do fib(24) end
end

-- The sun and four planets, drawn to each other.
function work.nbody(n)
  local bodies = {}
  for i = 1, 5 do
    bodies[i] = { x = i * 1.7, y = i * 0.9 - 2, z = 0.1 * i, vx = 0, vy = 0.3 / i, vz = 0, mass = i == 1 and 39.5 or 0.04 / i }
  end
  for _ = 1, n * 3000 do
    for i = 1, 5 do
      local a = bodies[i]
      for j = i + 1, 5 do
        local b = bodies[j]
        local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
        local square = dx * dx + dy * dy + dz * dz
        local pull = 0.001 / (square * math.sqrt(square))
        a.vx, a.vy, a.vz = a.vx - dx * b.mass * pull, a.vy - dy * b.mass * pull, a.vz - dz * b.mass * pull
        b.vx, b.vy, b.vz = b.vx + dx * a.mass * pull, b.vy + dy * a.mass * pull, b.vz + dz * a.mass * pull
      end
    end
    for i = 1, 5 do
      local a = bodies[i]
      a.x, a.y, a.z = a.x + 0.001 * a.vx, a.y + 0.001 * a.vy, a.z + 0.001 * a.vz
    end
  end
end

function work.strings(n)
  for _ = 1, n do
    local parts = {}
    for i = 1, 8000 do parts[#parts + 1] = "item " .. i .. ": " .. i * 0.5 end
    local text = table.concat(parts, "\n")
    assert(#text:gsub("%d+", "<%0>"):upper() > #text)
  end
end

function work.sort(n)
  for _ = 1, n do
    local list, x = {}, 42
    for i = 1, 15000 do
      x = (x * 1103515245 + 12345) % 2147483648
      list[i] = x
    end
    table.sort(list)
    table.sort(list, function(a, b) return a > b end)
  end
end

-- Binary trees: allocate, walk, forget.
function work.trees(n)
  local function grow(depth) return depth > 0 and { grow(depth - 1), grow(depth - 1) } or {} end
  local function count(tree) return tree[1] and 1 + count(tree[1]) + count(tree[2]) or 1 end
  for _ = 1, n do assert(count(grow(13)) == 16383) end
end

function work.rep(n)
  for _ = 1, n * 200 do
    local text = ("concurrent"):rep(1000) .. ("parallel"):rep(500)
    assert(#text == 14000)
  end
end

function work.concat(n)
  for i = 1, n * 12000 do
    local text = "process " .. i .. " of " .. n
    assert(#text > 10)
  end
end

function work.closures(n)
  local kept = {}
  for i = 1, n * 20000 do
    kept[i % 100] = function() return i end
  end
  assert(kept[1]() % 100 == 1)
end

local Account = {}
Account.__index = Account
function Account:add(x) self.sum = self.sum + x end
function Account:get() return self.sum end

function work.methods(n)
  local account = setmetatable({ sum = 0 }, Account)
  for i = 1, n * 40000 do
    account:add(i)
    assert(account:get() > 0)
  end
end

function work.setmetatable(n)
  for i = 1, n * 20000 do setmetatable({ sum = i }, Account) end
end

function work.setmetatable_gc(n)
  local ended = 0
  local mt = { __gc = function() ended = ended + 1 end }
  for i = 1, n * 4000 do setmetatable({ i }, mt) end
  collectgarbage()
  assert(ended >= n * 4000)
end

function work.pcall(n)
  for i = 1, n * 40000 do assert(pcall(math.abs, i)) end
end

function work.xpcall(n)
  local function handler(e) return e end
  for i = 1, n * 30000 do assert(xpcall(math.abs, handler, i)) end
end

function work.error(n)
  for _ = 1, n * 12000 do assert(not pcall(error, "no")) end
end

function work.switch(n)
  local co = coroutine.wrap(function()
    for i = 1, math.huge do coroutine.yield(i) end
  end)
  for _ = 1, n * 30000 do co() end
end

function work.coroutines(n)
  for i = 1, n * 4000 do
    local co = coroutine.wrap(function(x) return coroutine.yield(x) end)
    assert(co(i) == i)
    co()
  end
end

function work.grow(n)
  for _ = 1, n do
    local list = {}
    for i = 1, 200000 do list[i] = i end
  end
end

function work.hash(n)
  for _ = 1, n do
    local set = {}
    for i = 1, 20000 do set["key" .. i] = i end
  end
end

-- 100 MB when n is 8.
function work.read(n)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write((("a line of forty-nine bytes, and its end: xxxxxxx\n"):rep(128000)))
  file:close()
  for _ = 1, n do
    local count = 0
    for _ in io.lines(name) do count = count + 1 end
    assert(count == 128000)
    file = assert(io.open(name))
    assert(#file:read("a") == 128000 * 49)
    file:close()
  end
  os.remove(name)
end

-- Short lines to standard output, which the benchmark makes a file.
function work.write(n)
  for i = 1, n * 20000 do io.write("line ", i, "\n") end
end

local what, n, best = arg[1], tonumber(arg[2]), math.huge
for _ = 1, 3 do
  collectgarbage()
  local start = os.clock()
  work[what](n)
  best = math.min(best, os.clock() - start)
end
io.stderr:write(("%.6g\n"):format(best * 1e3)) -- standard output may be what is measured
