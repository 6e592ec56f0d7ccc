#!/usr/bin/env sandbox
-- Lesson 2: side by side.
--
-- Question: the same two jobs, each in a process of its own. How long do they take now? And if there were ten?
--
-- Experiment:   sandbox --speed 10 --timeline lesson-2.lua
--
-- What to look for: spawn(f, ...) starts a process that calls f(...), and returns at once: both jobs begin at 0.
-- result() waits until the process has ended, and returns what its function returned. In the timeline the two rows
-- lie below each other, and main waits: the total is the longer time, not the sum.
--
-- Vary it: call result() directly after each spawn. Why is it 5 seconds again?

local function job(name, seconds)
  print(("%4.1f s: %s begins"):format(sandbox.now(), name))
  sleep(seconds)
  return name .. " is done"
end

local water = spawn({ name = "water" }, job, "boil the water", 3)
local bread = spawn({ name = "bread" }, job, "slice the bread", 2)
print(water:result())
print(bread:result())
print(("%4.1f s in all"):format(sandbox.now()))

-- Your turn. `sandbox check lesson-2 answer.lua` says whether it is right.
--
--   Fetch a book (2 seconds), a film (3 seconds) and a song (1 second) at the
--   same time, each in a process of its own. Each process returns its line, and
--   main prints them in this order: "book is here", "film is here", "song is
--   here". At the end main prints "total 3 s", which is the longest of the three.
