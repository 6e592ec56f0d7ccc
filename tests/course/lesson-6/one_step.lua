local count = sandbox.value(0)
local function inc() count:add(1) end

local a, b = spawn(inc), spawn(inc)
a:join()
b:join()
print("count " .. count:get())
