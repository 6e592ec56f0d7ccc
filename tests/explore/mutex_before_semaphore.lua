-- producer and consumer, two items, room for one: they wait with the mutex held that the other needs. "right": the other order
local mutex, full, empty = sandbox.lock(), sandbox.semaphore(0), sandbox.semaphore(1)
local RIGHT = ... == "right"
local function work(from, to)
  for _ = 1, 2 do
    if RIGHT then from:acquire() mutex:acquire() else mutex:acquire() from:acquire() end
    to:release()
    mutex:release()
  end
end
local producer, consumer = spawn(work, empty, full), spawn(work, full, empty)
producer:join() consumer:join()
