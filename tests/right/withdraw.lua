local balance, lock = sandbox.value(100), sandbox.lock()
local function withdraw(n)
  local _ <close> = lock:hold()
  if balance:get() >= n then balance:add(-n) end
end
sandbox.join_all { spawn(withdraw, 80), spawn(withdraw, 80) }
assert(balance:get() == 20, "overdrawn")
