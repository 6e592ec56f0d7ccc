-- another process takes the item between the test and the get
local q = queue()
q:put("the only one")
local function take() if #q > 0 then q:get() end end
sandbox.join_all { spawn(take), spawn(take) }
