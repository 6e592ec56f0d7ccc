#!/usr/bin/env sandbox
-- Lesson 3: no shared variables.
--
-- Question: a process changes a variable. Who sees it?
--
-- Experiment:   sandbox lesson-3.lua
--
-- What to look for: three numbers for one variable. A process begins with a copy of everything that its parent has
-- at that moment, and from then on the two have nothing in common. So the child sees 10, not 0; main never sees the
-- child's 11; and what main changes later, the child does not see. What comes back is the result.
--
-- Vary it: change the variable before the spawn, and after it. Which of the two does the child see?

local apples = 10

local child = spawn(function()
  print("the child begins with", apples)
  apples = apples + 1
  sleep(0.2) -- meanwhile main changes its own
  print("the child ends with", apples)
  return apples
end)

apples = 100
print("main has", apples)
local result = child:result()
print("main still has", apples)
print("the result was", result)

-- Your turn. `sandbox check lesson-3 answer.lua` says whether it is right.
--
--   Two processes count the words of two texts, "to be or not to be" and "that
--   is the question", and main prints the sum: "words 10".
