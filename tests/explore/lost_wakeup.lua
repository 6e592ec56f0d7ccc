-- tests the flag without the lock, then waits
local c, ready = sandbox.condition(), sandbox.value(false)
local waiter = spawn({ name = "waiter" }, function()
  if not ready:get() then
    c:acquire() c:wait() c:release()
  end
end)
local setter = spawn({ name = "setter" }, function()
  ready:set(true)
  c:acquire() c:notify() c:release()
end)
waiter:join() setter:join()
