-- Waiting for several processes, or tasks of pools: join_all and as_completed, by select.
local sandbox, use = ...
local native, common = use "native", use "common"

local wait = {}

local function class_of(value)
  local meta = type(value) == "userdata" and getmetatable(value)
  return meta and meta.__name
end

-- The processes and the futures of a list, each in its order.
local function read_list(list, name)
  common.check_table(list, name, 1, "list of processes")
  local waiting = { name = name, processes = {}, futures = {} }
  for i = 1, #list do
    local entry, class = list[i], class_of(list[i])
    common.check(class == "sandbox.process" or class == "sandbox.future", name, 1,
      ("entry %d: process expected, got %s"):format(i, type(entry)))
    common.check(class == "sandbox.future" or entry:status() ~= "new", name, 1,
      ("entry %d: the process was not started: call its start()"):format(i))
    table.insert(class == "sandbox.future" and waiting.futures or waiting.processes, entry)
  end
  return waiting
end

-- A list for select: the processes, then what each pool of a future waits for; and whose the latter are. The pools are
-- fed, which may be the end of a task.
local function entries_of(waiting)
  local list, owners, seen = { ordered = true }, {}, {}
  for i, p in ipairs(waiting.processes) do list[i] = p end
  for _, future in ipairs(waiting.futures) do
    local pool = use "pool".pool_of(future, waiting.name)
    if not seen[pool] then
      seen[pool] = true
      use "pool_seats".feed(pool)
      for index, entry in ipairs(pool.watch) do
        list[#list + 1] = entry
        owners[#list] = { pool = pool, index = index }
      end
    end
  end
  return list, owners
end

-- Takes the first future that is done out of the list; returns it and what its join returns.
local function take_future(waiting)
  for i, future in ipairs(waiting.futures) do
    local outcome = use "pool".outcome_of(future)
    if outcome then
      table.remove(waiting.futures, i)
      return future, table.unpack(outcome, 1, outcome.n)
    end
  end
end

-- Waits until one has ended and takes it out; returns it and what its join returns; or nil.
local function take_ended(waiting, deadline)
  local take_next
  local function take_process(owners, index, ...)
    if index == nil then return nil end
    local owner = owners[index]
    if not owner then return table.remove(waiting.processes, index), ... end
    use "pool_seats".wake(owner.pool, owner.index, ...)
    return take_next()
  end
  local function take_or_select(list, owners, future, ...)
    if future then return future, ... end
    return take_process(owners, sandbox.select(list, common.left(deadline)))
  end
  local function take_or_wait(future, ...)
    if future then return future, ... end
    local list, owners = entries_of(waiting)
    return take_or_select(list, owners, take_future(waiting))
  end
  function take_next()
    if waiting.futures[1] then return take_or_wait(take_future(waiting)) end
    return take_or_wait()
  end
  return take_next()
end

local function any_left(waiting)
  return waiting.processes[1] ~= nil or waiting.futures[1] ~= nil
end

function wait.join_all(list, timeout)
  local waiting = read_list(list, "join_all")
  local deadline = common.deadline(timeout, "join_all", 2)
  while any_left(waiting) do
    local entry, ok, failure = take_ended(waiting, deadline)
    if not entry then return nil, "timeout" end
    if not ok then return nil, failure, entry end
  end
  return true
end

function wait.as_completed(list, timeout)
  local waiting = read_list(list, "as_completed")
  local deadline = common.deadline(timeout, "as_completed", 2)
  local function check(entry, ...)
    if not entry then native.raise("as_completed: timeout") end
    return entry, ...
  end
  return function()
    if any_left(waiting) then return check(take_ended(waiting, deadline)) end
  end
end

return wait
