-- Scopes: processes that end with a block. sandbox.scope, and what a scope can do.
--
--   local g <close> = sandbox.scope()
--   g:spawn(f, ...)
--
-- No child outlives the block. The first failure stops the others and is raised where the block ends (or by g:spawn,
-- which notices it, too); when the block itself is left by an error, the children are stopped and that error goes on.
-- Children that are stopped are interrupted, so that their own scopes can end in order, and killed if they do not end.
local sandbox, use = ...
local native, common = use "native", use "common"

local GRACE = 1 -- seconds between the interrupt and the kill

local Scope = { __name = "sandbox.scope" }
local methods = {}
Scope.__index = methods

local OPTIONS = { on_error = true }

local function make(options)
  if options == nil then options = {} end
  common.check_table(options, "scope", 1, "table of options")
  common.check_options(options, OPTIONS, "scope", 1)
  local on_error = options.on_error or "stop"
  common.check(on_error == "stop" or on_error == "wait", "scope", 1, "on_error must be \"stop\" or \"wait\"")
  return native.object(Scope, {
    children = { ordered = true }, on_error = on_error, failure = nil, closed = false, generation = native.generation(),
  })
end

-- -- failures and ends ----------------------------------------------------------------------------

-- The first one is raised; it tells of the others.
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
    table.remove(scope.children, index)
    if not ok and not scope.stopping then note_failure(scope, failure) end
    return true
  end
  return scope.children[1] ~= nil and took(sandbox.select(scope.children, common.left(deadline)))
end

-- Interrupt all, kill those that do not mind, and wait for them: also while this process is itself interrupted.
local function stop(scope)
  local held = native.hold()
  scope.stopping = true
  for _, p in ipairs(scope.children) do p:interrupt() end
  local deadline = sandbox.now() + GRACE
  while take_ended(scope, deadline) do end
  for _, p in ipairs(scope.children) do p:kill() end
  while take_ended(scope) do end
  native.restore(held)
end

local function wait(scope)
  while not (scope.failure and scope.on_error == "stop") and take_ended(scope) do end
end

-- -- methods --------------------------------------------------------------------------------------

local function scope_of(handle, name)
  local scope = native.state(handle, Scope)
  if not scope then
    native.raise(("bad argument #1 to '%s' (scope expected, got %s)"):format(name, type(handle)))
  end
  if scope.generation ~= native.generation() then
    native.raise(("%s: a scope belongs to the process that made it"):format(name))
  end
  return scope
end

-- The failure has ended the scope: nothing more can be started.
local function look(scope)
  while take_ended(scope, 0) do end
  if scope.failure and scope.on_error == "stop" then
    stop(scope)
    error(scope.failure, 0)
  end
end

function methods.spawn(handle, ...)
  local scope = scope_of(handle, "spawn")
  if scope.closed then native.raise("spawn: the scope is closed") end
  look(scope)
  local options, first = {}, 1
  if type((...)) == "table" and not common.callable((...)) then
    first = 2
    for k, v in pairs((...)) do options[k] = v end
  end
  common.check_function(select(first, ...), "spawn", first)
  if options.quiet == nil then options.quiet = true end -- the scope tells of its failure
  local _ <close> = native.defer() -- an interrupt between the two would leave the child to nobody
  local p = common.call(sandbox.spawn, options, select(first, ...))
  table.insert(scope.children, p)
  return p
end

function Scope.__close(handle, err)
  local scope = native.state(handle, Scope)
  if scope.generation ~= native.generation() or scope.closed then return end
  scope.closed = true
  if err ~= nil then return stop(scope) end
  do
    local _ <close> = setmetatable({}, { __close = function() -- this process may be interrupted while it waits
      if scope.children[1] then stop(scope) end
    end })
    wait(scope)
  end
  if scope.failure then error(scope.failure, 0) end
end

function Scope.__tostring(handle)
  local scope = native.state(handle, Scope)
  return ("scope: %d processes%s"):format(#scope.children, scope.closed and ", closed" or "")
end

return { scope = make }
