-- a buffer for one item with one condition for both kinds of waiters; "all": the twin, which wakes everybody
local c, items = sandbox.condition(), sandbox.value(0)
local ALL = ... == "all"
local function change(when, by, times)
  for _ = 1, times do
    c:acquire()
    while items:get() == when do c:wait() end
    items:add(by)
    if ALL then c:notify_all() else c:notify() end
    c:release()
  end
end
local list = { spawn(change, 1, 1, 2), spawn(change, 0, -1, 1), spawn(change, 0, -1, 1) }
for _, p in ipairs(list) do p:join() end
