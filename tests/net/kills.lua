#!/usr/bin/env sandbox
-- net/kills.lua [KILLS [WORKERS]]: kill processes at random while they work on objects in an engine, and account for
-- every item.
--
--   tests/net/with_engine.sh sh -c 'sandbox --engine "$ENGINE" tests/net/kills.lua 10000'
--
-- Workers move items from one queue to another, one by one, by select, and several at once, hold a lock, and take units
-- of a semaphore. And they take jobs from a queue with redeliver, of which none is lost, and none done twice but once for each death: that
-- is counted apart. At the end nothing is left but what the dead had in their hands: no item is doubled, no more are lost than
-- those can have held, the lock and all units come back, and nobody waited for them for 10 seconds. net/faults_spec.lua
-- runs a few hundred kills.
local KILLS, WORKERS = tonumber(arg[1]) or 200, tonumber(arg[2]) or 6
local BATCH <const>, PATIENCE <const> = 4, 10

local q, out = sandbox.queue(20), sandbox.queue()
local jobs, done = sandbox.queue { redeliver = true }, sandbox.queue()
local lock, sem = sandbox.lock(), sandbox.semaphore(2)
local holds, inside = sandbox.value(0), sandbox.value(0)

local function work()
  while true do
    for _, job in ipairs(jobs:get_all(math.random(BATCH), 0) or {}) do
      done:put(job)
      if math.random(2) == 1 then jobs:task_done() end
    end
    local how = math.random(3)
    if how == 1 then
      out:put(q:get())
    elseif how == 2 then
      local _, v = sandbox.select { q }
      sandbox.select { out:putting(v) }
    else
      out:put_all(q:get_all(BATCH))
    end
    do
      local ok, abandoned = lock:acquire(PATIENCE)
      assert(ok, "the lock was not passed on")
      local _ <close> = setmetatable({}, { __close = function() lock:release() end })
      if abandoned then inside:set(0) end -- its holder may have been killed in here
      assert(inside:add(1) == 1, "two processes hold the lock")
      inside:set(0)
      holds:add(1)
    end
    assert(sem:acquire(PATIENCE), "units were not given back")
    sem:release()
  end
end

local workers, put, killed = {}, 0, 0
local function start(i) workers[i] = sandbox.spawn({ quiet = true }, work) end

local function kill(i)
  workers[i]:kill()
  local ok, failure = workers[i]:join()
  assert(not ok and failure.signal == 9, failure and failure.message)
end

for i = 1, WORKERS do start(i) end

local seen, n = {}, 0
local function collect()
  for _, v in ipairs(out:get_all(1000, 0) or {}) do
    assert(not seen[v], "an item is doubled")
    seen[v] = true
    n = n + 1
  end
end

local begun, worked, twice = 0, {}, 0
local function count_jobs()
  for _, job in ipairs(done:get_all(1000, 0) or {}) do
    if worked[job] then twice = twice + 1 end
    worked[job] = true
  end
end

local from = sandbox.now()
while killed < KILLS do
  if math.random() < 0.2 then
    local list = {}
    for i = 1, BATCH do list[i] = put + i end
    assert(q:put_all(list, 6 * PATIENCE) == BATCH, "nobody takes items")
    put = put + BATCH
  else
    put = put + 1
    assert(q:put(put, 6 * PATIENCE), "nobody takes items")
  end
  begun = begun + 1
  jobs:put(begun)
  if begun % 500 == 0 then count_jobs() end
  if math.random() < 0.3 then
    local i = math.random(WORKERS)
    kill(i)
    killed = killed + 1
    start(i)
    if killed % 1000 == 0 then collect() end
  end
end

local deadline = sandbox.deadline(3 * PATIENCE)
while #q > 0 and deadline:left() > 0 do sandbox.sleep(0.01) end
assert(#q == 0, "items are left")
sandbox.sleep(0.1)
for i = 1, WORKERS do kill(i) end
assert(lock:acquire(PATIENCE), "the lock was not passed on")
lock:release()
assert(sem:acquire(PATIENCE) and sem:acquire(PATIENCE), "units are lost")
repeat
  local before = n
  collect()
until n == before
assert(put - n <= BATCH * (killed + WORKERS), "more are lost than hands can have held")
assert(#out == 0)
for job in function() return (jobs:get(0)) end do done:put(job) end -- what came back, and what nobody came to
while #done > 0 do count_jobs() end
for job = 1, begun do assert(worked[job], "a job is lost") end
assert(twice <= BATCH * (killed + WORKERS), "more jobs are done twice than hands can have held")
assert(#jobs == 0 and jobs:join(0))
print(("%d jobs done, %d of them again after a death"):format(begun, twice))
local sums = "%d kills in %.0f s: %d items put, %d arrived, %d lost in hands, none doubled; the lock was held %d times"
print(sums:format(killed, sandbox.now() - from, put, n, put - n, holds:get()))
