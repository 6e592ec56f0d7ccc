#!/usr/bin/env sandbox
-- The sleeping barber (Dijkstra). A barber, and a room with a few chairs. A customer who finds a chair waits for
-- the haircut; one who finds none leaves at once. The barber sleeps while nobody waits.
--
-- A queue is such a room: it has places, `try_put` takes one if it is free, and `get` is the barber's sleep. What
-- comes into the queue is the customer's name and an event, on which the customer waits until its hair is cut.
--
-- Guess first, then try: of ten customers that come at the same moment, how many are turned away? Is it always the
-- same number?
--
-- See it: sandbox --speed 10 --timeline scripts/barbershop.lua

local CHAIRS, CUSTOMERS = 3, 10
local chairs = queue { name = "chairs", max = CHAIRS }

local function barber()
  local cut = 0
  for customer in chairs:items() do
    sleep(1) -- snip, snip
    cut = cut + 1
    customer.done:set()
  end
  return cut
end

local function customer(name)
  local done = sandbox.event()
  if not chairs:try_put { name = name, done = done } then return "left: no chair was free" end
  local came = sandbox.now()
  done:wait()
  return ("waited %.0f s, and has short hair"):format(sandbox.now() - came)
end

local shop, list = spawn({ name = "barber" }, barber), {}
for i = 1, CUSTOMERS do
  list[i] = spawn({ name = "customer " .. i }, customer, i)
  sleep(i % 4 == 0 and 1.5 or 0.1) -- they come in groups of four
end
local served = 0
for i, p in ipairs(list) do
  local what = p:result()
  served = served + (what:find("short hair") and 1 or 0)
  print(("customer %d %s"):format(i, what))
end
chairs:close()
print(("the barber cut the hair of %d, and %d are glad of it"):format(shop:result(), served))
