-- the test is made again after the wait
local lock = sandbox.lock()
local full, empty = sandbox.condition(lock), sandbox.condition(lock)
local buffer = sandbox.value(0) -- items in it; there is room for one
local function producer()
  for _ = 1, 10 do
    lock:acquire()
    while buffer:get() == 1 do empty:wait() end
    buffer:add(1) full:notify()
    lock:release()
  end
end
local function consumer()
  for _ = 1, 5 do
    local _ <close> = lock:hold()
    while buffer:get() == 0 do full:wait() end
    assert(buffer:add(-1) >= 0, "took from an empty buffer")
    empty:notify()
  end
end
spawn({ name = "producer", daemon = true }, producer)
local list = {}
for i = 1, 2 do list[i] = spawn({ name = "consumer" .. i, quiet = true }, consumer) end
for _, p in ipairs(list) do p:result() end
