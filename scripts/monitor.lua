#!/usr/bin/env sandbox
-- A bounded buffer in a few lines. A monitor is a table of fields that processes share under one lock:
-- `m:when(predicate, action)` waits until the predicate says yes to the fields, and then changes them, with no other
-- process in between. There is no condition to notify, and no loop around a wait: both are easily forgotten.
--
-- Guess first, then try: how full does the buffer get with a quick reader? With MOST = 1? What do the fields look
-- like if a reader is killed inside its action? (They are those of the last whole step.) And what if a predicate
-- sleeps?
--
-- See it: sandbox --speed 10 --timeline scripts/monitor.lua

local MOST, ITEMS = 3, 8

local buffer = sandbox.monitor { items = {}, fullest = 0 }

local function has_room(b) return #b.items < MOST end
local function has_items(b) return #b.items > 0 end

local function put(item)
  buffer:when(has_room, function(b)
    table.insert(b.items, item)
    b.fullest = math.max(b.fullest, #b.items)
  end)
end

local function get()
  return buffer:when(has_items, function(b) return table.remove(b.items, 1) end)
end

local function writer(number)
  for i = 1, ITEMS do put(number * 100 + i) end
end

local function reader()
  local sum = 0
  for _ = 1, ITEMS do
    sum = sum + get()
    sleep(0.1) -- slower than the writers: the buffer is full most of the time
  end
  return sum
end

local writers, readers = sandbox.team(2, writer), sandbox.team(2, reader)
local sums = readers:results()
writers:join()
print("put and got:", sums[1] + sums[2])
local fullest = buffer:when(function() return true end, function(b) return b.fullest end)
print("never more than " .. MOST .. " in the buffer:", fullest <= MOST and "yes" or "no")
