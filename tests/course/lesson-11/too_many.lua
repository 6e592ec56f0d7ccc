local balance = sandbox.value(100)
local function spend(n)
  for _ = 1, n do
    balance:update(function(b) return b >= 0.1 and b - 0.1 or b end)
  end
end

local list = {}
for i = 1, 12 do list[i] = spawn(spend, 100 + i) end
sandbox.join_all(list)
print("left " .. balance:get())
