-- Processes on other hosts, in the run that spawns them: `spawn({ on = "bert" }, f, ...)` and sandbox.hosts.
--
-- What spawn starts here is a stand-in (src/host/far.h), which runs `stand_in` below: it ends as the process on the
-- other host ends, so that join, result, status and reports are those of any process.
local sandbox, use = ...
local native, common, abroad = use "native", use "common", use "abroad"
local far <const> = native.other_hosts()

local elsewhere = {}

local NONE <const> = "there are no other hosts in this run: start it with --hosts A,B or --engine URL"

-- -- hosts --------------------------------------------------------------------------------------------------------------

local function here()
  local list = {}
  native.descendants(sandbox.self(), list)
  return { name = far and far.here() or "here", slots = sandbox.cpus(), cpus = sandbox.cpus(), processes = #list + 1,
    alive = true, here = true }
end

function elsewhere.hosts(...)
  common.check_no_more("hosts", 1, ...)
  local list = {}
  for i, host in ipairs(far and common.call(far.list) or {}) do
    list[i] = { name = host.name, slots = host.slots, cpus = host.cpus, processes = host.processes, alive = host.alive,
      here = false }
  end
  list[#list + 1] = here()
  return list
end

-- The hosts that live, but this one, as the engine knows them.
local function living()
  local list = {}
  for _, host in ipairs(common.call(far.list)) do
    if host.alive then list[#list + 1] = host end
  end
  return list
end

-- How many stand-ins of this process are on a host: it may not have counted them yet.
local function own_processes(name)
  local n = 0
  for _, p in ipairs(sandbox.children()) do
    if p.host == name then n = n + 1 end
  end
  return n
end

-- The host with the most room for its slots; nil: this one, since there is no other.
local function any()
  local best, least
  for _, host in ipairs(far and living() or {}) do
    local load = math.max(host.processes, own_processes(host.name)) / host.slots
    if not host.why and (not best or load < least) then best, least = host, load end
  end
  return best
end

local turn = 0

-- The next host, this one comes last; nil: this one.
local function next_host()
  local hosts = living()
  turn = turn % (#hosts + 1) + 1
  return hosts[turn]
end

local function named(name)
  local names = {}
  for _, host in ipairs(common.call(far.list)) do
    if host.name == name then
      if not host.alive then native.raise(string.format("spawn: host %s is lost: there is no sign of life", name)) end
      return host
    end
    names[#names + 1] = host.alive and host.name or nil
  end
  if name == far.here() then return nil end
  native.raise(string.format("spawn: there is no host '%s'%s", name,
    #names > 0 and (#names > 1 and "; there are " or "; there is ") .. table.concat(names, ", ") or ": no agent has said hello (sandbox agent URL)"))
end

-- The host that `on` means; nil: this one. Without it the next one, for --spread.
local function choose(on)
  if type(on) == "table" then
    if on.here == true then return nil end
    on = on.name
  end
  if on == nil then return next_host() end
  common.check(type(on) == "string", "spawn", 1, "on must be the name of a host, \"any\", \"here\" or an entry of hosts()")
  if on == "here" then return nil end
  if on == "any" then return any() end
  if not far then native.raise("spawn: " .. NONE) end
  return named(on)
end

-- -- the stand-in ---------------------------------------------------------------------------------------------------------

-- The source of a module, for a process that asks: "f", its file, a zero, its text; or "n" and what was tried.
local function find_module(name)
  local package = debug.getregistry()._LOADED.package
  local file, tried = package.searchpath(name, package.path)
  if not file and far.far() then return use "far_side".source(name) or "n" .. tried end
  if not file then
    local library = package.searchpath(name, package.cpath)
    return "n" .. (library and string.format("\n\t'%s' on %s is written in C: install it on this host", library, far.here())
      or string.format("%s (on %s)", tried, far.here()))
  end
  local f <close>, why = io.open(file, "rb")
  return f and "f" .. file .. "\0" .. f:read("a") or "n\n\t" .. why
end

local function lost(host, why)
  local message = string.format("host %s was lost: %s", host.name, why)
  far.fail(1, message, nil, nil, message, { lost = true })
end

local function finish(host, code, signal, outcome, bytes)
  if outcome == "results" then return abroad.read(bytes) end
  if outcome == "failure" then
    local f = abroad.read(bytes)
    far.fail(code, f[1], f[2], f[3], f[4])
  end
  if signal ~= 0 then far.die(signal) end
  far.leave(code)
end

-- `owner`: the process without which it is of no use; or nil.
local function attend(host, bytes, owner)
  local link <close> = far.begin(host.name, host.life, bytes)
  while true do
    local what, a, b, c, d = far.next(link)
    if what == "module" then
      far.answer(link, a, find_module(b))
    elseif what then
      far.close(link)
      if what == "lost" then lost(host, a) end
      return finish(host, a, b, c, d)
    elseif owner and not process.alive(owner) then
      return
    end
  end
end

-- What spawn calls: where to run `fn(...)`, and what stands for it there; nothing if it is to run here.
function elsewhere.place(on, pinned, fn, ...)
  local host = choose(on)
  if not host then return nil end
  if host.why then native.raise("spawn: " .. host.why) end
  if pinned then native.raise("spawn: the options cpu and stdin are for processes on this host") end
  local bytes, message = abroad.pack("spawn", fn, table.pack(...))
  if not bytes then native.raise(message) end
  local owner = abroad.knows(fn) and sandbox.self() or nil
  return host.name, function()
    local results = attend(host, bytes, owner)
    if results then return table.unpack(results, 1, results.n) end
  end
end

return elsewhere
