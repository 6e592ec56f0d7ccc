local count = sandbox.value(0)
local function inc()
  local lock = sandbox.lock()
  local _ <close> = lock:hold()
  count:set(count:get() + 1)
end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
print("count " .. count:get())
