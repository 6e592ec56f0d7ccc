#!/usr/bin/env sandbox
-- Lesson 6: a lock.
--
-- Question: get and set are two steps. How can they become one?
--
-- Experiment:   sandbox --shake lesson-6.lua
--               sandbox --explore lesson-6.lua
--
-- What to look for: a lock has one holder at a time; another one that wants it waits. What one does while it
-- holds the lock comes wholly before or wholly after what the other does. hold() takes the lock, and gives it back at
-- the end of the block, also after an error: that is what <close> does. A hundred shaken runs go well. The second
-- command says more: all orders were tried, and none loses an addition.
--
-- Vary it: move the line with count:get() above the one with the lock. Is a lock around the set alone enough?

local count, lock = sandbox.value(0), sandbox.lock { name = "lock" }

local function inc()
  local _ <close> = lock:hold()
  local n = count:get()
  count:set(n + 1)
end

local a, b = spawn({ name = "alice" }, inc), spawn({ name = "bob" }, inc)
a:join()
b:join()
assert(count:get() == 2, "an addition is lost")
print("2, as it should be")

-- Your turn. `sandbox check lesson-6 answer.lua` says whether it is right.
--
--   Mend lesson 5: two processes add one to a sandbox.value in two steps, get
--   and set, and hold a sandbox.lock for both of them. When both have ended,
--   main prints "count 2".
