local count, lock = sandbox.value(0), sandbox.lock()
local function inc()
  count:set(count:get() + 1)
  lock:acquire()
  if count:get() < 2 then
    while count:get() < 2 do sandbox.receive() end
  end
  lock:release()
end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
assert(count:get() == 2, "an addition is lost")
