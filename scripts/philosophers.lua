#!/usr/bin/env sandbox
-- Five philosophers sit around a table, with a fork between each two. To eat, one needs the forks on both sides.
-- If all take the left one first, each waits for a neighbour that waits for a neighbour ... and none will ever
-- eat: a deadlock. Here a barrier makes all have their first fork at the same moment; without it, that would
-- take bad luck. That is why deadlocks are nasty: most of the time all goes well.
--
--   sandbox scripts/philosophers.lua            the deadlock: sandbox detects it, and says who waits for whom
--   sandbox scripts/philosophers.lua kill       a way out: one is killed
--   sandbox scripts/philosophers.lua ordered    the cure
--   sandbox scripts/philosophers.lua explore    three, in every order: how many go wrong; a proof of the cure
--
-- The cure: forks have numbers, and each philosopher takes the one with the lower number first. Then no circle
-- of waiting can form: the fifth philosopher waits for fork 1 with empty hands, and the fourth can eat.
--
-- Guess first, then try: does it help if only one philosopher takes the right fork first?
--
-- See it: sandbox --trace philosophers.html scripts/philosophers.lua

-- Three philosophers, one meal each, without the barrier: every order of their steps, not only the unlucky one.
local function dinner(cured)
  return function()
    local forks, list = {}, {}
    for i = 1, 3 do forks[i] = sandbox.lock { name = "fork" .. i } end
    for i = 1, 3 do
      local left, right = i, i % 3 + 1
      if cured then left, right = math.min(left, right), math.max(left, right) end
      list[i] = spawn({ name = "philosopher" .. i }, function()
        local _ <close> = forks[left]:hold()
        local _ <close> = forks[right]:hold()
      end)
    end
    assert(sandbox.join_all(list))
  end
end

if arg[1] == "explore" then
  local naive, cured = sandbox.explore(dinner(false)), sandbox.explore(dinner(true))
  for _, o in ipairs(naive.outcomes) do
    if o.ends == "deadlock" then
      print(("left first:  %d of %d orders end in a deadlock"):format(o.interleavings, naive.interleavings))
    end
  end
  print(("lower first: all %d orders end well: %s"):format(cured.interleavings, cured.ok and "proved" or "no"))
  print(naive)
  return
end

local N, MEALS = 5, 3
local ordered = arg[1] == "ordered" -- else all are unlucky

local forks = {}
for i = 1, N do forks[i] = sandbox.lock { name = "fork" .. i } end
local all_have_one = sandbox.barrier(N + 1) -- and the main process, which watches

local function philosopher(first, second)
  for meal = 1, MEALS do
    local _ <close> = forks[first]:hold()
    if not ordered and meal == 1 then all_have_one:wait() end
    local _ <close> = forks[second]:hold()
    sleep(0.1) -- eats
  end
  return MEALS
end

local list = {}
for i = 1, N do
  local left, right = i, i % N + 1
  if ordered then left, right = math.min(left, right), math.max(left, right) end
  list[i] = spawn({ name = "philosopher" .. i }, philosopher, left, right)
end

if not ordered then all_have_one:wait() end
if arg[1] == "kill" and not sandbox.join_all(list, 10) then
  print("for ten seconds nobody has moved:")
  for i = 1, N do print("  " .. tostring(forks[i])) end
  print("philosopher 1 is killed; fork 1 passes on to the one that waits for it")
  list[1]:kill()
end
for i, p in ipairs(list) do
  local ok, meals = p:join()
  print(("philosopher %d %s"):format(i, ok and ("ate %d times"):format(meals) or p:status()))
end
