-- A party that its round had let go, and that did not run yet, counted as one that waits for the next round. When all
-- others were there again, nobody seemed left who could come, and the barrier broke.
local orders = queue()
spawn({ daemon = true }, function() -- it does not know the barrier
  local p = orders:get()
  sleep(1)
  p:resume()
end)
local b = sandbox.barrier(3)
local function party()
  for _ = 1, 2 do assert(b:wait()) end
end
local slow = spawn(party)
repeat until tostring(b):find "1 of 3"
slow:pause() -- in the line
orders:put(slow)
local other = spawn(party)
for _ = 1, 2 do assert(b:wait()) end
assert(sandbox.join_all { slow, other })
