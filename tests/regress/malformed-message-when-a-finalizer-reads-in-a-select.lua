-- The __gc of a value reads a shared value while a select that also puts has taken a result, and has not read it yet.
local full, v = queue(1), sandbox.value { "other" }
full:put(1)
local large, finalized = {}, 0
for i = 1, 3000 do large[i] = { i } end
local mt = { __gc = function() finalized = finalized + 1 v:get() end }
collectgarbage("generational")
for i = 1, 20 do
  local p = spawn(function() return { "mine", i } end)
  p:join()
  for _ = 1, 20 do setmetatable({}, mt) end
  local index, ok, result = sandbox.select({ full:putting(large), p }, 5)
  assert(index == 2 and ok and result[1] == "mine" and result[2] == i)
end
assert(finalized > 0)
