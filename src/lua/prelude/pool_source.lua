-- Where the items of a job come from. A source is an object with
--   take(self, count, may_block)   items (a table without a metatable), first, last: up to `count` of the next items;
--                        nil if there are none now. Once `self.over` is true there are no more; `self.stop` is the
--                        error that ended them, if any
--   left(self)           of a list: how many there still are
--   may_ask, close       of an iterator: see there
--
-- An iterator may block at any call, and its caller can do nothing else meanwhile: neither hand out tasks nor give the
-- loop its results. So
--   - it runs in a coroutine of its own. If it would wait in an operation of the library (a queue's get, sleep,
--     join ...), the operation yields instead ("gives way") and is tried again later. `take` returns what there is.
--   - it is asked for no more than idle workers need, and not while there are results that the loop has not taken,
--     until it has given TRUSTED items quickly.
--   - before an iterator that took long (for reasons that the library does not see, as reading a file) is asked again,
--     results that are on their way get about as long to arrive.
local sandbox, use = ...
local native, common = use "native", use "common"

local QUICK = 0.001 -- most seconds of a quick item
local TRUSTED = 16 -- quick items in a row after which more are taken than are needed at once
local SURE = 256 -- quick items in a row after which the time is checked only now and then
local SLOW = 0.01 -- seconds of an item that make it worth waiting for results first
local FIRST_WAIT, LONGEST_WAIT = 0.02, 1 -- bounds of that wait, in seconds
local LEAST_PAUSE, LONGEST_PAUSE = 0.0002, 0.005 -- seconds until an operation that gave way is tried again

local DONE = {} -- what the coroutine of an iterator yields when it has done what it was asked for

local sources = {}

-- A stop is { value = error value }, from the script or a failure, or { text = message }, from the library.

-- -- lists ----------------------------------------------------------------------------------------

local List = {}
List.__index = List

function List:take(count)
  local first, last = self.at, math.min(self.at + count - 1, self.n)
  self.at = last + 1
  self.over = first > self.n
  if self.over then return nil end
  return self.list, first, last
end

function List:left() return self.n - self.at + 1 end

-- Call a function of the script: it may take long, be interrupted, and use the pool itself.
local function call_out(get, ...)
  local _ <close> = native.defer(false)
  return (get(...))
end

-- A list with a metatable.
local Proxy = {}
Proxy.__index = Proxy
Proxy.left = List.left

function Proxy:take(count)
  local items, k = {}, 0
  local function get(i) return self.list[i] end
  while not self.stop and k < count and self.at <= self.n do
    local ok, item = pcall(call_out, get, self.at)
    if ok then
      k, self.at = k + 1, self.at + 1
      items[k] = item
    else
      self.stop = { value = item }
    end
  end
  self.over = k == 0
  if self.over then return nil end
  return items, 1, k
end

-- -- iterators ------------------------------------------------------------------------------------

local Iterator = {}
Iterator.__index = Iterator

-- Record how long an item took, which decides whether to take more than are needed.
local function note(self, seconds)
  self.streak = seconds <= QUICK and self.streak + 1 or 0
  self.cautious = self.streak < TRUSTED
  self.wait = seconds >= SLOW and math.min(seconds, LONGEST_WAIT) or self.wait / 2
end

-- In the coroutine: collect as many items as are wanted; again each time it is resumed.
local function collect(self, next_item, closing)
  local _ <close> = closing
  local from
  while true do
    from = sandbox.now()
    while not self.over and self.n < self.wanted do
      local ok, item = pcall(next_item)
      if not ok then self.stop = { value = item } end
      if not ok or item == nil then
        self.over = true
      else
        self.n = self.n + 1
        self.items[self.n] = item
        if self.streak < SURE or self.n % 8 == 0 then
          local now = sandbox.now()
          note(self, now - (self.asked or from))
          from, self.asked = now, nil
          if self.streak == 0 then break end -- deliver what there is without waiting for more
        else
          self.streak = self.streak + 1
        end
      end
    end
    coroutine.yield(DONE)
  end
end

-- After the coroutine was resumed. It yields when it is done, when an operation gave way, or when the script's own
-- iterator yields to a coroutine around the loop. Returns whether it has done what it was asked for.
local function resumed(self, may_block, ok, first, ...)
  if not ok then -- an interrupt
    self.over = true
    error(first, 0)
  end
  if first == DONE then return true end
  if first == native.gave_way then return false end
  if not coroutine.isyieldable() then
    self.over, self.stop = true, { value = "attempt to yield from outside a coroutine" }
    return true
  end
  return resumed(self, may_block, native.feed(self.thread, not may_block, coroutine.yield(first, ...)))
end

function Iterator:take(count, may_block)
  if self.over then return nil end
  self.wanted = count
  do
    local _ <close> = native.defer(false)
    self.asked = self.gave_way and sandbox.now() -- the time that the operation has already waited does not count
    local done = resumed(self, may_block, native.feed(self.thread, not may_block))
    self.gave_way = not done
    if done then
      self.pause = LEAST_PAUSE
    else
      self.streak, self.cautious = 0, true
      self.pause = math.min(2 * self.pause, LONGEST_PAUSE)
      self.again = sandbox.now() + self.pause
    end
  end
  local items, n = self.items, self.n
  self.items, self.n = {}, 0
  if n == 0 then return nil end
  return items, 1, n
end

-- May it be asked for items now? If not, returns false, and when to ask again if that is only a matter of time.
--   idle       the worker that needs a task has none
--   ready      results wait for the loop
--   since      when the last of the tasks under way was sent; nil: there are none
--   may_block  there is nothing else to do meanwhile
function Iterator:may_ask(idle, ready, since, may_block)
  if self.gave_way then return may_block or sandbox.now() >= self.again, self.again end
  if not self.cautious then return true end
  if not idle or ready then return false end
  if since == nil or self.wait < QUICK then return true end
  return sandbox.now() >= since + self.wait, since + self.wait
end

-- How many items it may be asked for at once.
function Iterator:most() return self.cautious and 1 or self.streak // 4 end

-- No more items are wanted: close what the iterator has open.
function Iterator:close()
  self.over = true
  pcall(coroutine.close, self.thread)
end

-- -- making ---------------------------------------------------------------------------------------

-- The source for a list or an iterator that the script passed as argument 2 of `name`. `closing` is closed when nobody wants
-- more of the iterator; or nil.
function sources.new(value, name, closing)
  if type(value) == "function" then
    local self = setmetatable({ items = {}, n = 0, wanted = 0, streak = 0, wait = FIRST_WAIT, pause = LEAST_PAUSE,
      over = false, cautious = true, gave_way = false }, Iterator)
    self.thread = coroutine.create(collect)
    native.feed(self.thread, false, self, value, closing)
    return self
  end
  common.check_table(value, name, 2, "list of items")
  local plain = debug.getmetatable(value) == nil
  local class = plain and List or Proxy
  return setmetatable({ list = value, at = 1, n = common.length(value, name, 2), over = false }, class)
end

return sources
