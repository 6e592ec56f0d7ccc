local a, b = sandbox.lock(), sandbox.lock()
local function eat() a:acquire() b:acquire() b:release() a:release() end
sandbox.join_all { spawn(eat), spawn(eat) }
