-- A pool over hosts with slow links: each item takes longer to move than a host may be silent, and yet none is taken
-- for lost.
local shell = require "support.shell"
local hosts = require "support.hosts"
local netns = require "support.netns"

local missing = netns.missing("tc")
if missing then return describe("hosts with slow links", function() pending(missing) end) end

describe("a pool over slow links", function()
  it("has right results, and no host is lost", function()
    local engine <close> = netns.engine()
    local file <close> = shell.file([==[
      local bytes = string.rep("0123456789abcdef", 7000) -- at 32 KB/s this takes longer than a host may be silent
      local items = {}
      for i = 1, 4 do items[i] = bytes .. i end
      local pool <close> = sandbox.pool { hosts = "all" }
      local start, seen = sandbox.now(), {}
      for i, r in ipairs(pool:map(function(text) return { text:reverse(), sandbox.self().host } end, items)) do
        assert(r[1] == items[i]:reverse(), i)
        seen[r[2]] = true
      end
      local names = 0
      for _ in pairs(seen) do names = names + 1 end
      print(#items, names)
      for _, h in ipairs(sandbox.hosts()) do print(h.here or h.alive) end
      io.stderr:write(("took %.1f s\n"):format(sandbox.now() - start))]==])
    for _, host in ipairs { "anna", "bert" } do netns.slow(host, "256kbit") end
    local words = ("--hosts %s:2,%s:2,timeout=60 --lost-after 3 %s 2>%s/err"):format(netns.name("anna"),
      netns.name("bert"), file.name, engine.folder)
    local out, status = shell.run(engine:command("hub", words))
    local err = hosts.slurp(engine.folder .. "/err")
    assert.same({ "4\t2\ntrue\ntrue\ntrue\n", 0 }, { out, status }, err)
    local took = tonumber(err:match("^took (%d+%.%d) s\n$"))
    assert.truthy(took, err) -- and nothing else
    assert.truthy(took > 6, err) -- the links were slow
  end)
end)
