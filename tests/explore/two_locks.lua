-- two locks, taken in opposite orders
local a, b = sandbox.lock { name = "a" }, sandbox.lock { name = "b" }
local function transfer(from, to)
  from:acquire() to:acquire()
  to:release() from:release()
end
local first, second = spawn(transfer, a, b), spawn(transfer, b, a)
first:join() second:join()
