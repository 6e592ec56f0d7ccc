-- Calls through a queue: q:call(request) on one side, q:calls() on the other.
--
-- A call is an item of three values: the request, an end of a pipe, and a number. The answer comes through the pipe, with the
-- number. The caller's end says "closed" when no process can answer any more: the server has taken the call and ended, or has
-- forgotten it. As long as the call lies in the queue it can still be taken.
--
-- A process keeps its pipe for its next call, but only after an answer: then the server has let go of its end, so an end that
-- somebody holds is always that of the call under way. What was given up, by a timeout or an error, is not used again.
local sandbox, use = ...
local native, common = use "native", use "common"

local call = {}

local channel -- the pipe of this process's last call: mine, servers, number, generation

local function take_channel()
  local c, generation = channel, native.generation()
  channel = nil
  if not c or c.generation ~= generation then -- a forked child has its parent's
    c = { number = 0, generation = generation }
    c.mine, c.servers = common.call(sandbox.pipe, { name = "call" })
  end
  c.number = c.number + 1
  return c
end

-- The answer to this call. One with another number is of an earlier call: it was given twice, by a process and its child.
local function await(c, deadline)
  repeat
    local answer, why = common.call(pipe.recv, c.mine, common.left(deadline))
    if answer == nil or answer.number == c.number then return answer, why end
  until false
end

function call.call(q, request, timeout, ...)
  common.check_no_more("call", 3, ...)
  common.check_queue(q, "call")
  common.check(request ~= nil, "call", 1, "nil is no request: sandbox.null stands for a missing value")
  local deadline = common.deadline(timeout, "call", 2)
  local c = take_channel()
  if not common.call(native.send, q, common.left(deadline), request, c.servers, c.number) then
    channel = c
    return nil, "timeout"
  end
  local answer, why = await(c, deadline)
  if answer == nil and why == "timeout" then
    pipe.close(c.mine) -- an answer that comes later is told that nobody waits
    return nil, "timeout"
  end
  if answer == nil then native.raise("call: the server ended without an answer") end
  channel = c
  if not answer.ok then error(answer.error, 0) end
  return table.unpack(answer, 1, answer.n)
end

-- -- the server -----------------------------------------------------------------------------------

local Reply = { __name = "sandbox.reply" }
local reply = {}
Reply.__index = reply

local function state_of(handle, name)
  local state = native.state(handle, Reply)
  if not state then native.raise(string.format("bad argument #1 to '%s' (reply expected, got %s)", name, type(handle))) end
  return state
end

-- Let go of an object now, not when the handle is collected.
local function release(handle) debug.getmetatable(handle).__gc(handle) end

-- Send an answer, once. nil and "gone" if the caller is gone, or waits no more.
local function answer_with(state, answer)
  if state.answered then native.raise("reply: the call was answered already") end
  if not state.to then native.raise("reply: the item was put, not called: no process waits for an answer") end
  local bytes, message = native.encode("answer", answer) -- an error of ours: the caller still waits
  if not bytes then native.raise("reply: " .. message) end
  state.answered = true
  local to = state.to
  state.to = nil
  answer.number = state.number
  local heard = pcall(pipe.send, to, answer)
  release(to)
  if heard then return true end
  return nil, "gone"
end

function Reply.__call(handle, ...)
  local answer = table.pack(...)
  answer.ok = true
  return answer_with(state_of(handle, "reply"), answer)
end

function reply.fail(handle, what, ...)
  common.check_no_more("fail", 2, ...)
  return answer_with(state_of(handle, "fail"), { ok = false, error = what })
end

function Reply.__tostring(handle)
  local state = state_of(handle, "tostring")
  return string.format("reply (%s)", state.answered and "answered" or state.to and "open" or "not called")
end

function call.calls(q, timeout, ...)
  common.check_no_more("calls", 2, ...)
  common.check_queue(q, "calls")
  common.check_timeout(timeout, "calls", 1)
  local current -- the call that the body of the loop has in hand
  local function next_call()
    local function took(request, to, number)
      if request ~= nil then
        current = { to = to, number = number }
        return request, native.object(Reply, current)
      end
      current = nil
      if to == "timeout" then native.raise("calls: timeout") end
    end
    return took(common.call(native.recv, q, timeout))
  end
  -- An error leaves the loop: the caller gets it, too.
  local function leave(_, err)
    if err == nil or not current or not current.to or current.answered then return end
    if not pcall(answer_with, current, { ok = false, error = err }) then
      pcall(answer_with, current, { ok = false, error = tostring(err) })
    end
  end
  return next_call, nil, nil, setmetatable({}, { __close = leave })
end

return call
