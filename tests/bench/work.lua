-- tests/bench/work.lua WHAT [ARG]: does one piece of work and prints one number.
local what, arg1 = arg[1], arg[2]
local now = sandbox.now

local work = {}

-- microseconds for spawn + join of an empty function
function work.spawn()
  local n, start = 1000, now()
  for _ = 1, n do spawn(function() end):join() end
  return (now() - start) / n * 1e6
end

-- millions of integers a second through a queue, one producer and one consumer
function work.integers(transport)
  local q, n = queue { transport = transport }, 300000
  local start = now()
  local p = spawn(function() for i = 1, n do q:put(i) end end)
  for i = 1, n do assert(q:get() == i) end
  local seconds = now() - start
  assert(p:join())
  return n / seconds / 1e6
end

-- microseconds there and back between two processes
function work.roundtrip(transport)
  local there, back, n = queue { transport = transport }, queue { transport = transport }, 20000
  local p = spawn(function() for _ = 1, n do back:put(there:get()) end end)
  local start = now()
  for i = 1, n do there:put(i) assert(back:get() == i) end
  local seconds = now() - start
  assert(p:join())
  return seconds / n * 1e6
end

-- seconds for 100,000 puts by a process that is joined before the first get, and the gets
function work.joined(transport)
  local q, n = queue { transport = transport }, 100000
  local start = now()
  assert(spawn(function() for i = 1, n do q:put(i) end end):join())
  for i = 1, n do assert(q:get() == i) end
  assert(q:empty())
  return now() - start
end

-- seconds until 2,000 processes are alive at once, and until all are joined (run with --max-procs 2100)
function work.alive()
  local gate, start, list = queue(), now(), {}
  local here = queue()
  for i = 1, 2000 do list[i] = spawn(function() here:put(i) gate:get() end) end
  for _ = 1, 2000 do here:get() end
  local born = now() - start
  assert(#sandbox.children() == 2000)
  gate:close()
  for _, p in ipairs(list) do assert(p:join()) end
  io.stderr:write(("%.2f s until 2,000 were alive, %.2f s in all\n"):format(born, now() - start))
  return now() - start
end

print(("%.3f"):format(work[what](arg1)))
