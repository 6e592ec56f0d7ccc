-- two processes, one addition each
local count = sandbox.value(0)
local function inc() count:set(count:get() + 1) end
sandbox.join_all { spawn(inc), spawn(inc) }
assert(count:get() == 2, "an addition is lost")
