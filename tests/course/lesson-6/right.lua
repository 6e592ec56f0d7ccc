local count, lock = sandbox.value(0), sandbox.lock()
local function inc()
  local _ <close> = lock:hold()
  count:set(count:get() + 1)
end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
print("count " .. count:get())
