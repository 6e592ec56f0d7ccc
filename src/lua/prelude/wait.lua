-- Waiting for several processes, or tasks of pools: join_all, as_completed, and select with futures in its list.
local sandbox, use = ...
local native, common = use "native", use "common"

local wait = {}

-- -- select ---------------------------------------------------------------------------------------

local function has_future(list)
  for i = 1, #list do
    if common.class_of(list[i]) == "sandbox.future" then return true end
  end
  return false
end

-- A list for the select in C, and the meaning of its entries: an index of the script's list; or, after those, a pool
-- and the index in what it waits for. A task that is done becomes an entry that is ready; a task that is not done has
-- no entry but that of its pool.
local function entries_of(list, name)
  local pools, seats = use "pool", use "pool_seats"
  local entries, owners, waiting, seen = { ordered = list.ordered }, {}, {}, {}
  local function add(entry, owner)
    entries[#entries + 1] = entry
    owners[#entries] = owner
  end
  for i = 1, #list do -- feeding a pool may end a task
    local pool = common.class_of(list[i]) == "sandbox.future" and pools.pool_of(list[i], name)
    if pool and not seen[pool] then
      seen[pool] = true
      waiting[#waiting + 1] = pool
      seats.feed(pool)
    end
  end
  for i = 1, #list do
    if common.class_of(list[i]) ~= "sandbox.future" then
      add(list[i], i)
    elseif pools.done_of(list[i]) then
      add(sandbox.after(0), i)
    end
  end
  for _, pool in ipairs(waiting) do
    for index, entry in ipairs(pool.watch) do add(entry, { pool = pool, index = index }) end
  end
  return entries, owners, waiting
end

local function select_with_futures(list, deadline, name)
  local pools, ahead -- the pools of the tasks; when one of those has taken too long, if that is before the deadline
  local function took(owners, index, ...)
    if index == nil and ahead then
      for _, pool in ipairs(pools) do use "pool_seats".expire(pool) end
      return select_with_futures(list, deadline, name)
    end
    if index == nil then return index, ... end
    local owner = owners[index]
    if type(owner) == "table" then
      use "pool_seats".wake(owner.pool, owner.index, ...)
      return select_with_futures(list, deadline, name)
    end
    if common.class_of(list[owner]) ~= "sandbox.future" then return owner, ... end
    return owner, use "pool".done_of(list[owner]):take()
  end
  local entries, owners, waiting = entries_of(list, name)
  pools, ahead = waiting, nil
  for _, pool in ipairs(waiting) do
    local expiry = use "pool_seats".next_expiry(pool)
    if expiry and expiry < (deadline or math.huge) then ahead = math.min(ahead or math.huge, expiry) end
  end
  return took(owners, common.call(sandbox.select, entries, common.left(ahead or deadline)))
end

-- Called by C for a list with futures; the names of its entries, if they have some.
function wait.select(names, list, timeout)
  local function named(index, ...) return names and index and names[index] or index, ... end
  return named(select_with_futures(list, common.deadline(timeout, "select", 2), "select"))
end

-- -- join_all, as_completed -----------------------------------------------------------------------

-- The processes and futures of a list, each once, in order.
local function read_list(list, name)
  common.check_table(list, name, 1, "list of processes or tasks")
  local waiting, seen, me = { ordered = true }, {}, sandbox.self().id
  for i = 1, #list do
    local entry = list[i]
    local class = common.class_of(entry)
    common.check(class == "sandbox.process" or class == "sandbox.future", name, 1,
      string.format("entry %d: process or task expected, got %s", i, type(entry)))
    common.check(class == "sandbox.future" or entry.id, name, 1,
      string.format("entry %d: the process was not started: call its start()", i))
    local key = class == "sandbox.process" and entry.id or entry
    common.check(key ~= me, name, 1, string.format("entry %d: a process cannot wait for itself", i))
    if not seen[key] then waiting[#waiting + 1] = entry end
    seen[key] = true
  end
  return waiting
end

-- Wait until one has ended and take it out; returns it and what its join returns; or nil.
local function take_ended(waiting, deadline, name)
  local function took(index, ...)
    if index then return table.remove(waiting, index), ... end
  end
  if has_future(waiting) then return took(select_with_futures(waiting, deadline, name)) end
  return took(common.call(sandbox.select, waiting, common.left(deadline)))
end

-- Wait for all processes of a list, which becomes empty. What join_all returns.
function wait.all(waiting, deadline, name)
  while waiting[1] do
    local entry, ok, failure = take_ended(waiting, deadline, name)
    if not entry then return nil, "timeout" end
    if not ok then return nil, failure, entry end
  end
  return true
end

function wait.join_all(list, timeout, ...)
  common.check_no_more("join_all", 3, ...)
  return wait.all(read_list(list, "join_all"), common.deadline(timeout, "join_all", 2), "join_all")
end

function wait.as_completed(list, timeout, ...)
  common.check_no_more("as_completed", 3, ...)
  local waiting = read_list(list, "as_completed")
  waiting.ordered = native.late -- by the time that it looks, one that ended later may come first
  local deadline = common.deadline(timeout, "as_completed", 2)
  local function check(entry, ...)
    if not entry then native.raise("as_completed: timeout") end
    return entry, ...
  end
  return function()
    if waiting[1] then return check(take_ended(waiting, deadline, "as_completed")) end
  end
end

return wait
