-- Waiting for several processes: join_all and as_completed, by select.
local sandbox, use = ...
local native, common = use "native", use "common"

local wait = {}

local function is_process(value)
  return type(value) == "userdata" and getmetatable(value).__name == "sandbox.process"
end

-- A copy of a list of processes that were started.
local function check_list(list, name)
  common.check_table(list, name, 1, "list of processes")
  local copy = {}
  for i = 1, #list do
    local p = list[i]
    common.check(is_process(p), name, 1, ("entry %d: process expected, got %s"):format(i, type(p)))
    common.check(p:status() ~= "new", name, 1,
      ("entry %d: the process was not started: call its start()"):format(i))
    copy[i] = p
  end
  return copy
end

-- Takes the first of those that have ended out of a list; returns it and what its join returns; or nil, "timeout".
local function take_ended(list, deadline)
  list.ordered = true
  local function remove(i, ...)
    if not i then return nil, ... end
    return table.remove(list, i), ...
  end
  return remove(sandbox.select(list, common.left(deadline)))
end

function wait.join_all(list, timeout)
  local waiting = check_list(list, "join_all")
  local deadline = common.deadline(timeout, "join_all", 2)
  while waiting[1] do
    local p, ok, failure = take_ended(waiting, deadline)
    if not p then return nil, "timeout" end
    if not ok then return nil, failure, p end
  end
  return true
end

function wait.as_completed(list, timeout)
  local waiting = check_list(list, "as_completed")
  local deadline = common.deadline(timeout, "as_completed", 2)
  local function check(p, ...)
    if not p then native.raise("as_completed: timeout") end
    return p, ...
  end
  return function()
    if waiting[1] then return check(take_ended(waiting, deadline)) end
  end
end

return wait
