local count = sandbox.value(0)
local function inc() count:set(count:get() + 1) end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
if arg[1] == "wrong" then assert(count:get() == 2, "an addition is lost") end
print(arg[1] == "wrong" and "two" or "one or two")
