-- bench/hosts.lua - pools over many hosts: how many agents one owner and one server keep busy. Agents are processes
-- of this machine, of one slot each. Tasks sleep, so there can be more agents than the machine has processors.
--
--   sandbox tests/bench/hosts.lua [AGENTS ...]      1 4 16 64, unless others are named
--
-- For each number of agents:
--   busy     of a map of tasks of 20 ms: the share of the workers' time in which they were in a task. Target: 95 % of 4
--   tasks/s  of a map of tasks of 1 ms, sent one by one
--   server   what the server's CPU does for one task, and how many tasks a second would take all of it
local INNER <const> = "--inner"

-- -- in a run of its own ---------------------------------------------------------------------------

local function measure(pool, workers, seconds, each)
  local items = {}
  for i = 1, workers * each do items[i] = seconds end
  local from = sandbox.now()
  local times = pool:map(function(s)
    local began = sandbox.now()
    sandbox.sleep(s)
    return sandbox.now() - began
  end, items, 1)
  local took, sum = sandbox.now() - from, 0
  for _, t in ipairs(times) do sum = sum + t end
  return sum / (workers * took), #items / took
end

if arg[1] == INNER then
  local workers, redis = math.tointeger(arg[2]), arg[3]
  local function cpu()
    local f <close> = io.popen(redis .. " info cpu")
    local text = f:read("a")
    return tonumber(text:match("used_cpu_sys:([%d.]+)")) + tonumber(text:match("used_cpu_user:([%d.]+)"))
  end
  local pool <close> = sandbox.pool { hosts = "all", workers = workers }
  measure(pool, workers, 0.001, 4) -- until all have the function
  local busy = measure(pool, workers, 0.02, 100)
  local before, from = cpu(), sandbox.now()
  local _, rate = measure(pool, workers, 0.001, 200)
  local n = workers * 200
  local server = (cpu() - before) / n
  print(("%3d agents: %5.1f %% busy with tasks of 20 ms; %6.0f tasks/s of 1 ms"):format(workers, 100 * busy, rate))
  print(("     the server: %3.0f us a task, %3.0f %% of a CPU, all of it at %.0f tasks/s"):format(server * 1e6,
    100 * server * n / (sandbox.now() - from), 1 / server))
  return
end

-- -- the runner ----------------------------------------------------------------------------------------

local function sh(command, ...)
  local f <close> = io.popen(command:format(...))
  return f:read("a")
end

-- Start a program in the background; returns its pid.
local function start(command, ...)
  return tonumber((sh("%s >/dev/null 2>&1 </dev/null & echo $!", command:format(...))))
end

local function await(what, ready)
  for _ = 1, 1500 do
    if ready() then return end
    sandbox.sleep(0.02)
  end
  error("waited in vain for " .. what)
end

local ended = {}
local function ending() for i = #ended, 1, -1 do sh("kill %d; sleep 0.05", ended[i]) end end
local program = sh("readlink /proc/%d/exe", sandbox.self().pid):match("[^\n]+")
local folder = sh("mktemp -d /tmp/bench.XXXXXX"):match("[^\n]+")
local redis = ("redis-cli -s %s/redis"):format(folder)
local url = ("unix://%s/redis"):format(folder)
local _ <close> = setmetatable({}, { __close = function()
  ending()
  sh("rm -rf '%s'", folder)
end })

ended[1] = start("redis-server --port 0 --unixsocket %s/redis --save '' --dir %s", folder, folder)
await("redis-server", function() return sh("%s ping 2>/dev/null", redis):find("PONG") end)
local agents = 0
for _, text in ipairs(arg[1] and arg or { "1", "4", "16", "64" }) do
  local wanted = math.tointeger(tonumber(text)) or error("how many agents? " .. text)
  while agents < wanted do
    agents = agents + 1
    ended[#ended + 1] = start("'%s' agent --name a%d --slots 1 '%s'", program, agents, url)
  end
  await("the agents", function()
    return tonumber(sh("%s hlen 'sandbox:{agents}:hosts' 2>/dev/null", redis)) == agents
      or tonumber(sh("%s --scan --pattern 'sandbox:{agents}:host:*' | wc -l", redis)) >= agents
  end)
  io.write(sh("'%s' --timeout 300 --engine '%s' '%s' %s %d '%s'", program, url, arg[0], INNER, agents, redis))
end
