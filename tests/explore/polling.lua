-- all is well: asks for a flag under a lock, again and again, until the other process has set it
local m, f = sandbox.lock(), sandbox.value(false)
local p = spawn(function() repeat m:acquire() local x = f:get() m:release() until x end)
local q = spawn(function() m:acquire() f:set(true) m:release() end)
p:join() q:join()
