-- What goes from host to host over a connection that is cut, at the worst moment: the engine has done it, and the answer
-- is lost. It is done once.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("a request to another host", function() pending(hosts.missing) end) end

-- A proxy before the engine, which cuts a connection for each of the words: see net/proxy.py. `engine` is reached by it
-- from now on.
local function cut(engine, ...)
  local at = engine.folder .. "/proxy"
  local words = {}
  for i, word in ipairs { ... } do words[i] = shell.quote(word) end
  local pid = shell.run(("timeout -s KILL 200 python3 net/proxy.py %s %s 0 %s >/dev/null 2>&1 & echo $!"):format(at,
    engine.socket, table.concat(words, " ")))
  hosts.await("the proxy", function() return shell.run(("redis-cli -s %s ping 2>/dev/null"):format(at)) == "PONG\n" end)
  local url = engine.url
  engine.url = "unix://" .. at
  return setmetatable({ came = function() return hosts.slurp(at .. ".cut") end, direct = url }, {
    __close = function()
      engine.url = url
      shell.run("kill " .. pid)
    end,
  })
end

-- In a script: how many messages the streams whose keys are like `pattern` ever had.
local ADDED <const> = [[
  local function added(pattern)
    local f <close> = io.popen("redis-cli -s %s eval \"local n = 0 for _, key in ipairs(redis.call('keys', '" .. pattern .. "')) do " ..
      "if redis.call('type', key).ok == 'stream' then local about = redis.call('xinfo', 'stream', key) " ..
      "for i = 1, #about, 2 do if about[i] == 'entries-added' then n = n + about[i + 1] end end end end return n\" 0")
    return f:read("n")
  end
]]

describe("a request to another host whose answer is lost", function()
  it("is carried out once: a signal, a spawn", function()
    local engine <close> = hosts.engine("anna:2", "bert:2")
    local proxy <close> = cut(engine, "office:2:by:", "inbox:anna:by:") -- bert is the second host of the run
    engine:prints("1	1	1	130\n", ADDED:format(engine.socket) .. [[
      local n, box = sandbox.value(0), queue()
      local before = added("*inbox:anna")
      spawn({ on = "anna" }, function() n:add(1) end):result()
      local spawns = added("*inbox:anna") - before
      spawn({ on = "bert", daemon = true }, function()
        box:put(spawn({ quiet = true }, sleep, 1000))
        sandbox.receive()
      end)
      local p = box:get()
      before = added("*office:*")
      p:interrupt()
      print(n:get(), spawns, added("*office:*") - before, select(2, p:join()).exitcode)]])
    assert.equal("inbox:anna:by:\noffice:2:by:\n", proxy.came())
  end)

  it("is answered all the same: a module", function()
    local engine <close> = hosts.engine("anna:2")
    local folder = engine.folder
    local f = assert(io.open(folder .. "/made.lua", "w"))
    f:write("return 'it came'")
    f:close()
    local proxy <close> = cut(engine, "BLMOVE")
    local agent <close> = engine:agent("bert", "--slots 2")
    engine.url = proxy.direct
    engine:prints("it came\n", ([[
      package.path = "%s/?.lua"
      print(spawn({ on = "bert" }, function() return (require "made") end):result())]]):format(folder))
    assert.equal("BLMOVE\n", proxy.came())
  end)
end)
