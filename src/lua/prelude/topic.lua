-- Topics: each subscriber gets each message that is published while it is subscribed. sandbox.topic.
--
-- A topic is a log in a dict, not a queue for each subscriber: so a message is there for all of them, or for none, whenever
-- its publisher is killed. The entries:
--   i, a number       message i, as a list of one
--   "last"            number of the newest message: to raise it is to publish
--   "first"           messages below are gone
--   "subscribers"     { [name] = { process =, max = } }
--   a name            number of the last message that this subscriber has taken
-- A publisher works under the lock. It writes message last + 1, then "last"; one that was killed in between has left a message
-- that nobody sees, and that the next one overwrites. A subscriber takes no lock: it reads what "last" allows and writes its own
-- number. One with a limit then sets the event `room`: a publisher that finds no room clears it, looks again, and waits for it or
-- for the end of the subscriber. Messages that all have taken are removed now and then, and subscribers that have ended.
local sandbox, use = ...
local native, common, Topic = use "native", use "common", use("classes").Topic

local EVERY = 16 -- messages are published between two looks at what is of use no more

local topic, methods = {}, {}
local Subscription, subscription = { __name = "sandbox.subscription" }, {}
Subscription.__index = subscription

function topic.topic(options, ...)
  common.check_no_more("topic", 2, ...)
  local name = common.whole_name("topic", options, "topic", 1)
  local log = common.call(sandbox.dict, { last = 0, first = 1, subscribers = {} }, { name = name })
  local whole = { name = string.format("%s#%d", name, native.number(log)) }
  return setmetatable({
    log = log, lock = common.call(sandbox.lock, whole), room = common.call(sandbox.event, whole),
  }, Topic)
end

local function log_of(t, name)
  common.check_object(t, Topic, name)
  return rawget(t, "log"), rawget(t, "lock")
end

local function lives(subscriber) return process.alive(subscriber.process) end

-- The same as far as is known: its host may not answer for the time being.
local function may_live(subscriber)
  local known, alive = pcall(lives, subscriber)
  return alive or not known
end

-- Remove what no subscriber needs. The caller holds the lock.
local function clean(log)
  local subscribers, ended = log.subscribers, {}
  local least, first = log.last, log.first
  for name, subscriber in next, subscribers do
    if may_live(subscriber) then least = math.min(least, log[name] or least) else ended[#ended + 1] = name end
  end
  for _, name in ipairs(ended) do subscribers[name] = nil end
  if ended[1] then log.subscribers = subscribers end
  for _, name in ipairs(ended) do log[name] = nil end
  for i = first, least do log[i] = nil end
  log.first = least + 1
end

-- Wait until all living subscribers have room for one message more. The caller holds the lock.
local function await_room(log, room, deadline)
  local last, me = log.last, sandbox.self()
  for name, subscriber in next, log.subscribers do
    local function is_full()
      local taken = log[name]
      return taken ~= nil and last - taken >= subscriber.max
    end
    while subscriber.max and is_full() and lives(subscriber) do
      event.clear(room)
      if is_full() then
        local ends = subscriber.process ~= me and native.ending(subscriber.process) or nil
        if not sandbox.select({ room, ends, ordered = true }, common.left(deadline)) then return false end
      end
    end
  end
  return true
end

local function publish(t, v, deadline)
  local log, lock_of = log_of(t, "publish")
  local held <close>, why = lock.hold(lock_of, common.left(deadline))
  if not held then return nil, why end
  if next(log.subscribers) == nil then return true end
  if not await_room(log, rawget(t, "room"), deadline) then return nil, "timeout" end
  local number = log.last + 1
  log[number] = { v }
  log.last = number
  if number % EVERY == 0 then clean(log) end
  return true
end

function methods.publish(t, v, timeout, ...)
  common.check_no_more("publish", 3, ...)
  common.check(v ~= nil, "publish", 1, "nil is no message: sandbox.null stands for a missing value")
  return common.call(publish, t, v, common.deadline(timeout, "publish", 2))
end

-- -- subscriptions --------------------------------------------------------------------------------

local function subscribe(t, max)
  local log, lock_of = log_of(t, "subscribe")
  local _ <close> = native.defer()
  local _ <close> = lock.hold(lock_of)
  local me, subscribers, last = sandbox.self(), log.subscribers, log.last
  local n = log.made or 0
  local name = string.format("subscriber %d", n + 1)
  log.made = n + 1
  log[name] = last
  subscribers[name] = { process = me, max = max }
  log.subscribers = subscribers
  return native.object(Subscription, {
    topic = t, log = log, lock = lock_of, room = max and rawget(t, "room"), name = name, taken = last,
    generation = native.generation(),
  })
end

function methods.subscribe(t, max, ...)
  common.check_no_more("subscribe", 2, ...)
  if max ~= nil then max = common.check_integer(max, 1, "subscribe", 1, "max") end
  return common.call(subscribe, t, max)
end

local function state_of(handle, name)
  local state = native.state(handle, Subscription)
  if not state then
    native.raise(string.format("bad argument #1 to '%s' (subscription expected, got %s)", name, type(handle)))
  end
  if state.generation ~= native.generation() then
    native.raise(name .. ": a subscription belongs to the process that made it: subscribe here, too")
  end
  return state
end

local function get(state, timeout)
  local taken, log = state.taken, state.log
  local last, why = dict.wait_for(log, "last", function(last) return last > taken end, timeout)
  if not last then return nil, why end
  local _ <close> = native.defer()
  local message = log[taken + 1][1]
  state.taken = taken + 1
  log[state.name] = taken + 1
  if state.room then event.set(state.room) end
  return message
end

function subscription.get(handle, timeout, ...)
  common.check_no_more("get", 2, ...)
  local state = state_of(handle, "get")
  if state.closed then return nil, "closed" end
  common.check_timeout(timeout, "get", 1)
  return common.call(get, state, timeout)
end

function subscription.items(handle, timeout, ...)
  common.check_no_more("items", 2, ...)
  state_of(handle, "items")
  common.check_timeout(timeout, "items", 1)
  return function()
    local message, why = subscription.get(handle, timeout)
    if message == nil and why == "timeout" then native.raise("items: timeout") end
    return message
  end
end

local function close(state)
  local log = state.log
  local _ <close> = native.defer()
  if state.room then -- a publisher that waits for room has the lock
    log[state.name] = nil
    event.set(state.room)
  end
  local _ <close> = lock.hold(state.lock)
  local subscribers = log.subscribers
  subscribers[state.name] = nil
  log.subscribers = subscribers
  log[state.name] = nil
  clean(log)
end

function subscription.close(handle, ...)
  local state = state_of(handle, "close")
  if not state.closed then
    state.closed = true
    close(state)
  end
  return true
end

function Subscription.__close(handle)
  local state = native.state(handle, Subscription)
  if state.generation == native.generation() then subscription.close(handle) end
end

function Subscription.__tostring(handle)
  local state = native.state(handle, Subscription)
  return string.format("subscription: %s%s", state.name, state.closed and ", closed" or "")
end

function Topic.__tostring(t)
  local log, n = log_of(t, "tostring"), 0
  for _, subscriber in next, log.subscribers do n = n + (lives(subscriber) and 1 or 0) end
  return string.format("topic: %s, %s so far", common.count(n, "subscriber", "subscribers"),
    common.count(log.last, "message", "messages"))
end

function Topic.__eq(a, b) return rawget(a, "log") == rawget(b, "log") end

function topic.__index(_, key) return methods[key] end
topic.__tostring, Topic.__index = Topic.__tostring, methods

return topic
