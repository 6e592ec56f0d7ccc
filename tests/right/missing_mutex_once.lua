local count = sandbox.value(0)
local function inc() count:add(1) end
sandbox.join_all { spawn(inc), spawn(inc) }
assert(count:get() == 2, "an addition is lost")
