#!/usr/bin/env sandbox
-- Heat spreads in a metal plate. Its left and its top edge are kept hot, the others cold; inside, each point becomes as
-- warm as its four neighbours are on average, again and again, until nothing changes much. The plate is an array of
-- numbers, which all processes share; each has some of the rows. There are two plates: all read the old one and write
-- the new one, and a barrier keeps them in step, so no point needs a lock. Each process writes into a third
-- array how much its rows have changed.
--
-- Guess first, then try: is the result the same with one worker and with four? And without the barrier? Are two plates
-- needed at all? (With one, a point sees neighbours that are new already. Try that, and count the steps.)
--
-- See it: sandbox --timeline scripts/heat.lua

local WIDTH, HEIGHT, WORKERS = 36, 14, 4
local HOT, ENOUGH = 100, 0.05 -- degrees; it is enough if no point changes by more

local plates = { sandbox.array(WIDTH * HEIGHT, "number"), sandbox.array(WIDTH * HEIGHT, "number") }
local change = sandbox.array(WORKERS, "number") -- the largest in the rows of each worker
local step = sandbox.barrier(WORKERS)

local function at(x, y) return (y - 1) * WIDTH + x end

-- One step of the rows from `first` to `last`: the largest change.
local function spread(old, new, first, last)
  local largest = 0
  for y = first, last do
    for x = 2, WIDTH - 1 do
      local here = at(x, y)
      local warmth = (old[here - 1] + old[here + 1] + old[here - WIDTH] + old[here + WIDTH]) / 4
      largest = math.max(largest, math.abs(warmth - old[here]))
      new[here] = warmth
    end
  end
  return largest
end

-- Worker i has the rows between these. The edges are nobody's.
local function rows(i)
  local inside = HEIGHT - 2
  return 2 + (i - 1) * inside // WORKERS, 1 + i * inside // WORKERS
end

local function work(i)
  local first, last = rows(i)
  local old, new, steps = plates[1], plates[2], 0
  repeat
    change[i] = spread(old, new, first, last)
    old, new, steps = new, old, steps + 1
    assert(step:wait()) -- all have written
    local largest = math.max(table.unpack(change:copy()))
    assert(step:wait()) -- all have looked
  until largest < ENOUGH
  return steps
end

for _, plate in ipairs(plates) do
  for x = 1, WIDTH do plate[at(x, 1)] = HOT end
  for y = 1, HEIGHT do plate[at(1, y)] = HOT end
end

local results = sandbox.team(WORKERS, work):results()
local steps = results[1]
local plate = plates[steps % 2 + 1]:copy()

local SHADES = " .:-=+*#%@"
for y = 1, HEIGHT do
  local line = {}
  for x = 1, WIDTH do
    local shade = 1 + math.min(#SHADES - 1, plate[at(x, y)] * #SHADES // HOT)
    line[x] = SHADES:sub(shade, shade)
  end
  print("  " .. table.concat(line))
end
print(("after %d steps; in the middle %.1f degrees"):format(steps, plate[at(WIDTH // 2, HEIGHT // 2)]))
