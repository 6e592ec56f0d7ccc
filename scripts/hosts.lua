#!/usr/bin/env sandbox
-- One run on several computers. First each host says who it is. Then a number goes round a ring of them: each host
-- adds 1 and spawns the next step on the next host, and what comes back has been on all of them.
--
--   sandbox scripts/hosts.lua                           this host alone
--   sandbox --hosts anna,bert scripts/hosts.lua [ROUNDS]     and two others, by ssh
--
-- Guess first, then try: how long does a step take, compared with one on this host? A step is a spawn and a join;
-- what else happens between two hosts? How long must a function take, so that sending it away pays off?
--
-- See it: sandbox --timeline --hosts anna,bert scripts/hosts.lua

local ROUNDS = math.tointeger(arg[1] or 3)

local hosts = sandbox.hosts()
for i, host in ipairs(hosts) do
  local cpus, version = spawn({ on = host }, function() return sandbox.cpus(), _VERSION end):result()
  print(("host %d: %d processor%s, %s"):format(i, cpus, cpus == 1 and "" or "s", version))
end

-- The names, which mean the same on every host: an entry of `hosts` says `here` of this one.
local names, mine = {}, sandbox.self().host
for i, host in ipairs(hosts) do names[i] = host.name end

-- One step on each host from the i-th on; returns the number of steps.
local function step(i, left, count)
  if left == 0 then return count end
  local next_host = i % #names + 1
  return spawn({ on = #names > 1 and names[next_host] or "here" }, step, next_host, left - 1, count + 1):result()
end

-- Only hosts with an agent can be reached from another one: this host, the last, has none.
if #names > 1 then table.remove(names) end

local start = sandbox.now()
local count = step(0, ROUNDS * #names, 0)
local seconds = sandbox.now() - start
print(("%d steps round %d host%s%s"):format(count, #names, #names == 1 and "" or "s",
  mine and "" or " (of this computer)"))
io.stderr:write(("%.2f ms a step\n"):format(1000 * seconds / count))
