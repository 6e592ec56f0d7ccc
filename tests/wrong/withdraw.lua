-- there is enough, then there is not: a test, then an act
local balance = sandbox.value(100)
local function withdraw(n) if balance:get() >= n then balance:add(-n) end end
sandbox.join_all { spawn(withdraw, 80), spawn(withdraw, 80) }
assert(balance:get() >= 0, "overdrawn")
