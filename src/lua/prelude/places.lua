-- Which hosts the members of a group run on: the workers of a pool, the processes of a team, with the option `hosts`.
--
-- "all" stands for the agents that live, and for this host if there are none. Each member goes to the host that has the
-- fewest of the group for its slots. A host that was lost is left out until its agent was started anew, while there are
-- others: its record in the engine may still look alive.
local sandbox, use = ...
local native, common = use "native", use "common"
local far <const> = native.other_hosts()

local places, methods = {}, {}
methods.__index = methods

local WHAT <const> = "hosts must be \"all\" or a list of hosts: names, or entries of sandbox.hosts()"

-- The names in the option; nil: all. `arg` is the argument that it is in.
local function read(hosts, name, arg)
  if hosts == "all" then return nil end
  common.check(type(hosts) == "table" and debug.getmetatable(hosts) == nil, name, arg, WHAT)
  local names = {}
  for i, host in ipairs(hosts) do
    if type(host) == "table" then host = host.here == true and "here" or host.name end
    common.check(type(host) == "string", name, arg, WHAT)
    names[i] = host
  end
  common.check(names[1], name, arg, "hosts is an empty list: " .. WHAT)
  return names
end

local function this_host() return { name = "here", slots = sandbox.cpus() } end

-- The hosts that can be used now: { name=, slots=, life= } ...; and those that live, by name.
local function usable(self)
  local list, living = {}, {}
  for _, host in ipairs(far and common.call(far.list) or {}) do
    if host.alive then living[host.name] = host end
    if not self.names and host.alive and not host.why then list[#list + 1] = host end
  end
  for _, name in ipairs(self.names or {}) do
    local host = living[name]
    if name == "here" or far and name == far.here() and not host then list[#list + 1] = this_host()
    elseif host and not host.why then list[#list + 1] = host end
  end
  return list, living
end

-- What the option `hosts` means; nil: this host alone. `name` is that of the function, for errors.
function places.new(hosts, name, arg)
  if hosts == nil then return nil end
  local self = setmetatable({ name = name, members = {}, lost = {} }, methods)
  self.names = read(hosts, name, arg)
  if not far and not self.names then return nil end
  local list, living = usable(self)
  for _, wanted in ipairs(self.names or {}) do
    local host = living[wanted]
    if host and host.why then native.raise(name .. ": " .. host.why) end
    if not host and wanted ~= "here" and not (far and wanted == far.here()) then
      native.raise(string.format("%s: there is no host '%s'%s", name, wanted, far and ", or it gives no sign of life: "
        .. "sandbox.hosts() lists them" or ": start the run with --hosts A,B or --engine URL"))
    end
  end
  if not list[1] then list[1] = this_host() end
  self.list = list
  return self
end

-- How many members they are meant to have.
function methods:slots()
  local n = 0
  for _, host in ipairs(self.list) do n = n + host.slots end
  return n
end

local function best_of(self, list)
  local best, least
  for _, host in ipairs(list) do
    local load = ((self.members[host.name] or 0) + 1) / host.slots
    local shunned = host.life and self.lost[host.name] == host.life
    if shunned then load = load + 1e9 end
    if not best or load < least then best, least = host, load end
  end
  return best
end

-- The name of the host for the next member, "here" for this one; nil: none is left. `anew`: some time has passed since
-- the last call.
function methods:take(anew)
  if anew then self.list = usable(self) end
  local host = best_of(self, self.list)
  if not host then return nil end
  self.members[host.name] = (self.members[host.name] or 0) + 1
  return host.name
end

-- A member has ended; `lost`: with its host.
function methods:free(name, lost)
  self.members[name] = self.members[name] - 1
  if not lost then return end
  for _, host in ipairs(self.list) do
    if host.name == name then self.lost[name] = host.life end
  end
end

return places
