#!/usr/bin/env sandbox
-- Lesson 11: a proof.
--
-- Question: a hundred runs went well. Is the script right?
--
-- Experiment:   sandbox --explore lesson-11.lua
--               sandbox --explore lesson-11.lua mended
--
-- What to look for: one seat is left, and two want it. The first command tries every order in which the steps can
-- follow each other, and shows the shortest one that sells the seat twice, with the last good moment. The second one
-- says `all tried`, and that no assertion fails. That is no test, but a proof: for this script, with two buyers. About
-- three it says nothing; change the number and ask again. What it does not try are other inputs, and programs too big
-- for all their orders: then it says `not all`.
--
-- Vary it: three buyers. How does the number of orders grow? And with five?

local BUYERS = 2
local seats, sold = sandbox.value(1), sandbox.value(0)

local function buy()
  if seats:get() > 0 then -- another one may buy here
    seats:add(-1)
    sold:add(1)
  end
end

local function buy_mended()
  local got = false
  seats:update(function(n)
    got = n > 0
    return got and n - 1 or n
  end)
  if got then sold:add(1) end
end

local list = {}
for i = 1, BUYERS do list[i] = spawn({ name = "buyer" }, arg[1] == "mended" and buy_mended or buy) end
assert(sandbox.join_all(list))
assert(sold:get() == 1, "sold " .. sold:get() .. " times")
print("sold once")

-- Your turn. `sandbox check lesson-11 answer.lua` says whether it is right.
--
--   A sandbox.value holds 100. Three processes want to spend 60, 30 and 60 of
--   it, at the same time, each only if there is enough. At the end main prints
--   "left 10": one of the 60 is refused, whatever the order. Test and act in one
--   step, or below a lock.
