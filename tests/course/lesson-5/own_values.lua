local function inc()
  local count = sandbox.value(0)
  count:set(count:get() + 1)
  return count:get()
end

local a, b = spawn(inc), spawn(inc)
assert(a:result() + b:result() == 2, "an addition is lost")
