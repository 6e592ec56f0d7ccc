#!/usr/bin/env sandbox
-- Readers and writers. Any number of readers may look at the same time, since looking changes nothing; a writer
-- must be alone. A plain lock would admit readers only one by one. Here a condition and two shared values make a
-- lock with two modes: a process waits until what it needs is true, and notifies the others when it changes that.
--
-- Guess first, then try: can readers that come again and again keep a writer waiting for ever (starvation)? How
-- could a waiting writer go first? What if the writer did not ask for readers:get() == 0?
--
--   sandbox scripts/readers_writers.lua explore    two readers look, a writer changes, in every order: a proof
--
-- See it: sandbox --speed 10 --timeline scripts/readers_writers.lua

local c = sandbox.condition()
local readers, writing = sandbox.value(0), sandbox.value(false)

local function reading(look)
  do
    local _ <close> = c:hold()
    c:wait_for(function() return not writing:get() end)
    readers:add(1)
  end
  look() -- without the lock: other readers look, too
  local _ <close> = c:hold()
  if readers:add(-1) == 0 then c:notify_all() end
end

local function writing_alone(change)
  do
    local _ <close> = c:hold()
    c:wait_for(function() return not writing:get() and readers:get() == 0 end)
    writing:set(true)
  end
  change()
  local _ <close> = c:hold()
  writing:set(false)
  c:notify_all()
end

-- The data: two accounts that together hold 100, except in the middle of a change.
local left, right = sandbox.value(100), sandbox.value(0)
local inside = sandbox.barrier(3)

if arg[1] == "explore" then
  local r = sandbox.explore(function()
    c, readers, writing = sandbox.condition(), sandbox.value(0), sandbox.value(false)
    left, right = sandbox.value(100), sandbox.value(0)
    local function look()
      reading(function() assert(left:get() + right:get() == 100, "half-made") end)
    end
    local function change()
      writing_alone(function()
        left:set(99)
        right:set(1)
      end)
    end
    assert(sandbox.join_all { spawn(look), spawn(look), spawn(change) })
  end)
  print(("%d states; nobody sees a half-made change, nobody waits for ever: %s"):format(r.states,
    r.ok and r.complete and "proved" or tostring(r)))
  return
end

local LOOKS, CHANGES = 50, 25

local function reader()
  local together, wrong = false, 0
  reading(function() together = inside:wait(30) ~= nil end) -- waits until all three look at the same time
  for _ = 1, LOOKS do
    reading(function()
      if left:get() + right:get() ~= 100 then wrong = wrong + 1 end
    end)
  end
  return together, wrong
end

local function writer()
  for _ = 1, CHANGES do
    writing_alone(function()
      local n = math.random(-10, 10)
      left:set(left:get() - n)
      right:set(right:get() + n)
    end)
  end
end

local readers_of, writers_of = {}, {}
for i = 1, 3 do readers_of[i] = spawn(reader) end
for i = 1, 2 do writers_of[i] = spawn(writer) end
for i, p in ipairs(readers_of) do
  local together, wrong = p:result()
  print(("reader %d looked beside the others: %s; saw %d half-made changes in %d looks"):format(i,
    together and "yes" or "no", wrong, LOOKS))
end
assert(sandbox.join_all(writers_of))
print(("after %d changes: %d in both accounts"):format(2 * CHANGES, left:get() + right:get()))
