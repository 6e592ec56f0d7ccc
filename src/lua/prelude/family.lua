-- Ending processes with all that they have spawned, and what that has spawned.
local sandbox, use = ...
local native = use "native"

local family = {}

local AWAIT_BIRTH = 0.05 -- seconds; from its claim to its first steps a process has no pid

-- A method of a process that may be forgotten by now: then nil.
local function try(method, p)
  local ok, result = pcall(method, p)
  return ok and result or nil
end

local function pid_of(p) return p.pid end

-- The processes of a list and all that live below them, paused. There may be more afterwards, until those that were found
-- are paused: what is paused spawns nothing.
local function pause_all(list)
  local members, paused, patience = nil, {}, sandbox.now() + AWAIT_BIRTH
  repeat
    local again = false
    members = table.move(list, 1, #list, 1, {})
    for _, p in ipairs(list) do native.descendants(p, members) end
    for _, p in ipairs(members) do
      if not paused[p] and try(process.alive, p) then
        local born = try(pid_of, p) ~= 0
        again = again or born or sandbox.now() < patience
        paused[p] = born
        try(process.pause, p)
      end
    end
  until not again
  return members
end

-- Interrupt those below the processes of a list that nobody has told to end yet, as their own scopes do. Returns them.
function family.interrupt_rest(list)
  local below = {}
  for _, p in ipairs(list) do native.descendants(p, below) end
  local told = {}
  for _, p in ipairs(below) do
    if not try(native.expected, p) then
      try(process.interrupt, p)
      told[#told + 1] = p
    end
  end
  return told
end

-- What became of the processes of a list that have ended is no news.
function family.look(list)
  for _, p in ipairs(list) do
    local known, ok, failure = pcall(process.join, p, 0)
    if known and not ok then native.look(failure) end
  end
end

-- Kill the processes of a list and all that live below them, and wait until the latter are gone.
function family.kill(list)
  local members = pause_all(list)
  for _, p in ipairs(members) do try(process.kill, p) end
  for i = #list + 1, #members do try(process.join, members[i]) end
end

return family
