-- Hosts that are hosts: network namespaces with a link each to the engine's, which is cut and mended.
local shell = require "support.shell"
local hosts = require "support.hosts"
local netns = require "support.netns"

local missing = netns.missing()
if missing then return describe("hosts with a link that is cut", function() pending(missing) end) end

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
    local words = ("--hosts %s:2 --lost-after 3 -e 'BERT = \"%s\"' %s >%s/out 2>%s/err & echo $!"):format(bert, bert,
      file.name, folder, folder)
    shell.run(engine:command("anna", words))
    local function out() return hosts.slurp(folder .. "/out") end
    hosts.await("the process", function() return out() == "up\n" or #hosts.slurp(folder .. "/err") > 0 end)
    assert.equal("", hosts.slurp(folder .. "/err"))
    netns.link("bert", "down")
    hosts.await("the loss", function() return out():find("lost", 1, true) end)
    assert.equal("up\nhost " .. bert .. " was lost: no sign of life for 3.0 s\ttrue\n", out())
    netns.link("bert", "up")
    hosts.await("the end", function() return out():find("again", 1, true) end)
    local err = hosts.slurp(folder .. "/err")
    assert.truthy(err:find("was ended: this host was declared dead, since it gave no sign of life\n", 1, true), err)
  end)

  it("is no deadlock: what waits there goes on when the link is back", function()
    local engine <close> = netns.engine()
    local folder, bert = engine.folder, netns.name("bert")
    local file <close> = shell.file([[
      local q, back = queue(), queue()
      local p = spawn({ on = BERT }, function() for n in q:items() do back:put(n + 1) end end)
      for n = 1, 3 do q:put(n) assert(back:get() == n + 1) end
      print("up") io.stdout:flush()
      local waker = spawn(function()
        repeat sleep(0.02) local f = io.open(MENDED) until f
        q:put(4)
      end)
      print(back:get())
      q:close()
      p:join()]])
    local words = "--hosts %s:2 --lost-after 60 -e 'BERT = \"%s\" MENDED = \"%s/mended\"' %s >%s/out 2>%s/err & echo $!"
    words = words:format(bert, bert, folder, file.name, folder, folder)
    shell.run(engine:command("anna", words))
    local function out() return hosts.slurp(folder .. "/out") end
    local function err() return hosts.slurp(folder .. "/err") end
    hosts.await("the process", function() return out() == "up\n" or #err() > 0 end)
    assert.equal("", err())
    netns.link("bert", "down")
    shell.run("sleep 3") -- some looks
    netns.link("bert", "up")
    io.open(folder .. "/mended", "w"):close()
    hosts.await("the end", function() return out() == "up\n5\n" or #err() > 0 end)
    assert.equal("", err())
  end)

  it("is asked again when it is back: a deadlock is told then", function()
    local engine <close> = netns.engine()
    local folder, bert = engine.folder, netns.name("bert")
    local file <close> = shell.file([[
      local q = queue()
      local p = spawn({ on = BERT, name = "p" }, function() print("up") io.stdout:flush() sleep(2) q:get() end)
      p:join()]])
    local words = ("--hosts %s:2 --lost-after 60 -e 'BERT = \"%s\"' %s >%s/out 2>%s/err & echo $!"):format(bert, bert,
      file.name, folder, folder)
    shell.run(engine:command("anna", words))
    local function err() return hosts.slurp(folder .. "/err") end
    hosts.await("the process", function() return hosts.slurp(folder .. "/out") == "up\n" or #err() > 0 end)
    netns.link("bert", "down")
    shell.run("sleep 3") -- it waits there by now, and cannot say so
    netns.link("bert", "up")
    hosts.await("the report", function() return err():find("which only main can fill", 1, true) end)
    assert.truthy(err():find("^sandbox: deadlock: nobody can ever go on\n  main waits in join"), err())
  end)
end)
