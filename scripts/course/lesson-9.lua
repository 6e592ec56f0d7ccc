#!/usr/bin/env sandbox
-- Lesson 9: waiting until something is true.
--
-- Question: a process must wait until others have made something true. How, without asking again and again?
--
-- Experiment:   sandbox lesson-9.lua
--               sandbox --explore lesson-9.lua
--
-- What to look for: a condition belongs to a lock. wait() gives the lock back, sleeps until somebody notifies, and
-- takes the lock again, in one step, so that nothing can be missed between the test and the sleep. Being woken up does
-- not mean that it is true: hence `while`. Below stands the same with a monitor: when(test, action) does all of that.
--
-- Vary it: `if` in place of `while`; no notify; the test before the hold. What does --explore say of each?

local c, cups = sandbox.condition(), sandbox.value(0)

local function machine()
  for _ = 1, 2 do
    local _ <close> = c:hold()
    cups:add(1)
    c:notify_all()
  end
end

local function drinker()
  local _ <close> = c:hold()
  while cups:get() == 0 do c:wait() end
  cups:add(-1)
end

spawn({ name = "machine" }, machine)
local ann, bob = spawn({ name = "ann" }, drinker), spawn({ name = "bob" }, drinker)
assert(sandbox.join_all { ann, bob })
print("cups left: " .. cups:get())

-- The same with a monitor: shared fields, which are tested and changed in one step.
local m = sandbox.monitor { cups = 0 }
local function fill() m:when(function() return true end, function(f) f.cups = f.cups + 2 end) end
local function drink() m:when(function(f) return f.cups > 0 end, function(f) f.cups = f.cups - 1 end) end
assert(sandbox.join_all { spawn(fill), spawn(drink), spawn(drink) })
print("cups left: " .. m:when(function() return true end, function(f) return f.cups end))

-- Your turn. `sandbox check lesson-9 answer.lua` says whether it is right.
--
--   Two guests arrive, each a process that adds one to a sandbox.value. A host,
--   a third process, waits until two are here, and only then prints "2 are
--   here". Use a sandbox.condition (or a sandbox.monitor); the host must not
--   look again and again.
