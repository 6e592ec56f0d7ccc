-- two consumers, and a test that is not made again after the wait; "while": the twin
local WHILE = ... == "while"
local lock = sandbox.lock()
local full, empty = sandbox.condition(lock), sandbox.condition(lock)
local buffer = sandbox.value(0) -- items in it; there is room for one
local function producer()
  for _ = 1, 2 do
    lock:acquire()
    while buffer:get() == 1 do empty:wait() if not WHILE then break end end
    buffer:add(1) full:notify()
    lock:release()
  end
end
local function consumer()
  lock:acquire()
  while buffer:get() == 0 do full:wait() if not WHILE then break end end
  local left = buffer:add(-1)
  empty:notify()
  lock:release()
  return left
end
local p, a, b = spawn(producer), spawn(consumer), spawn(consumer)
p:join()
assert(a:result() >= 0 and b:result() >= 0, "took from an empty buffer")
