local count = sandbox.value(0)
local function inc() count:set(count:get() + 1) end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
assert(count:get() == 2, "an addition is lost")
