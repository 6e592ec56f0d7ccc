-- Mailboxes: p:send(v), sandbox.receive.
--
-- A mailbox is a queue that belongs to a process (os/mail.h; in a run with an engine net/mail.c). An item is a message and the handle of its sender.
-- What receive(predicate) has taken and passed over waits in `kept`, in order, ahead of what is still in the queue.
local sandbox, use = ...
local native, common = use "native", use "common"

local mail = {}

local boxes = setmetatable({}, { __mode = "k" }) -- process -> its mailbox

-- What this process has: its own handle, and messages that were passed over. A forked child has its own.
local state

local function mine()
  local generation = native.generation()
  if not state or state.generation ~= generation then
    state = { generation = generation, me = sandbox.self(), kept = {} }
  end
  return state
end

-- The mailbox of a process; nil if that has ended.
local function box_of(p)
  local box = boxes[p]
  if not box then
    box = common.call(native.mailbox, p)
    common.check(box ~= false, "send", 1, "the process was not started: call its start()")
    boxes[p] = box
  end
  return box
end

function mail.send(p, v, ...)
  common.check_no_more("send", 2, ...)
  common.check(common.class_of(p) == "sandbox.process", "send", 1, "process expected, got " .. type(p))
  common.check(v ~= nil, "send", 1, "nil is no message: sandbox.null stands for a missing value")
  local box = box_of(p)
  if box and common.call(native.post, box, v, mine().me) then return true end
  return nil, "gone"
end

-- -- receiving ------------------------------------------------------------------------------------

local function own_box(own) return box_of(own.me) end

local function take(own, at)
  local message = table.remove(own.kept, at)
  return message[1], message[2]
end

-- Take the next message from the queue into `kept`; false: none came until the deadline.
local function keep_next(own, deadline)
  local _ <close> = native.defer() -- an interrupt loses no message
  local v, from = common.call(native.receive, own_box(own), common.left(deadline))
  if v == nil then return false end
  own.kept[#own.kept + 1] = { v, from }
  return true
end

local choosing = { __close = function(own) own.choosing = nil end }

-- The first message that fits; the others keep their order.
local function receive_chosen(own, predicate, deadline)
  if own.choosing then native.raise("receive: a predicate cannot receive") end
  own.choosing = true
  local _ <close> = setmetatable(own, choosing)
  local at = 0
  repeat
    for i = at + 1, #own.kept do
      at = i
      if native.ask(predicate, own.kept[i][1], own.kept[i][2]) then return take(own, i) end
    end
  until not keep_next(own, deadline)
  return nil, "timeout"
end

function mail.receive(predicate, timeout, ...)
  local own = mine()
  if common.callable(predicate) then
    common.check_no_more("receive", 3, ...)
    return receive_chosen(own, predicate, common.deadline(timeout, "receive", 2))
  end
  if predicate == nil and timeout ~= nil then predicate, timeout = timeout, nil end
  common.check(type(predicate) ~= "table" or not pcall(next, predicate) or debug.getmetatable(predicate), "receive", 1,
    "predicate or timeout expected, got table: a predicate is a function(message, from) that says yes or no")
  common.check_no_more("receive", 2, timeout, ...)
  common.check_timeout(predicate, "receive", 1)
  if own.choosing then native.raise("receive: a predicate cannot receive") end
  if own.kept[1] then return take(own, 1) end
  return common.call(native.receive, own_box(own), predicate)
end

return mail
