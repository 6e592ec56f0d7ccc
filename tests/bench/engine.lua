-- bench/engine.lua - what operations on objects in an engine take, from one process, and from several.
--
--   tests/net/with_engine.sh sh -c 'sandbox --engine "$ENGINE" tests/bench/engine.lua'
--
-- Times are those of single operations: the median, and what a tenth of them stay below. On a busy machine the second tells
-- more. Targets, on loopback: put or get 40 us, round trip 400 us, put_all
-- 200,000 items a second, 16 adders 40,000 a second.
local now = sandbox.now

local function measure(name, n, f)
  local times = {}
  for i = 1, n do
    local from = now()
    f()
    times[i] = now() - from
  end
  table.sort(times)
  print(("%-24s median %5.0f us, a tenth below %5.0f us"):format(name, times[n // 2] * 1e6, times[n // 10 + 1] * 1e6))
end

local q, v, l = sandbox.queue(100), sandbox.value(0), sandbox.lock()
measure("put, then get", 4000, function() q:put(1) q:get() end)
local jobs = sandbox.queue { redeliver = true }
measure("the same, redeliver", 4000, function() jobs:put(1) jobs:get() end)
jobs:get(0)
measure("add", 4000, function() v:add(1) end)
measure("acquire, then release", 4000, function() l:acquire() l:release() end)

local there, back = sandbox.queue(), sandbox.queue()
local p = sandbox.spawn(function() for x in there:items() do back:put(x) end end)
measure("round trip", 2000, function() there:put(1) back:get() end)
there:close()
p:join()

local list = {}
for i = 1, 256 do list[i] = i end
local many = sandbox.queue()
local from = now()
for _ = 1, 400 do many:put_all(list) end
local between = now()
local got = 0
while got < 400 * 256 do got = got + #many:get_all(256) end
print(("%-24s %8.0f items a second"):format("put_all of 256", 400 * 256 / (between - from)))
print(("%-24s %8.0f items a second"):format("get_all of 256", 400 * 256 / (now() - between)))
many = sandbox.queue { redeliver = true }
for _ = 1, 40 do many:put_all(list) end
between, got = now(), 0
while got < 40 * 256 do got = got + #many:get_all(256) end
print(("%-24s %8.0f items a second"):format("the same, redeliver", 40 * 256 / (now() - between)))

local function rate(name, count, f)
  local from = now()
  f()
  print(("%-24s %8.0f a second"):format(name, count / (now() - from)))
end

rate("16 adders", 16 * 2000, function()
  local sum, ps = sandbox.value(0), {}
  for i = 1, 16 do ps[i] = sandbox.spawn(function() for _ = 1, 2000 do sum:add(1) end end) end
  for i = 1, 16 do ps[i]:join() end
  assert(sum:get() == 16 * 2000)
end)
for _, redeliver in ipairs { false, true } do
  for readers = 1, 4, 3 do
    local items, ps = sandbox.queue { redeliver = redeliver }, {}
    for _ = 1, 40 do items:put_all(list) end
    items:close()
    rate((redeliver and "redeliver, %d readers" or "%d readers"):format(readers), 40 * 256, function()
      for i = 1, readers do ps[i] = sandbox.spawn(function() for _ in items:items() do end end) end
      for i = 1, readers do ps[i]:join() end
    end)
  end
end
rate("1 producer, 1 consumer", 10000, function()
  local items = sandbox.queue(100)
  local producer = sandbox.spawn(function() for i = 1, 10000 do items:put(i) end items:close() end)
  local n = 0
  for _ in items:items() do n = n + 1 end
  producer:join()
  assert(n == 10000)
end)
