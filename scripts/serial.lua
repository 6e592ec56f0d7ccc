#!/usr/bin/env sandbox
-- One process does everything itself: the second download begins when the first has ended,
-- and the total is the sum of both. (process.lua does the same with two processes.)
--
-- See it: sandbox --speed 10 --timeline scripts/serial.lua

local function download(file)
  print(("Start downloading %s..."):format(file))
  local seconds = math.random(5, 10)
  sleep(seconds) -- stands for the time that a network takes
  print(("%s Download complete! Consumed %d second"):format(file, seconds))
end

local start = sandbox.now()
download("Python introduction.pdf")
download("av.avi")
print(("Total cost %.2f second."):format(sandbox.now() - start))
