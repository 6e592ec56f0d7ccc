local q = queue()
q:put("the only one")
local function take() return q:get(0) end
sandbox.join_all { spawn(take), spawn(take) }
