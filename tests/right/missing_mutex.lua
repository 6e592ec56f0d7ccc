local count, lock, list = sandbox.value(0), sandbox.lock(), {}
local function inc()
  local _ <close> = lock:hold()
  count:set(count:get() + 1)
end
for i = 1, 4 do list[i] = spawn(function() for _ = 1, 100 do inc() end end) end
sandbox.join_all(list)
assert(count:get() == 400, "additions are lost")
