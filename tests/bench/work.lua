-- tests/bench/work.lua WHAT N [ARGUMENTS]: does one piece of work and prints one number. N says how much of it.
-- What peer.py does under the same name is the same work, by Python's multiprocessing.
local now = sandbox.now

local work = {}

-- microseconds for spawn + join of an empty function
function work.spawn(n)
  local function nothing() end
  local start = now()
  for _ = 1, n do spawn(nothing):join() end
  return (now() - start) / n * 1e6
end

-- the same, while there are 100,000 objects with finalizers, or without: the median
function work.spawn_among(n, what)
  local mt, kept, times = what == "finalizers" and { __gc = function() end } or {}, {}, {}
  for i = 1, 100000 do kept[i] = setmetatable({ i }, mt) end
  collectgarbage()
  local function nothing() end
  for i = 1, n do
    local start = now()
    spawn(nothing):join()
    times[i] = now() - start
  end
  table.sort(times)
  return times[(n + 1) // 2] * 1e6
end

-- `writers` processes put n times `item` in all, `readers` get them: seconds from the moment when all are ready. Before that
-- each writer has put, and each reader got, `before` of them.
local function through_queue(q, writers, readers, n, item, before)
  local ready, list = sandbox.barrier(writers + readers + 1), {}
  for _ = 1, writers do
    list[#list + 1] = spawn(function()
      for _ = 1, before or 0 do q:put(item) end
      ready:wait()
      for i = 1, n // writers do q:put(item or i) end
    end)
  end
  for _ = 1, readers do
    list[#list + 1] = spawn(function()
      for _ = 1, before or 0 do q:get() end
      ready:wait()
      for _ = 1, n // readers do q:get() end
    end)
  end
  ready:wait()
  local start = now()
  assert(sandbox.join_all(list))
  local seconds = now() - start
  assert(q:empty())
  return seconds
end

-- millions of integers a second; n must be a multiple of both numbers of processes
function work.integers(n, writers, readers, transport)
  return n / through_queue(queue { transport = transport }, tonumber(writers), tonumber(readers), n) / 1e6
end

-- millions of small tables a second: five fields, two levels
function work.tables(n)
  local item = { id = 4711, name = "widget", price = 9.5, sold = true, place = { x = 3, y = 4 } }
  return n / through_queue(queue(), 1, 1, n, item) / 1e6
end

-- GB/s of strings of so many bytes, in a queue that holds some of them. It has been around its ring before the clock runs, as
-- the floor in C has its pages by then.
function work.strings(n, bytes)
  bytes = tonumber(bytes)
  return n * bytes / through_queue(queue(8), 1, 1, n, ("x"):rep(bytes), 24) / 1e9
end

-- microseconds there and back between two processes
function work.roundtrip(n)
  local there, back = queue(), queue()
  local p = spawn(function() for _ = 0, n do back:put(there:get()) end end)
  there:put(0)
  back:get()
  local start = now()
  for i = 1, n do
    there:put(i)
    back:get()
  end
  local seconds = now() - start
  assert(p:join())
  return seconds / n * 1e6
end

-- microseconds for each of n processes that are alive at once, until all are joined
function work.alive(n)
  local gate, here, list, start = queue(), queue(), {}, now()
  for i = 1, n do
    list[i] = spawn(function()
      here:put(i)
      gate:get()
    end)
  end
  for _ = 1, n do here:get() end
  gate:close()
  assert(sandbox.join_all(list))
  return (now() - start) / n * 1e6
end

-- MB that a spawned idle process shares with nobody
function work.memory()
  local here, kilobytes = sandbox.event(), 0
  local p = spawn(function()
    here:set()
    sleep(3600)
  end)
  here:wait()
  sleep(0.05)
  for line in io.lines(("/proc/%d/smaps_rollup"):format(p.pid)) do
    kilobytes = kilobytes + (tonumber(line:match("^Private_[CD]%a+:%s*(%d+) kB")) or 0)
  end
  p:kill()
  return kilobytes / 1024
end

-- microseconds for lock + unlock, nobody else wanting it
function work.lock(n)
  local lock, start = sandbox.lock(), now()
  for _ = 1, n do
    lock:acquire()
    lock:release()
  end
  return (now() - start) / n * 1e6
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

-- milliseconds for a map of x * x over n numbers by two workers: the median of 30 in a row
function work.map(n, chunk)
  local pool <close> = sandbox.pool(2)
  local list, times, squares = numbers(n), {}, nil
  for i = 1, 30 do
    local start = now()
    squares = pool:map(function(x) return x * x end, list, tonumber(chunk))
    times[i] = now() - start
  end
  assert(squares[n] == n * n)
  table.sort(times)
  return times[15] * 1e3
end

-- per cent of two CPUs that n tasks of 20 microseconds use, done by two workers. All of two CPUs is what two processes make of
-- them that do the same tasks side by side, and nothing else: two threads of one core are not twice as fast as one.
function work.busy(n)
  local turns = 1
  local function task()
    local x = 0
    for i = 1, turns do x = x + i % 7 end
    return x
  end
  local function seconds_of(k)
    local start = os.clock()
    for _ = 1, k do task() end
    return (os.clock() - start) / k
  end
  turns = 1000
  seconds_of(100)
  turns = math.max(1, math.floor(turns * 20e-6 / seconds_of(2000)))
  local function side_by_side()
    local ready, go = queue(), sandbox.event()
    local function half()
      ready:put(1)
      go:wait()
      local start = now()
      for _ = 1, n // 2 do task() end
      return now() - start
    end
    local a, b = spawn(half), spawn(half)
    ready:get()
    ready:get()
    go:set()
    return 2 / (1 / a:result() + 1 / b:result()) -- when both would end if they shared the tasks well
  end
  local pool <close> = sandbox.pool(2)
  local list, alone, with_pool = numbers(n), 0, 0
  pool:map(task, list)
  for _ = 1, 3 do -- in turns: the speed of the CPUs changes
    alone = alone + side_by_side()
    local start = now()
    pool:map(task, list)
    with_pool = with_pool + now() - start
  end
  return alone / with_pool * 100
end

print(("%.6g"):format(work[arg[1]](tonumber(arg[2]), table.unpack(arg, 3))))
