-- A redis-server for tests that kill it, and programs that use it.
local shell = require "support.shell"

local server = {}

local LIMIT = 110

function server.sh(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read("a"):gsub("\n$", ""))
end

local sh = server.sh

function server.wait_for(what)
  local until_time = os.time() + LIMIT
  while not what() do
    assert(os.time() < until_time, "it takes too long")
    os.execute("sleep 0.02")
  end
end

function server.exists(path)
  local f <close> = io.open(path)
  return f ~= nil
end

local wait_for, exists = server.wait_for, server.exists
server.there = sh("command -v redis-server") ~= ""

-- A server in a new folder; `url` is its address.
function server.new(options)
  local s = { folder = sh("mktemp -d /tmp/sandbox-faults-XXXXXX") }
  s.socket, s.url = s.folder .. "/s", "unix://" .. s.folder .. "/s"
  function s.cli(words) return sh(("redis-cli -s %s %s 2>&1"):format(s.socket, words)) end
  function s.start()
    os.remove(s.socket)
    local command = "cd %s && { redis-server --port 0 --unixsocket s --save '' %s >>log 2>&1 </dev/null & echo $!; }"
    s.pid = sh(command:format(s.folder, options or ""))
    wait_for(function() return s.cli("ping"):find("^PONG") or s.cli("ping"):find("^NOAUTH") end)
  end
  function s.kill()
    os.execute("kill -9 " .. s.pid)
    wait_for(function() return not s.cli("ping"):find("PONG") end)
  end
  setmetatable(s, { __close = function()
    os.execute(("kill -9 %s 2>/dev/null; rm -rf %s"):format(s.pid, s.folder))
  end })
  s.start()
  return s
end

local count = 0

-- Start a script under the engine, or without one (url false). `result` waits for its end: what it wrote on both streams, and
-- its status.
function server.start(s, script, options, url)
  count = count + 1
  local name = s.folder .. "/" .. (url == false and "program" .. count or "script") .. ".lua"
  local f = assert(io.open(name, "w"))
  f:write(script)
  f:close()
  local out = s.folder .. "/out" .. count
  local engine = url == false and "" or "--engine '" .. (url or s.url) .. "'"
  os.execute(("( '%s' --timeout 120 %s %s %s >%s 2>&1; echo \"status $?\" >>%s; touch %s.over ) </dev/null &")
    :format(shell.program, engine, options or "", name, out, out, out))
  local function text()
    local g <close> = io.open(out)
    return g and g:read("a") or ""
  end
  return {
    text = text,
    says = function(word) wait_for(function() return text():find(word, 1, true) end) end,
    result = function()
      wait_for(function() return exists(out .. ".over") end)
      return text()
    end,
  }
end

return server
