-- Peterson's
local flag, inside = { sandbox.value(false), sandbox.value(false) }, sandbox.value(0)
local met = sandbox.value(false)
local turn = sandbox.value(1)
local function work(i)
  for _ = 1, 5 do
    flag[i]:set(true)
    turn:set(3 - i)
    while flag[3 - i]:get() and turn:get() == 3 - i do sleep(0.0005) end
    if inside:add(1) ~= 1 then met:set(true) end
    inside:add(-1)
    flag[i]:set(false)
  end
end
sandbox.join_all { spawn(work, 1), spawn(work, 2) }
assert(not met:get(), "both were inside")
