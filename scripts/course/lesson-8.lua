#!/usr/bin/env sandbox
-- Lesson 8: locks in order.
--
-- Question: in which order must processes take two locks, so that no circle can form?
--
-- Experiment:   sandbox --explore lesson-8.lua
--               sandbox --explore lesson-8.lua by-name
--
-- What to look for: the first command finds the deadlock of lesson 7 in another form: Plato writes to Kant while Kant
-- writes to Plato, and each locks his own desk first. In the second one everybody locks first the desk whose name
-- comes first in the alphabet, whoever writes. A circle needs somebody who goes the other way
-- round, and there is none. The report becomes one line: a proof.
--
-- Vary it: give up instead of waiting, hold(0). No deadlock any more, but is the letter still delivered?

local desks = {}
for _, name in ipairs { "kant", "plato" } do
  desks[name] = { lock = sandbox.lock { name = name }, letters = sandbox.value(0) }
end

local function write(from, to)
  local first, second = from, to
  if arg[1] == "by-name" and second < first then first, second = second, first end
  local _ <close> = desks[first].lock:hold()
  local _ <close> = desks[second].lock:hold()
  desks[to].letters:set(desks[to].letters:get() + 1)
end

local a, b = spawn({ name = "plato" }, write, "plato", "kant"), spawn({ name = "kant" }, write, "kant", "plato")
a:join()
b:join()
print("letters: " .. desks.kant.letters:get() .. " and " .. desks.plato.letters:get())

-- Your turn. `sandbox check lesson-8 answer.lua` says whether it is right.
--
--   Two accounts have 100 each (sandbox.value), and a lock each. One process
--   moves 30 from the first to the second, another 10 from the second to the
--   first, at the same time. A transfer holds both locks while it reads and
--   writes both accounts (get and set). At the end main prints "80 120".
