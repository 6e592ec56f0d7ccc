#!/usr/bin/env sandbox
-- Santa Claus (Trono). Santa sleeps until all nine reindeer are back from their holidays, or until three of his ten
-- elves need help. With the reindeer he delivers toys; if both wait, the reindeer go first. Elves come in threes: a
-- fourth one waits until the three before have been helped.
--
-- With semaphores this is one of the hardest of the classic problems. With a monitor each of them says what it
-- waits for.
--
-- See it: sandbox --timeline scripts/santa.lua

local REINDEER <const>, ELVES <const>, YEARS <const> = 9, 10, 2

local m = sandbox.monitor { deer = 0, sleighs = 0, elves = 0, groups = 0, closed = false }
local function always() return true end

local function santa()
  local visits, helped = 0, 0
  while visits < YEARS do
    local what = m:when(function(s) return s.deer == REINDEER or s.elves == 3 end, function(s)
      if s.deer == REINDEER then
        s.deer, s.sleighs = 0, s.sleighs + 1
        return "sleigh"
      end
      s.elves, s.groups = 0, s.groups + 1
      return "elves"
    end)
    if what == "sleigh" then visits = visits + 1 else helped = helped + 3 end
  end
  m:when(always, function(s) s.closed = true end)
  return visits, helped
end

local function reindeer()
  for year = 1, YEARS do
    sleep(math.random() / 2) -- on the islands
    m:when(always, function(s) s.deer = s.deer + 1 end)
    m:when(function(s) return s.sleighs >= year end, function() end) -- pulls the sleigh
  end
end

local function elf()
  local helped = 0
  while true do
    sleep(math.random() / 10) -- works until it has a question
    local group = m:when(function(s) return s.closed or s.elves < 3 end, function(s)
      if s.closed then return nil end
      s.elves = s.elves + 1
      return s.groups + 1
    end)
    if not group then return helped end
    local function answered(s) return s.groups >= group end
    local function over(s) return s.closed or answered(s) end
    if not m:when(over, answered) then return helped end
    helped = helped + 1
  end
end

local claus, deer, elves = spawn({ name = "santa" }, santa), {}, {}
for i = 1, REINDEER do deer[i] = spawn({ name = "deer" .. i }, reindeer) end
for i = 1, ELVES do elves[i] = spawn({ name = "elf" .. i }, elf) end

local visits, helped = claus:result()
assert(sandbox.join_all(deer))
local sum = 0
for _, p in ipairs(elves) do sum = sum + p:result() end
print(("santa delivered toys %d times, with all %d reindeer each time"):format(visits, REINDEER))
print(helped == sum and helped % 3 == 0 and "he helped elves, always three at a time" or "he miscounted his elves")
