local balance = sandbox.value(100)
local function spend(n)
  balance:update(function(b) return b >= n and b - n or b end)
end

sandbox.join_all { spawn(spend, 60), spawn(spend, 30), spawn(spend, 60) }
print("left " .. balance:get())
