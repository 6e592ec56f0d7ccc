local count, lock = sandbox.value(0), sandbox.lock()
local function inc()
  local n = count:get()
  lock:acquire()
  count:set(n + 1)
  lock:release()
end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
print("count " .. count:get())
