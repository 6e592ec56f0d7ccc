-- all is well: a lock of one flag, tested and set in one step; who finds it taken asks again
local flag, count = sandbox.value(false), sandbox.value(0)
local function work()
  repeat until flag:cas(false, true)
  count:set(count:get() + 1)
  flag:set(false)
end
local first, second = spawn(work), spawn(work)
first:join() second:join()
assert(count:get() == 2)
