-- one condition for two kinds of waiters; all are woken
local c, items = sandbox.condition(), sandbox.value(0) -- room for one
local function change(when, by, times)
  for _ = 1, times do
    c:acquire()
    while items:get() == when do c:wait() end
    items:add(by) c:notify_all()
    c:release()
  end
end
sandbox.join_all { spawn(change, 0, -1, 4), spawn(change, 0, -1, 4), spawn(change, 1, 1, 4), spawn(change, 1, 1, 4) }
