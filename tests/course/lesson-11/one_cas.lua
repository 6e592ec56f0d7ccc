local balance = sandbox.value(100)
local function spend(n)
  local b = balance:get()
  if b >= n then balance:cas(b, b - n) end
end

sandbox.join_all { spawn(spend, 60), spawn(spend, 30), spawn(spend, 60) }
print("left " .. balance:get())
