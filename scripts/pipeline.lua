#!/usr/bin/env sandbox
-- A pipeline: each stage is a process that takes items from one queue and puts them into the next, so all stages
-- work at the same time on different items, as on a conveyor belt. Six letters take three seconds each, one after
-- the other 18 seconds. Here the first letter leaves the belt after 3 seconds, and then one every second.
--
-- Guess first, then try: how long does it take if one stage needs 2 seconds? Do two processes in that stage help?
--
-- See it: sandbox --speed 10 --timeline scripts/pipeline.lua

-- Start a stage: `work` turns an item into another. When its input ends, it closes its output, so the end
-- passes through the whole pipeline.
local function stage(name, input, work)
  local output = queue { max = 2, name = "after " .. name }
  spawn({ name = name }, function()
    for item in input:items() do output:put(work(item)) end
    output:close()
  end)
  return output
end

local function write(name)
  sleep(1)
  return { to = name, text = ("Dear %s, ..."):format(name) }
end

local function seal(letter)
  sleep(1)
  letter.sealed = true
  return letter
end

local function stamp(letter)
  sleep(1)
  letter.stamp = #letter.to > 5 and "large" or "small"
  return letter
end

local names = queue()
local start = sandbox.now()
local post = stage("stamp", stage("seal", stage("write", names, write), seal), stamp)

for _, name in ipairs { "Ann", "Bob", "Cassandra", "Dan", "Eve", "Frederick" } do names:put(name) end
names:close()

local count = 0
for letter in post:items() do
  count = count + 1
  print(("%4.1f s  to %-9s  %s stamp%s"):format(sandbox.now() - start, letter.to, letter.stamp,
    letter.sealed and ", sealed" or ""))
end
print(("%4.1f s  %d letters; one after the other they would take %d s"):format(sandbox.now() - start, count,
  count * 3))
