-- Hosts that are hosts: network namespaces with a link each to the engine's, which is cut and mended.
local shell = require "support.shell"
local hosts = require "support.hosts"
local netns = require "support.netns"

local can, why = netns.possible()
if not can then
  describe("hosts with a link that is cut", function() pending(why) end)
  return
end

describe("a host whose link is cut", function()
  it("is lost; when the link is back, what runs there ends, and the next process works", function()
    local engine <close> = netns.engine()
    local folder, bert = engine.folder, netns.name("bert")
    local file <close> = shell.file([[
      local function sleeper() print("up") io.stdout:flush() sleep(1000) end
      local p = spawn({ on = BERT }, sleeper)
      local ok, f = p:join()
      print(f.message, f.lost) io.stdout:flush()
      local host
      repeat
        sleep(0.1)
        for _, h in ipairs(sandbox.hosts()) do if h.name == BERT and h.alive and h.processes == 0 then host = h end end
      until host
      print(spawn({ on = host }, function() return "again" end):result())]])
    shell.run(engine:command("anna", ("--hosts %s:2 --lost-after 3 -e 'BERT = \"%s\"' %s >%s/out 2>%s/err & echo $!"):format(bert,
      bert, file.name, folder, folder)))
    local function out() return hosts.slurp(folder .. "/out") end
    hosts.await("the process", function() return out() == "up\n" or #hosts.slurp(folder .. "/err") > 0 end)
    assert.equal("", hosts.slurp(folder .. "/err"))
    netns.link("bert", "down")
    hosts.await("the loss", function() return out():find("lost", 1, true) end)
    assert.equal("up\nhost " .. bert .. " was lost: no sign of life for 3.0 s\ttrue\n", out())
    netns.link("bert", "up")
    hosts.await("the end", function() return out():find("again", 1, true) end)
    assert.truthy(hosts.slurp(folder .. "/err"):find("was ended: this host was declared dead, since it gave no sign of life\n", 1, true),
      hosts.slurp(folder .. "/err"))
  end)
end)
