local balance, lock = sandbox.value(100), sandbox.lock()
local function spend(n)
  local _ <close> = lock:hold()
  if balance:get() >= n then balance:add(-n) end
end

sandbox.join_all { spawn(spend, 60), spawn(spend, 30), spawn(spend, 60) }
print("left " .. balance:get())
