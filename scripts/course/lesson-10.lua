#!/usr/bin/env sandbox
-- Lesson 10: a timeline.
--
-- Question: where did the time go?
--
-- Experiment:   sandbox --speed 10 --trace serial.pftrace lesson-10.lua serial
--               sandbox --speed 10 --trace line.pftrace lesson-10.lua
--               sandbox trace serial.pftrace line.pftrace
--
-- What to look for: the last command draws both runs on one time axis. Alone, one cook needs 2 seconds for each pizza,
-- one to roll it and one to bake it. On the line, one rolls the next pizza while the other bakes: from the second
-- pizza on both rows are full. Three pizzas take 4 seconds, not 6. Look for rows that wait: there is time to be won.
-- `-o both.html` behind the last command makes a page for the browser.
--
-- Vary it: rolling takes 2 seconds, baking 1. Who waits now? What would a second roller change?

local ROLL, BAKE, PIZZAS = 1, 1, 3

local function serial()
  for _ = 1, PIZZAS do
    sleep(ROLL)
    sleep(BAKE)
  end
end

local function line()
  local rolled = queue { name = "rolled" }
  spawn({ name = "roller" }, function()
    for i = 1, PIZZAS do
      sleep(ROLL)
      rolled:put(i)
    end
    rolled:close()
  end)
  local baker = spawn({ name = "baker" }, function()
    for _ in rolled:items() do sleep(BAKE) end
  end)
  baker:join()
end

if arg[1] == "serial" then
  serial()
else
  line()
end
print(("%d pizzas after %.1f s"):format(PIZZAS, sandbox.now()))

-- Your turn. `sandbox check lesson-10 answer.lua` says whether it is right.
--
--   Four shirts are washed (1 second), dried (1 second) and folded (1 second).
--   There is one washer, one dryer and one table, each a process that takes one
--   shirt at a time. Connect them by queues. When the last shirt is folded, main
--   prints "done after 6 s", from sandbox.now().
