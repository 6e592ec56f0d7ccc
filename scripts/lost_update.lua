#!/usr/bin/env sandbox
-- A lost update. To add one, a process reads a number, adds, and writes it back. When two processes do so at
-- the same time, both read the same number, and one of the two additions is lost. Usually that happens rarely,
-- which makes it hard to find; here a barrier between reading and writing makes it happen every time.
-- Three cures follow: a lock around all three steps, one atomic step instead of three, one owner of the number.
--
-- Guess first, then try: what comes out without the barrier? Always the same? Then see all that can come out:
--
--   sandbox scripts/lost_update.lua explore     every order in which two processes can add one each
--
-- See it: sandbox --timeline scripts/lost_update.lua

-- Two processes that add one each; in how many orders is an addition lost?
local function explore(title, add)
  local r = sandbox.explore(function()
    local counter, lock = sandbox.value(0), sandbox.lock()
    local function f() add(counter, lock) end
    assert(sandbox.join_all { spawn(f), spawn(f) })
    print(counter:get())
  end)
  local lost = 0
  for _, o in ipairs(r.outcomes) do
    if o.text ~= "2\n" then lost = lost + o.interleavings end
  end
  print(("%-24s lost in %d of %d orders"):format(title, lost, r.interleavings))
end

if arg[1] == "explore" then
  explore("three steps", function(counter) counter:set(counter:get() + 1) end)
  explore("a lock around them", function(counter, lock)
    local _ <close> = lock:hold()
    counter:set(counter:get() + 1)
  end)
  explore("one step", function(counter) counter:add(1) end)
  return
end

local PROCESSES, TIMES = 4, 250

-- Run `add(counter)` TIMES times in each of PROCESSES processes, and then show the counter.
local function compete(title, counter, add)
  local list = {}
  for i = 1, PROCESSES do
    list[i] = spawn({ name = title }, function()
      for _ = 1, TIMES do add(counter) end
    end)
  end
  assert(sandbox.join_all(list))
  print(("%-24s %4d of %d"):format(title, counter:get(), PROCESSES * TIMES))
end

-- Broken: all processes read before the first one writes.
local all_have_read, all_have_written = sandbox.barrier(PROCESSES), sandbox.barrier(PROCESSES)
compete("three steps", sandbox.value(0), function(counter)
  local n = counter:get()
  all_have_read:wait()
  counter:set(n + 1)
  all_have_written:wait()
end)

-- Cure 1: a lock. Its holder does all three steps while the others wait.
local lock = sandbox.lock()
compete("a lock around them", sandbox.value(0), function(counter)
  local _ <close> = lock:hold()
  counter:set(counter:get() + 1)
end)

-- Cure 2: one step. `add` reads, adds and writes atomically.
compete("one step", sandbox.value(0), function(counter) counter:add(1) end)

-- Cure 3: one owner. Only one process has the number; the others send it what to add.
local orders = queue { name = "orders" }
local owner = spawn({ name = "owner" }, function()
  local n = 0
  for order in orders:items() do n = n + order end
  return n
end)
local account = { get = function() orders:close() return owner:result() end }
compete("one owner", account, function() orders:put(1) end)
