local balance = sandbox.value(100)
local function spend(n)
  if balance:get() >= n then balance:add(-n) end
end

for _, n in ipairs { 60, 30, 60 } do spawn(spend, n):join() end
print("left " .. balance:get())
