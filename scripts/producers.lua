#!/usr/bin/env sandbox
-- Producers and consumers. Three cooks are quick, two waiters are slow, and the counter between them has
-- room for three plates. A cook that finds it full waits in `put`, a waiter that finds it empty waits in
-- `get`; neither counts plates or polls. A bounded queue keeps the quick side from running away from the
-- slow one.
--
-- Guess first, then try: what changes with `max = 1`? Without `max`? With one waiter?
--
-- See it: sandbox --speed 10 --timeline scripts/producers.lua

local COOKS, PLATES = { "ann", "bob", "cid" }, 4

local counter = queue { max = 3, name = "counter" }

-- Put all plates on the counter; returns how often the cook had to wait for room.
local function cook(name)
  local waits = 0
  for number = 1, PLATES do
    if counter:full() then waits = waits + 1 end
    counter:put { cook = name, number = number }
  end
  return waits
end

-- Take plates until the counter is closed and empty. Returns them in the order in which they came, and the
-- greatest number that was on the counter.
local function waiter()
  local plates, most = {}, 0
  for plate in counter:items() do
    plates[#plates + 1] = plate
    most = math.max(most, #counter)
    sleep(1) -- the way to the table
  end
  return plates, most
end

-- Does each cook's plate 2 come after plate 1, and so on?
local function in_order(plates)
  local last = {}
  for _, plate in ipairs(plates) do
    if plate.number < (last[plate.cook] or 0) then return false end
    last[plate.cook] = plate.number
  end
  return true
end

local cooks, waiters, waits = {}, {}, 0
for i, name in ipairs(COOKS) do cooks[i] = spawn({ name = name }, cook, name) end
while not counter:full() do sleep(0.1) end -- only to tell the story
print(("%d plates are on the counter, and no cook can put another"):format(#counter))

for i = 1, 2 do waiters[i] = spawn({ name = "waiter" }, waiter) end
print("the waiters come")
for _, p in ipairs(cooks) do waits = waits + p:result() end
counter:close() -- no more plates: the waiters take what is left, and go home
print(("all plates are cooked; the cooks %s"):format(waits > 0 and "had to wait for room" or "never waited"))

local served = 0
for i, p in ipairs(waiters) do
  local plates, most = p:result()
  assert(most <= 3, "more plates than there is room for")
  served = served + #plates
  print(("waiter %d got each cook's plates in their order: %s"):format(i, in_order(plates) and "yes" or "no"))
end
print(("served: %d of %d plates"):format(served, #COOKS * PLATES))
