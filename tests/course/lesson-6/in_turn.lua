local count, lock = sandbox.value(0), sandbox.lock()
local function inc()
  local _ <close> = lock:hold()
  count:set(count:get() + 1)
end

spawn(inc):join()
spawn(inc):join()
print("count " .. count:get())
