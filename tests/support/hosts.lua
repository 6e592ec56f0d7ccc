-- support/hosts.lua - an engine and agents on this machine, for tests of runs over several hosts.
--
--   hosts.missing                                   -- why there can be none here; nil: there can
--   local engine <close> = hosts.engine("anna:2")   -- a Redis server on a socket of its own, and an agent of 2 slots;
--                                                   -- they end with the block, or by engine:close()
--   local bert <close> = engine:agent("bert", ...)  -- one more agent; options follow, and a command that runs it
--   engine.environment = "NAME=VALUE"               -- of the runs that follow
--   engine:run(text, options)                       -- a script: { out=, err=, status= }
--   engine:prints(want, text, options)              -- it must end well, and print that
--   local job = engine:start(text, options, arguments)   -- in the background
--   job:says(pattern)                               -- wait until it has written that; returns the match
--   hosts.CHILD                                     -- for a script: `child(on, fn, ...)`, a process that a process on that host has
--                                                   -- spawned, as it came from there through a queue; and that spawner
--   job:result()                                    -- wait for its end: all that it wrote, and its status
local shell = require "support.shell"
local check = require "luassert"

local hosts = {}

if shell.run("command -v redis-server") == "" then
  hosts.missing = "there is no redis-server here: vendor/bootstrap.sh --test installs it"
end

-- The spawner ends when it is told so.
hosts.CHILD = [[
  local box = queue()
  local function child(on, fn, ...)
    local spawner = spawn({ on = on, name = "spawner", quiet = true, daemon = true }, function(...)
      box:put(spawn({ name = "child", quiet = true }, fn, ...))
      sandbox.receive()
    end, ...)
    return box:get(30), spawner
  end
]]

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
  local words = ("timeout -s KILL 280 %s </dev/null >%s 2>&1 & echo $!"):format(command, shell.quote(out))
  return tonumber((shell.run(words)))
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
function Agent:kill(signal)
  finish(self.pid, signal or "KILL")
  self.over = true
end
-- The agent, and all that it has started: for a shell.
function Agent:pids()
  return (shell.run(([[tree() { echo $1; for child in $(cat /proc/$1/task/*/children 2>/dev/null); do tree $child; done; }
    tree %d]]):format(self.pid)):gsub("\n", " "))
end
-- A file with a shell script that sends a signal to all processes of its host: also to those that stand in no tree below it.
function Agent:script(signal)
  local path = ("%s/%s.%s"):format(self.folder, self.name, signal)
  local f <close> = assert(io.open(path, "w"))
  f:write(([[for d in /proc/[0-9]*; do
    tr '\0' ' ' <$d/cmdline 2>/dev/null | grep -q -- ' agent --name %s .*%s' && kill -%s ${d#/proc/}
  done 2>/dev/null
]]):format(self.name, self.folder, signal))
  return path
end
function Agent:said() return hosts.slurp(self.log) end
function Agent:__close() if not self.over and alive(self.pid) then self:kill("TERM") end end

local Engine = {}
Engine.__index = Engine

function hosts.engine(...)
  local folder = shell.run("mktemp -d /tmp/hosts.XXXXXX"):match("%S+")
  local self = setmetatable({ folder = folder, socket = folder .. "/redis", agents = {}, jobs = 0 }, Engine)
  self.url = "unix://" .. self.socket
  self.pid = child_of(start(("redis-server --port 0 --unixsocket %s --save '' --dir %s"):format(self.socket, folder),
    folder .. "/redis.log"))
  hosts.await("redis", function() return self:ask("ping") == "PONG" end)
  for _, word in ipairs { ... } do
    local name, slots = word:match("^(%a+):(%d+)$")
    self:agent(name, "--slots " .. slots)
  end
  return self
end

function Engine:ask(command)
  return (shell.run(("redis-cli -s %s %s 2>/dev/null"):format(self.socket, command)):gsub("\n$", ""))
end

function Engine:close()
  for _, agent in ipairs(self.agents) do agent:__close() end
  finish(self.pid, "TERM")
  shell.run("rm -rf " .. self.folder)
end
Engine.__close = Engine.close

function Engine:agent(name, options, program)
  local log = ("%s/agent%d"):format(self.folder, #self.agents + 1)
  local agent = setmetatable({ log = log, name = name, folder = self.folder }, Agent)
  agent.pid = child_of(start(("%s %s agent --name %s %s %s"):format(program or "", shell.program, name, options or "",
    self.url), log))
  self.agents[#self.agents + 1] = agent
  hosts.await("agent " .. name, function() return agent:said():find("ready", 1, true) end)
  return agent
end

-- The command line of a run of that text.
function Engine:command(text, options)
  local path = os.tmpname()
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
  return ("%s SANDBOX_ENGINE=%s %s --timeout 120 %s %s"):format(self.environment or "", self.url, shell.program,
    options or "", path), path
end

function Engine:run(text, options)
  local command, path = self:command(text, options)
  local out, status = shell.run(("%s 2>%s/err </dev/null"):format(command, self.folder))
  os.remove(path)
  return { out = out, status = status, err = hosts.slurp(self.folder .. "/err") }
end

function Engine:prints(want, text, options)
  check.same({ out = want, err = "", status = 0 }, self:run(text, options))
end

local Job = {}
Job.__index = Job

function Job:says(pattern)
  return hosts.await(pattern, function() return hosts.slurp(self.out):match(pattern) end)
end

function Job:result()
  local status = self:says("\nstatus (%d+)\n$")
  os.remove(self.path)
  return hosts.slurp(self.out):match("^(.*)\nstatus %d+\n$"), tonumber(status)
end

function Engine:start(text, options, arguments)
  local command, path = self:command(text, options)
  self.jobs = self.jobs + 1
  local job = setmetatable({ path = path, out = ("%s/job%d"):format(self.folder, self.jobs) }, Job)
  shell.run(("{ %s %s; printf '\\nstatus %%d\\n' $?; } >%s 2>&1 </dev/null & echo"):format(command, arguments or "",
    job.out))
  return job
end

return hosts
