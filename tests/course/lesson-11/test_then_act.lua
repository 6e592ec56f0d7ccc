local balance = sandbox.value(100)
local function spend(n)
  if balance:get() >= n then balance:add(-n) end
end

sandbox.join_all { spawn(spend, 60), spawn(spend, 30), spawn(spend, 60) }
print("left " .. balance:get())
