#!/usr/bin/env sandbox
-- The same work three times. Concurrent means: several processes are in progress at a time, if need be
-- by turns on one CPU. Parallel means: they run at the same moment, on several CPUs. Work that keeps
-- the CPU busy ends sooner only in parallel; the CPU seconds that it needs stay about the same.
--
--   sandbox scripts/parallel.lua [steps]
--
-- Wall time is the time on a clock on the wall, here the run's clock. Do not use --speed: it would make the
-- clock go faster, but not the CPU.
--
-- See it: sandbox --timeline scripts/parallel.lua

local TASKS = 4
local STEPS = math.tointeger(arg[1] or 5000000)

-- Keep the CPU busy for a while; returns the CPU seconds that it took in the calling process.
local function work()
  local start, x = os.clock(), 0
  for i = 1, STEPS do x = (x * 31 + i) % 1000003 end
  return os.clock() - start
end

-- Start all the tasks, then wait for all. Returns the sum of their CPU seconds.
local function in_processes(options)
  local tasks, cpu = {}, 0
  for i = 1, TASKS do tasks[i] = spawn(options, work) end
  for i = 1, TASKS do cpu = cpu + tasks[i]:result() end
  return cpu
end

local function one_after_the_other()
  local cpu = 0
  for _ = 1, TASKS do cpu = cpu + work() end
  return cpu
end

local function measure(title, run, ...)
  local start = sandbox.now()
  local cpu = run(...)
  print(("%-26s wall %6.2f s   CPU %6.2f s"):format(title, sandbox.now() - start, cpu))
end

print(("%d tasks, %d CPU"):format(TASKS, sandbox.cpus()))
measure("one after the other", one_after_the_other)
measure("concurrently, on one CPU", in_processes, { cpu = 0 })
measure("in parallel", in_processes, {})
