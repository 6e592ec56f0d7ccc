#!/usr/bin/env sandbox
-- Each download has a process of its own, and both sleep at the same time: the total is the time of
-- the longer one, not the sum. (serial.lua does the same without processes.)
--
-- See it: sandbox --speed 10 --timeline scripts/process.lua

local function download(file)
  print(("Start the download process, process number:[%d]"):format(sandbox.getpid()))
  print(("Start downloading %s..."):format(file))
  local seconds = math.random(5, 10) -- every process draws random numbers of its own
  sleep(seconds)
  print(("%s Download complete! Consumed %d second"):format(file, seconds))
end

local start = sandbox.now()
local first = spawn(download, "Python introduction.pdf") -- runs from here on
local second = spawn(download, "av.avi") -- so does this one
assert(join(first)) -- join waits; assert raises a failure of the child here
assert(join(second))
print(("Total cost %.2f second."):format(sandbox.now() - start))
