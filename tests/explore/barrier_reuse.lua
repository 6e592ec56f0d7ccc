-- a barrier of a counter and a gate, used again before all have left; "one step": who is last is known from the step that counts
local N, ROUNDS, ONE = 2, 2, ... == "one step"
local mutex, count, gate = sandbox.lock(), sandbox.value(0), sandbox.semaphore(0)
local function barrier()
  mutex:acquire() local n = count:add(1) mutex:release()
  if (ONE and n or count:get()) == N then gate:release() end
  gate:acquire() gate:release()
  mutex:acquire() n = count:add(-1) mutex:release()
  if (ONE and n or count:get()) == 0 then gate:acquire() end
end
local function work() for _ = 1, ROUNDS do barrier() end end
local first, second = spawn(work), spawn(work)
first:join() second:join()
