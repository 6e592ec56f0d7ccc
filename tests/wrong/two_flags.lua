-- a mutex of two flags: both see that the other's is down
local flag, inside = { sandbox.value(false), sandbox.value(false) }, sandbox.value(0)
local met = sandbox.value(false)
local function work(i)
  for _ = 1, 5 do
    while flag[3 - i]:get() do sleep(0.0005) end
    flag[i]:set(true)
    if inside:add(1) ~= 1 then met:set(true) end
    inside:add(-1)
    flag[i]:set(false)
  end
end
sandbox.join_all { spawn(work, 1), spawn(work, 2) }
assert(not met:get(), "both were inside")
