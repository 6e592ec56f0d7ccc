#!/usr/bin/env sandbox
-- Lesson 5: a lost update.
--
-- Question: two processes add one to a number, which starts at 0. Is it 2 at the end?
--
-- Experiment:   sandbox lesson-5.lua
--               sandbox --shake lesson-5.lua
--
-- What to look for: the first command says 2, nearly always; run it twenty times. The second one runs the script up to
-- a hundred times, with short random pauses before each operation, until it goes wrong: both read 0 before one of them
-- wrote, so both wrote 1. A race is a mistake that shows in some orders of the steps only; a test finds it by luck.
--
-- Vary it: count on paper. The four steps are get and set of one, get and set of the other. In how many orders can
-- they follow each other, and how many of these lose an addition? Then ask: sandbox --explore lesson-5.lua

local count = sandbox.value(0)

local function inc()
  local n = count:get()
  count:set(n + 1)
end

local a, b = spawn({ name = "alice" }, inc), spawn({ name = "bob" }, inc)
a:join()
b:join()
assert(count:get() == 2, "an addition is lost")
print("2, as it should be; this time")

-- Your turn. `sandbox check lesson-5 answer.lua` says whether it is right.
--
--   Two processes add one to the same sandbox.value, which starts at 0, in two
--   steps: get, then set. When both have ended, main asserts that it is 2. The
--   script must be able to fail: in some orders an addition is lost.
