-- a mutex of one flag: tested, then set
local flag, inside = sandbox.value(false), sandbox.value(0)
local function work()
  if flag:get() then return end
  flag:set(true)
  assert(inside:add(1) == 1, "both are inside")
  inside:add(-1)
  flag:set(false)
end
local first, second = spawn(work), spawn(work)
local well, why = first:join()
if well then well, why = second:join() else second:join() end
assert(well, why)
