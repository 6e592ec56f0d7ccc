-- support/hosts.lua - an engine and agents on this machine, for tests of runs over several hosts.
--
--   local engine <close> = hosts.engine()           -- a Redis server on a socket of its own, ended with the block
--   local bert <close> = engine:agent("bert", ...)  -- an agent; more options follow
--   engine:run(text, { options })                   -- a script: { out=, err=, status= }
local shell = require "support.shell"

local hosts = {}

hosts.available = shell.run("command -v redis-server") ~= ""

-- Wait until `ready()` is true, for half a minute at most.
function hosts.await(what, ready)
  for _ = 1, 1500 do
    local value = ready()
    if value then return value end
    shell.run("sleep 0.02")
  end
  error("waited in vain for " .. what, 2)
end

function hosts.slurp(path)
  local f = io.open(path)
  local text = f and f:read("a") or ""
  if f then f:close() end
  return text
end

-- Start a program in the background, its output in files; with a limit, in case that the test is killed.
local function start(command, out)
  return tonumber((shell.run(("timeout -s KILL 280 %s </dev/null >%s 2>&1 & echo $!"):format(command, shell.quote(out)))))
end

-- The pid of the program itself, below timeout(1).
local function child_of(pid)
  return hosts.await("a child of " .. pid, function()
    return tonumber((shell.run(("cat /proc/%d/task/%d/children 2>/dev/null"):format(pid, pid)):match("%d+")))
  end)
end

local function alive(pid) return select(2, shell.run(("kill -0 %d 2>/dev/null"):format(pid))) == 0 end
hosts.alive = alive

local function finish(pid, signal)
  shell.run(("kill -%s %d 2>/dev/null"):format(signal, pid))
  hosts.await("the end of " .. pid, function() return not alive(pid) end)
end

local Agent = {}
Agent.__index = Agent
function Agent:kill(signal) finish(self.pid, signal or "KILL") end
function Agent:said() return hosts.slurp(self.log) end
function Agent.__close(self) if alive(self.pid) then finish(self.pid, "TERM") end end

local Engine = {}
Engine.__index = Engine

function hosts.engine()
  local folder = shell.run("mktemp -d /tmp/hosts.XXXXXX"):match("%S+")
  local self = setmetatable({ folder = folder, socket = folder .. "/redis", agents = 0 }, Engine)
  self.url = "unix://" .. self.socket
  self.pid = child_of(start(("redis-server --port 0 --unixsocket %s --save '' --dir %s"):format(self.socket, folder),
    folder .. "/redis.log"))
  hosts.await("redis", function() return self:ask("ping") == "PONG" end)
  return self
end

function Engine:ask(command) return (shell.run(("redis-cli -s %s %s 2>/dev/null"):format(self.socket, command)):gsub("\n$", "")) end
function Engine.__close(self)
  finish(self.pid, "TERM")
  shell.run("rm -rf " .. self.folder)
end

function Engine:agent(name, options, program)
  self.agents = self.agents + 1
  local log = ("%s/agent%d"):format(self.folder, self.agents)
  local pid = start(("%s %s agent --name %s %s %s"):format(program or "", shell.program, name, options or "", self.url), log)
  local agent = setmetatable({ log = log, name = name }, Agent)
  agent.pid = child_of(pid)
  hosts.await("agent " .. name, function() return agent:said():find("ready", 1, true) end)
  return agent
end

-- The command line of a run of that text.
function Engine:command(text, options)
  local path = os.tmpname()
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
  return ("SANDBOX_ENGINE=%s %s --timeout 120 %s %s"):format(self.url, shell.program, options or "", path), path
end

function Engine:run(text, options)
  local command, path = self:command(text, options)
  local out, status = shell.run(("%s 2>%s/err </dev/null"):format(command, self.folder))
  os.remove(path)
  return { out = out, status = status, err = hosts.slurp(self.folder .. "/err") }
end

return hosts
