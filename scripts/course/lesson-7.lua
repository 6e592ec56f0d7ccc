#!/usr/bin/env sandbox
-- Lesson 7: a deadlock.
--
-- Question: two processes need the same two locks. Can that go wrong?
--
-- Experiment:   sandbox lesson-7.lua            usually all goes well
--               sandbox lesson-7.lua slow       now it does not: exit status 4
--               sandbox --explore lesson-7.lua
--
-- What to look for: each has one lock and waits for the other's: a deadlock. The report says of each process where it
-- waits, for what, and who alone could give it; read it as a circle. The words `taken by` say in which line each lock
-- was taken. The third command needs no luck: it shows the shortest order that ends so, and which one switch was too
-- many.
--
-- Vary it: a third philosopher, and a third thing. How long can the circle be?

local fork, knife = sandbox.lock { name = "fork" }, sandbox.lock { name = "knife" }

local function eat(first, second)
  local _ <close> = first:hold()
  if arg[1] == "slow" then sleep(0.1) end -- time enough for the other one to take its first
  local _ <close> = second:hold()
  print(sandbox.self().name .. " eats")
end

spawn({ name = "plato" }, eat, fork, knife)
spawn({ name = "kant" }, eat, knife, fork)

-- Your turn. `sandbox check lesson-7 answer.lua` says whether it is right.
--
--   Ann and Bob eat with one fork and one knife, which are locks. Each takes
--   one thing, then the other, and gives both back. Write it so that the two
--   can wait for each other for ever, but need not.
