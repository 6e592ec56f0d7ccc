-- Teams: processes that do the same work, each with its number. sandbox.team, and g:team of a scope.
--
-- A team is the list of its processes, so it can be sent, and `t[i]`, `#t` and ipairs are those of the list.
local sandbox, use = ...
local native, common, wait, Team = use "native", use "common", use "wait", use("classes").Team
local places <const> = use "places"

local team, methods = {}, {}

local OPTIONS = { processes = true, hosts = true }

-- The number of processes, and the hosts that they go round; or nil.
local function read_options(options)
  local n, over = options, nil
  if type(options) == "table" then
    common.check_options(options, OPTIONS, "team", 1)
    n, over = options.processes, places.new(options.hosts, "team", 1)
    if n == nil then n = over and over:slots() or sandbox.cpus() end
  end
  return common.check_processes(n, 0, "team", 1, "the number of processes"), over
end

-- Make the processes by `spawn([options,] f, i, ...)`. If one cannot be made, `undo(p)` is called for those before it.
function team.make(spawn, undo, n, f, ...)
  local over
  n, over = read_options(n)
  common.check_function(f, "team", 2)
  local list = setmetatable({}, Team)
  local _ <close> = native.defer() -- all of them, or none
  local function start(i, ...)
    if over then return spawn({ on = over:take() }, f, i, ...) end
    return spawn(f, i, ...)
  end
  for i = 1, n do
    local ok, p = pcall(start, i, ...)
    if not ok then
      for k = 1, i - 1 do undo(list[k]) end
      error(p, 0)
    end
    list[i] = p
  end
  return list
end

local function spawn(...) return common.call(sandbox.spawn, ...) end

function team.team(...)
  return team.make(spawn, process.kill, ...)
end

local function check(t, name, first, ...)
  common.check_no_more(name, first, ...)
  return common.check_object(t, Team, name)
end

-- The processes of a team as a list that may be changed. The script can change the team, too.
local function processes(t, name)
  local list = { ordered = true }
  for i = 1, #t do
    common.check(common.class_of(t[i]) == "sandbox.process", name, 1,
      string.format("the list of the team was changed: entry %d is no process, but %s; change a copy, made by table.move",
        i, type(t[i])))
    list[i] = t[i]
  end
  return list
end

function methods.join(t, timeout, ...)
  check(t, "join", 2, ...)
  return wait.all(processes(t, "join"), common.deadline(timeout, "join", 1), "join")
end

-- The first result of each, in the order of their numbers. Raises the first failure.
function methods.results(t, timeout, ...)
  check(t, "results", 2, ...)
  local ok, failure = wait.all(processes(t, "results"), common.deadline(timeout, "results", 1), "results")
  if not ok and failure == "timeout" then return nil, "timeout" end
  if not ok then
    native.look(failure)
    error(failure, 0)
  end
  local list = { n = #t }
  for i = 1, #t do list[i] = select(2, process.join(t[i])) end
  return list
end

function methods.kill(t, ...)
  check(t, "kill", 1, ...)
  for _, p in ipairs(processes(t, "kill")) do process.kill(p) end
  return true
end

function Team.__eq(a, b)
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then return false end
  end
  return true
end

function Team.__tostring(t)
  local living = 0
  for _, p in ipairs(common.check_object(t, Team, "tostring")) do
    living = living + (common.class_of(p) == "sandbox.process" and process.alive(p) and 1 or 0)
  end
  return string.format("team: %s (%d running)", common.count(#t, "process", "processes"), living)
end

function team.__index(_, key) return methods[key] end
team.__tostring, Team.__index = Team.__tostring, methods

return team
