-- two processes, one addition each, in two steps: get and set
local count = sandbox.value(0)
local function inc() count:set(count:get() + 1) end
local first, second = spawn(inc), spawn(inc)
first:join() second:join()
assert(count:get() == 2, "an addition is lost")
