-- explore/brute.lua - a second opinion on --explore: counts the interleavings of a script one by one.
--
-- Nothing here is code of the program. A script runs in plain Lua: processes are coroutines, and the few types that the corpus
-- uses are tables. An interleaving is a list of choices; each one is run from the beginning, and then the last choice that has an
-- alternative is changed. No states are merged and none are remembered, so this is slow and hard to get wrong.
--
-- Steps are those of src/sim/world.h, with the wake-up and the lock of a condition's wait as one step: making an object, spawning
-- and joining are none, and a process that ends is one only if it holds a lock. Processes share variables here, so a script must
-- not change one that another process sees.
--
--   lua brute.lua script.lua [limit]
local brute = {}

local running -- the process that runs now
local processes, printed
local yield = coroutine.yield

-- A step of the present process: it waits until can() is true, and is carried out by step(), whose results it returns.
local function step(can, run) return yield(can, run) end
local function always() return true end
-- What is no step of its own: done as soon as it can be.
local function quiet(can) if not can() then yield(can, false) end end

local function class() local c = {} c.__index = c return c end

local Value = class()
function Value:get() return step(always, function() return self.v end) end
function Value:set(v) step(always, function() self.v = v end) end
function Value:add(n) return step(always, function() self.v = self.v + n return self.v end) end
function Value:cas(old, new)
  return step(always, function()
    if self.v ~= old then return false end
    self.v = new
    return true
  end)
end

local Dict = {}
function Dict.__index(d, k) return step(always, function() return rawget(d, 0)[k] end) end
function Dict.__newindex(d, k, v) step(always, function() rawget(d, 0)[k] = v end) end

local Lock = class()
function Lock:acquire(timeout)
  local me = running
  if timeout == 0 then
    return step(always, function()
      if self.holder then return false end
      self.holder, me.held[self] = me, true
      return true
    end)
  end
  return step(function() return not self.holder end, function() self.holder, me.held[self] = me, true return true end)
end
function Lock:release()
  local me = running
  step(always, function() self.holder, me.held[self] = nil, nil end)
end
function Lock:hold()
  self:acquire()
  return setmetatable({}, { __close = function() self:release() end })
end

local Condition = class()
function Condition:acquire() return self.lock:acquire() end
function Condition:release() return self.lock:release() end
function Condition:hold() return self.lock:hold() end
function Condition:wait()
  local me, entry, lock = running, {}, self.lock
  step(always, function()
    lock.holder, me.held[lock] = nil, nil
    table.insert(self.line, entry)
  end)
  step(function() return entry.woken and not lock.holder end, function() lock.holder, me.held[lock] = me, true end)
  return true
end
function Condition:notify(n)
  step(always, function()
    for _ = 1, math.min(n or 1, #self.line) do
      local entry = table.remove(self.line, 1)
      if entry then entry.woken = true end
    end
  end)
end
function Condition:notify_all() self:notify(math.huge) end

local Semaphore = class()
function Semaphore:acquire() return step(function() return self.n > 0 end, function() self.n = self.n - 1 return true end) end
function Semaphore:release() step(always, function() self.n = self.n + 1 end) end

local Event = class()
function Event:set() step(always, function() self.is = true for _, e in ipairs(self.line) do e.woken = true end self.line = {} end) end
function Event:wait()
  local entry = {}
  step(always, function()
    entry.woken = self.is
    if not entry.woken then table.insert(self.line, entry) end
  end)
  if not entry.woken then step(function() return entry.woken end, always) end
  return true
end

local Barrier = class()
function Barrier:wait()
  local entry = {}
  step(always, function()
    table.insert(self.line, entry)
    if #self.line == self.n then
      for _, e in ipairs(self.line) do e.go = true end
      self.line, entry.last = {}, true
    end
  end)
  if not entry.last then step(function() return entry.go end, always) end
  return true
end

local Queue = class()
function Queue:put(v)
  step(function() return #self.items < self.size end, function() table.insert(self.items, v) end)
  return true
end
function Queue:get()
  return step(function() return #self.items > 0 end, function() return table.remove(self.items, 1) end)
end
function Queue:empty() return step(always, function() return #self.items == 0 end) end
function Queue:__len() return step(always, function() return #self.items end) end

local Process = class()
local function ended(p) return function() return p.over end end
function Process:join()
  quiet(ended(self))
  self.joined = true
  if self.failure then return false, self.failure end
  return true, self.value
end
function Process:result()
  local ok, v = self:join()
  if not ok then error(v, 0) end
  return v
end

local function spawn(options, f, ...)
  local arguments
  if type(options) == "function" then
    f, arguments, options = options, table.pack(f, ...), {}
  else
    arguments = table.pack(...)
  end
  local p = setmetatable({ held = {}, daemon = options.daemon }, Process)
  p.thread = coroutine.create(function()
    local ok, v = pcall(f, table.unpack(arguments, 1, arguments.n))
    p.value, p.failure = v, not ok and v or nil
    if next(p.held) then step(always, function() for lock in pairs(p.held) do lock.holder = nil end end) end
  end)
  table.insert(processes, p)
  return p
end

local sandbox = {
  value = function(v) return setmetatable({ v = v }, Value) end,
  dict = function(t) return setmetatable({ [0] = t }, Dict) end,
  lock = function() return setmetatable({}, Lock) end,
  condition = function(lock) return setmetatable({ lock = lock or setmetatable({}, Lock), line = {} }, Condition) end,
  semaphore = function(n) return setmetatable({ n = n }, Semaphore) end,
  event = function() return setmetatable({ line = {} }, Event) end,
  barrier = function(n) return setmetatable({ n = n, line = {} }, Barrier) end,
  queue = function(n) return setmetatable({ items = {}, size = n or math.huge }, Queue) end,
  spawn = spawn,
  join_all = function(list)
    for _, p in ipairs(list) do p:join() end
    for _, p in ipairs(list) do if p.failure then error(p.failure, 0) end end
  end,
}

local base = { sandbox = sandbox, queue = sandbox.queue, spawn = spawn, ipairs = ipairs, pairs = pairs, math = math, tonumber = tonumber,
  table = table, assert = assert, error = error, setmetatable = setmetatable, tostring = tostring, select = select,
  print = function(...) printed[#printed + 1] = table.concat({ ... }, "\t") end }

-- Run a process up to its next step; what is none is done on the way.
local function advance(p, ...)
  running = p
  local ok, can, run = coroutine.resume(p.thread, ...)
  if coroutine.status(p.thread) == "dead" then
    assert(ok, can)
    p.over = true
  else
    p.can, p.run = can, run
  end
end

-- Processes that stand before what is no step, and can go on, do.
local function settle()
  local again
  repeat
    again = false
    for _, p in ipairs(processes) do
      if not p.thread_started then
        p.thread_started, again = true, true
        advance(p)
      elseif not p.over and p.run == false and p.can() then
        again = true
        advance(p)
      end
    end
  until not again
end

-- One interleaving: `choices` are followed, then the first possible step is taken; `widths` becomes how many there were. Returns
-- "well", "error" or "deadlock", and what was printed.
local function one(main, arguments, choices, widths)
  processes, printed = {}, {}
  local root = spawn(main, table.unpack(arguments))
  local at = 0
  while true do
    settle()
    local left = not root.over
    for _, p in ipairs(processes) do left = left or not p.over and not p.daemon end
    if not left or root.failure then break end
    local able = {}
    for _, p in ipairs(processes) do if not p.over and p.run and p.can() then able[#able + 1] = p end end
    if #able == 0 then return "deadlock", printed end
    at = at + 1
    choices[at] = choices[at] or 1
    widths[at] = #able
    local p = able[choices[at]]
    advance(p, p.run())
  end
  widths[at + 1] = nil
  local failed = root.failure
  for _, p in ipairs(processes) do failed = failed or p.failure and not p.joined end
  return failed and "error" or "well", printed, at
end

-- All interleavings of a script: { ways=, well=, error=, deadlock=, printed = { [text] = ways } }; nil if there are more than
-- `limit`.
function brute.count(name, limit, ...)
  local env = setmetatable({}, { __index = base })
  local main = assert(loadfile(name, "t", env))
  local sum = { ways = 0, well = 0, error = 0, deadlock = 0, printed = {} }
  local choices = {}
  repeat
    if sum.ways == limit then return nil end
    local widths = {}
    for k in pairs(env) do env[k] = nil end
    local how, text = one(main, { ... }, choices, widths)
    text = table.concat(text, "\n")
    sum.ways = sum.ways + 1
    sum[how] = sum[how] + 1
    sum.printed[text] = (sum.printed[text] or 0) + 1
    local at = #widths
    while at > 0 and choices[at] == widths[at] do
      choices[at] = nil
      at = at - 1
    end
    for i = #choices, at + 1, -1 do choices[i] = nil end
    if at > 0 then choices[at] = choices[at] + 1 end
  until at == 0
  return sum
end

if arg and arg[0] and arg[0]:find("brute%.lua$") then
  local sum = brute.count(arg[1], tonumber(arg[2]) or 1000000, table.unpack(arg, 3))
  if not sum then print("too many") os.exit(1) end
  print(("%d interleavings: %d well, %d error, %d deadlock"):format(sum.ways, sum.well, sum.error, sum.deadlock))
  for text, n in pairs(sum.printed) do print(n, (text:gsub("\n", " | "))) end
end

return brute
