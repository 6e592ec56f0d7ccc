#!/usr/bin/env sandbox
-- Two processes share nothing, so they talk through a queue: what one puts, the other gets, in the
-- same order. Here the writer has ended before the reader starts: the items wait in the queue.
--
-- See it: sandbox --speed 10 --timeline scripts/queue.lua

local function write(q)
  for _, item in ipairs { "python introduction", "av.avi", "java introduction" } do
    queue_put(q, item) -- when put returns, the item is in the queue for every process
    print(("Start writing process, process number:[%d]"):format(sandbox.getpid()))
    print(("Start writing %s..."):format(item))
    sleep(3)
  end
end

local function read(q)
  while not q:empty() do -- exact, at any moment
    print(("Start reading process, process number:[%d]"):format(sandbox.getpid()))
    print(("Start reading %s..."):format(queue_get(q)))
    sleep(3)
  end
end

local q = queue()
local writer = spawn(write, q)
assert(join(writer))
local reader = spawn(read, q)
assert(join(reader))
