-- support/netns.lua - network namespaces as computers: hub, anna and bert, each with a link to the hub's bridge.
--
--   netns.missing("tc")              -- why there can be none here, or no such program; nil: nothing is missing
--   netns.build()                    -- 10.77.0.1 is the hub, .2 is anna, .3 is bert; netns.remove() ends them
--   netns.name("bert")               -- of the namespace: no other test has it
--   netns.link("bert", "down")       -- cut its link; "up" mends it
--   netns.slow("bert", "256kbit")    -- in both directions
--   local engine <close> = netns.engine()         -- all of them, and a Redis server on the hub
--   engine:command("anna", "-e ... file")         -- the command line of a run on anna
local shell = require "support.shell"
local hosts = require "support.hosts"

local netns = {}

local MARK <const> = "sbx" .. sandbox.getpid() % 10000
local HOSTS <const> = { "anna", "bert" }

function netns.name(host) return MARK .. host end
local HUB <const> = netns.name("hub")

function netns.missing(program)
  if hosts.missing then return hosts.missing end
  local probe = netns.name("probe")
  local _, status = shell.run(("ip netns add %s 2>/dev/null && ip netns del %s"):format(probe, probe))
  if status ~= 0 then return "no network namespaces can be made here: that needs root, and ip" end
  return program and shell.run("command -v " .. program) == "" and "there is no " .. program .. " here" or nil
end

local function must(command, ...)
  local out, status = shell.run(command:format(...) .. " 2>&1")
  assert(status == 0, command:format(...) .. ": " .. out)
end

function netns.remove()
  shell.run(("ip netns del %s 2>/dev/null"):format(HUB))
  for _, host in ipairs(HOSTS) do shell.run(("ip netns del %s 2>/dev/null"):format(netns.name(host))) end
end

function netns.build()
  netns.remove()
  must("ip netns add %s", HUB)
  must("ip -n %s link add br0 type bridge", HUB)
  must("ip -n %s addr add 10.77.0.1/24 dev br0", HUB)
  must("ip -n %s link set br0 up", HUB)
  must("ip -n %s link set lo up", HUB)
  for i, host in ipairs(HOSTS) do
    local ns = netns.name(host)
    must("ip netns add %s", ns)
    must("ip -n %s link add v%s type veth peer name eth0 netns %s", HUB, host, ns)
    must("ip -n %s link set v%s master br0 up", HUB, host)
    must("ip -n %s addr add 10.77.0.%d/24 dev eth0", ns, i + 1)
    must("ip -n %s link set eth0 up", ns)
    must("ip -n %s link set lo up", ns)
  end
end

function netns.link(host, how) must("ip -n %s link set v%s %s", HUB, host, how) end

-- What does not fit waits, for 400 ms at most, and is lost then.
function netns.slow(host, rate)
  must("ip netns exec %s tc qdisc replace dev v%s root tbf rate %s burst 4kb latency 400ms", HUB, host, rate)
  must("ip netns exec %s tc qdisc replace dev eth0 root tbf rate %s burst 4kb latency 400ms", netns.name(host), rate)
end

-- A command, in that namespace.
function netns.at(host, command) return ("ip netns exec %s %s"):format(netns.name(host), command) end

local Engine = {}
Engine.__index = Engine

function netns.engine()
  local folder = shell.run("mktemp -d /tmp/hosts.XXXXXX"):match("%S+")
  local self = setmetatable({ folder = folder }, Engine)
  netns.build()
  must("cd %s; printf 'bind 10.77.0.1\\nrequirepass secret\\nsave \"\"\\n' >conf", folder)
  must("ln -s %s %s/sandbox", shell.program, folder)
  local server = ("timeout -s KILL 280 redis-server %s/conf >/dev/null 2>&1 & echo $!"):format(folder)
  self.pid = tonumber((shell.run(netns.at("hub", server))))
  local ping = netns.at("hub", "redis-cli -h 10.77.0.1 -a secret --no-auth-warning ping 2>/dev/null")
  hosts.await("redis", function() return shell.run(ping) == "PONG\n" end)
  return self
end

-- Hosts are named as their namespaces are: what stands for ssh is `ip netns exec`.
function Engine:command(host, words)
  return netns.at(host, ("env PATH=%s:$PATH SANDBOX_PASSWORD=secret SANDBOX_SSH='ip netns exec' timeout -s KILL 240 " ..
    "%s --engine redis://10.77.0.1 %s </dev/null"):format(self.folder, shell.program, words))
end

function Engine:__close()
  shell.run("kill -TERM " .. self.pid)
  netns.remove()
  shell.run("rm -rf " .. self.folder)
end

return netns
