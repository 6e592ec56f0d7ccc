-- Scopes: processes that end with a block. sandbox.scope, and the methods of a scope.
--
--   local g <close> = sandbox.scope()
--   g:spawn(f, ...)
--
-- No child outlives the block. The first failure stops the other children and is raised where the block ends (or by
-- g:spawn, which notices it, too). If the block itself is left by an error, the children are stopped and that error
-- goes on. To stop a child is to interrupt it, so that its own scopes can end in order, and to kill it if it does not
-- end; the same goes for all its descendants.
--
-- The failure that is raised has been looked at, and what becomes of a child that is stopped is not reported. Other
-- failures are reported unless the script reads them, like those of any process.
local sandbox, use = ...
local native, common, family = use "native", use "common", use "family"

local OWN = 0.1 -- seconds from interrupting the children to interrupting what they have spawned outside of scopes
local GRACE = 1 -- seconds from there to the kill

local Scope = { __name = "sandbox.scope" }
local methods = {}
Scope.__index = methods

local OPTIONS = { on_error = true, deadline = true }

local function make(options, ...)
  common.check_no_more("scope", 2, ...)
  if options == nil then options = {} end
  common.check_table(options, "scope", 1, "table of options")
  common.check_options(options, OPTIONS, "scope", 1)
  local on_error = options.on_error or "stop"
  common.check(on_error == "stop" or on_error == "wait", "scope", 1, "on_error must be \"stop\" or \"wait\"")
  return native.object(Scope, {
    deadline = common.deadline(options.deadline, "scope", 1),
    children = { ordered = true }, left = {}, on_error = on_error, failure = nil, closed = false,
    generation = native.generation(),
  })
end

-- -- failures and ends ----------------------------------------------------------------------------

-- The first failure is raised; the others are listed in it.
local function note_failure(scope, failure)
  if not scope.failure then
    scope.failure = failure
  else
    local others = scope.failure.others or {}
    others[#others + 1] = failure
    scope.failure.others = others
  end
end

-- Take the children that have ended out of the list, waiting for one until the deadline. False: none has ended.
local function take_ended(scope, deadline)
  local function took(index, ok, failure)
    if not index then return false end
    local p = table.remove(scope.children, index)
    family.keep_left(scope.left, p) -- these end with the scope
    if not ok and scope.stopping then native.look(failure) -- it was stopped on purpose
    elseif not ok then note_failure(scope, failure) end
    return true
  end
  return scope.children[1] ~= nil and took(sandbox.select(scope.children, common.left(deadline)))
end

local function take_all_ended(scope, deadline)
  while take_ended(scope, deadline) do end
end

-- The children that live, and those that have ended and left others behind.
local function roots(scope)
  return table.move(scope.children, 1, #scope.children, #scope.left + 1, table.move(scope.left, 1, #scope.left, 1, {}))
end

-- Kill the living children, and all that is below them or was left behind.
local function kill(scope)
  family.kill(roots(scope))
  take_all_ended(scope)
  scope.left = {}
end

-- Interrupt all children, kill those that do not end, and wait for them; also while this process is itself interrupted.
local function stop(scope)
  local held = native.hold()
  while not scope.failure and take_ended(scope, 0) do end -- these failed by themselves
  scope.stopping = true
  for _, p in ipairs(scope.children) do process.interrupt(p) end
  take_all_ended(scope, sandbox.now() + OWN)
  local told, deadline = family.interrupt_rest(roots(scope)), sandbox.now() + GRACE
  take_all_ended(scope, deadline)
  family.await(told, deadline)
  kill(scope)
  family.look(told)
  native.restore(held)
end

-- False: the deadline has passed before all had ended.
local function wait(scope)
  while not (scope.failure and scope.on_error == "stop") and take_ended(scope, scope.deadline) do end
  return scope.children[1] == nil or scope.failure and scope.on_error == "stop"
end

local function raise_late(name) native.raise(name .. ": the scope's deadline has passed") end

local function raise(scope)
  native.look(scope.failure)
  error(scope.failure, 0)
end

-- -- methods --------------------------------------------------------------------------------------

local function scope_of(handle, name)
  local scope = native.state(handle, Scope)
  if not scope then
    native.raise(string.format("bad argument #1 to '%s' (scope expected, got %s)", name, type(handle)))
  end
  if scope.generation ~= native.generation() then
    native.raise(name .. ": a scope belongs to the process that made it")
  end
  return scope
end

-- After a failure that ends the scope, nothing more can be started.
local function look(scope, name)
  take_all_ended(scope, 0)
  if scope.failure and scope.on_error == "stop" then
    stop(scope)
    raise(scope)
  end
  if scope.deadline and sandbox.now() >= scope.deadline then
    stop(scope)
    raise_late(name)
  end
end

-- The scope, in which a process can be started now.
local function open_scope(handle, name)
  local scope = scope_of(handle, name)
  if scope.closed then native.raise(name .. ": the scope is closed") end
  look(scope, name)
  return scope
end

function methods.spawn(handle, ...)
  local scope = open_scope(handle, "spawn")
  local options, first = {}, 1
  if type((...)) == "table" and not common.callable((...)) then
    first = 2
    for k, v in next, (...) do options[k] = v end
  end
  common.check_function(select(first, ...), "spawn", first)
  local _ <close> = native.defer() -- an interrupt between the two steps would leave the child in no scope
  local p = common.call(sandbox.spawn, options, select(first, ...))
  table.insert(scope.children, p)
  return p
end

-- End the processes of the scope, and all that they have spawned. Others can be started afterwards.
function methods.stop(handle, ...)
  common.check_no_more("stop", 1, ...)
  local scope = scope_of(handle, "stop")
  stop(scope)
  scope.stopping = nil
  return true
end

-- A team that cannot be made whole ends with the scope, as far as it was made.
function methods.team(handle, ...)
  local scope = open_scope(handle, "team")
  return use("team").make(function(...)
    local p = common.call(sandbox.spawn, ...)
    table.insert(scope.children, p)
    return p
  end, function() end, ...)
end

function Scope.__close(handle, err)
  local scope = native.state(handle, Scope)
  if scope.generation ~= native.generation() or scope.closed then return end
  local late
  scope.closed = true
  if err ~= nil then return stop(scope) end
  do
    local _ <close> = setmetatable({}, { __close = function() -- this process may be interrupted while it waits
      if scope.children[1] then stop(scope) end
    end })
    late = not wait(scope)
  end
  if scope.left[1] then kill(scope) end
  if scope.failure then raise(scope) end
  if late then raise_late("scope") end
end

function Scope.__tostring(handle)
  local scope = native.state(handle, Scope)
  return string.format("scope: %s%s", common.count(#scope.children, "process", "processes"), scope.closed and ", closed" or "")
end

return { scope = make }
