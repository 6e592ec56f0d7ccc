-- pass_the_turn: two processes, two semaphores, each gives the turn to the other, without end
local ping, pong = sandbox.semaphore(1), sandbox.semaphore(0)
spawn({ name = "ping" }, function() while true do ping:acquire() pong:release() end end)
spawn({ name = "pong" }, function() while true do pong:acquire() ping:release() end end)
