#!/usr/bin/env sandbox
-- A supervisor. Some jobs make the worker crash. The worker catches and repairs nothing: it dies, and the
-- supervisor starts another one, which begins afresh with the next job. What was broken is gone with its
-- process. ("Let it crash", as they say in Erlang.)
--
-- Guess first, then try: what becomes of the jobs if the supervisor gives up sooner (MAX_RESTARTS = 1)?
-- Why is the job that eats all the memory not tried again?
--
-- See it: sandbox --timeline scripts/supervisor.lua

local MAX_RESTARTS = 5

local jobs, done = queue { name = "jobs" }, queue { name = "done" }

-- Some jobs cannot be done, one fails only the first time, and one kills the whole process.
local function work(job)
  if job.text == "divide by zero" then error { job = job, why = "cannot be done" } end
  if job.text == "lose the connection" and job.tries == 1 then error { job = job, why = "try again" } end
  if job.text == "eat all the memory" then sandbox.self():kill() end
  return ("%s: done"):format(job.text)
end

local function worker()
  for job in function() return jobs:try_get() end do
    job.tries = job.tries + 1
    done:put(work(job))
  end
end

-- Keep a worker running until all jobs are gone. If an error names its job, that job gets a second chance.
local function supervise()
  local restarts = 0
  repeat
    local p = spawn({ name = "worker", quiet = true }, worker)
    print(("worker %d starts"):format(restarts + 1))
    local ok, failure = p:join()
    while #done > 0 do print("  " .. done:get()) end
    if ok then return ("%d restarts, and no job is left"):format(restarts) end
    local job = type(failure.value) == "table" and failure.value.job
    print(("worker %d died: %s"):format(restarts + 1, job and job.text .. ", " .. failure.value.why or failure.message))
    if job and job.tries < 2 then jobs:put(job) end
    restarts = restarts + 1
  until restarts > MAX_RESTARTS
  return ("gave up after %d restarts"):format(MAX_RESTARTS)
end

jobs:put { text = "make coffee", tries = 0 }
jobs:put { text = "divide by zero", tries = 0 }
jobs:put { text = "lose the connection", tries = 0 }
jobs:put { text = "eat all the memory", tries = 0 }
jobs:put { text = "read the news", tries = 0 }
print(supervise())
