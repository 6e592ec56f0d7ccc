local bell = sandbox.semaphore(0)
local consumer = spawn(function() bell:acquire() end)
spawn(function() bell:release() end)
consumer:join()
