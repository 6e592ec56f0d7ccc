#!/usr/bin/env sandbox
-- Lesson 1: one after the other.
--
-- Question: two jobs wait most of their time, 3 seconds and 2 seconds. How long do they take, one after the other?
--
-- Experiment:   sandbox --speed 10 --timeline lesson-1.lua
--
-- What to look for: the seconds of the second job begin where those of the first one end. --speed 10 makes the
-- clock of the run go ten times faster; sleep and sandbox.now() agree with it, so the seconds stay the same. The
-- timeline has a row for each process: here one, main.
--
-- Vary it: change the order of the two jobs. What changes, and what does not?

local function job(name, seconds)
  print(("%4.1f s: %s begins"):format(sandbox.now(), name))
  sleep(seconds)
  print(("%4.1f s: %s is done"):format(sandbox.now(), name))
end

job("boil the water", 3)
job("slice the bread", 2)
print(("%4.1f s in all"):format(sandbox.now()))

-- Your turn. `sandbox check lesson-1 answer.lua` says whether it is right.
--
--   Fetch a book (2 seconds), a film (3 seconds) and a song (1 second), one
--   after the other; sleep(n) stands for the work. Print "book is here", "film
--   is here" and "song is here", each when it is, and at the end "total 6 s".
--   Take the seconds from sandbox.now().
