-- the twin of lost_update.lua: a lock around get and set
local count, lock = sandbox.value(0), sandbox.lock()
local function inc()
  lock:acquire()
  count:set(count:get() + 1)
  lock:release()
end
local first, second = spawn(inc), spawn(inc)
first:join() second:join()
assert(count:get() == 2, "an addition is lost")
