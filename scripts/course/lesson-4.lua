#!/usr/bin/env sandbox
-- Lesson 4: a queue between them.
--
-- Question: how do two processes talk, if they share nothing? And how does the reader know that this was all?
--
-- Experiment:   sandbox --speed 10 --timeline lesson-4.lua
--
-- What to look for: put adds an item, get takes the oldest, and waits if there is none. The waiter is as quick as
-- the cook: in the timeline it waits for each dish. close says that no more will come; items() reads what is left, and
-- ends. Without it the waiter would wait for ever, and the run would end with a report of a deadlock. Try it.
--
-- Vary it: two waiters (spawn it twice). Each dish goes to one of them; to which, is luck.

local kitchen = queue { name = "kitchen" }

local function cook()
  for _, dish in ipairs { "soup", "pasta", "cake" } do
    sleep(1)
    kitchen:put(dish)
  end
  kitchen:close()
end

local function waiter()
  for dish in kitchen:items() do
    print(("%4.1f s: %s is served"):format(sandbox.now(), dish))
  end
end

spawn({ name = "cook" }, cook)
spawn({ name = "waiter" }, waiter)

-- Your turn. `sandbox check lesson-4 answer.lua` says whether it is right.
--
--   A producer puts the numbers 1 to 5 into a queue. A consumer, another
--   process, reads them to the end of the stream, adds them up, and prints
--   "sum 15".
