-- task_done: a worker without end; main waits until each item is done
local q = queue { max = 2 }
spawn({ name = "worker" }, function() while true do q:get() q:task_done() end end)
while true do q:put "item" q:join() end
