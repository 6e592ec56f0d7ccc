-- Ending processes together with all their descendants.
local sandbox, use = ...
local native = use "native"

local family = {}

local FEW_LEFT = 16 -- processes that have ended: so many are kept without a look at whether they are needed
local AWAIT_BIRTH = 0.05 -- seconds; a process has no pid between the claim of its record and its first steps

-- Call a method of a process whose record may have been reused; nil if it has.
local function try(method, p)
  local ok, result = pcall(method, p)
  return ok and result or nil
end

local function pid_of(p) return p.pid end

-- The processes of a list and all their living descendants, paused. Descendants that are spawned meanwhile are found,
-- too: the search repeats until all it found are paused, and a paused process spawns nothing.
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

-- A process has ended. If some that it had spawned, or what they have spawned, live on, it is kept in the list. When
-- the list has doubled, processes whose descendants have ended since are taken out.
function family.keep_left(list, p)
  local function has_left(q)
    local below = {}
    native.descendants(q, below)
    return below[1] ~= nil
  end
  if not has_left(p) then return end
  if #list >= (list.most or FEW_LEFT) then
    local kept = 0
    for i, q in ipairs(table.move(list, 1, #list, 1, {})) do
      list[i] = nil
      if has_left(q) then
        kept = kept + 1
        list[kept] = q
      end
    end
    list.most = math.max(FEW_LEFT, 2 * kept)
  end
  list[#list + 1] = p
end

-- Interrupt the descendants of the processes of a list that have not been told to end, as their own scopes would.
-- Returns them.
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

-- Wait until the processes of a list have ended, or the deadline.
function family.await(list, deadline)
  for _, p in ipairs(list) do pcall(process.join, p, math.max(0, deadline - sandbox.now())) end
end

-- Mark the failures of the processes of a list that have ended as looked at.
function family.look(list)
  for _, p in ipairs(list) do
    local known, ok, failure = pcall(process.join, p, 0)
    if known and not ok then native.look(failure) end
  end
end

-- Kill the processes of a list and all their descendants, and wait until the descendants are gone.
function family.kill(list)
  local members = pause_all(list)
  for _, p in ipairs(members) do try(process.kill, p) end
  for i = #list + 1, #members do try(process.join, members[i]) end
end

return family
