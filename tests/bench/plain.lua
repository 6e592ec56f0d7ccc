-- tests/bench/plain.lua WHAT N: code that is only Lua, for any interpreter; prints the milliseconds of CPU time, the best of three.
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

local what, n, best = arg[1], tonumber(arg[2]), math.huge
for _ = 1, 3 do
  collectgarbage()
  local start = os.clock()
  work[what](n)
  best = math.min(best, os.clock() - start)
end
print(("%.6g"):format(best * 1e3))
