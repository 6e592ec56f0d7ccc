local count = sandbox.value(0)
local function inc() count:set(count:get() + 1) end

if arg[1] == "right" then
  spawn(inc):join()
  spawn(inc):join()
else
  sandbox.join_all { spawn(inc), spawn(inc) }
end
assert(count:get() == 2, "an addition is lost")
print("two")
