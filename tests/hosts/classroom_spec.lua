-- The classroom of src/doc/hosts.md, word by word: the commands are read from the page, and run on a hub with the hosts
-- anna and bert, network namespaces that are reached by what stands for ssh: support/ssh.py.
local shell = require "support.shell"
local hosts = require "support.hosts"
local netns = require "support.netns"

local missing = netns.missing("python3")
if missing then return describe("the classroom", function() pending(missing) end) end

local PAGE <const> = shell.read("src/doc/hosts.md")

-- The command of the page that begins so: what is tested is what is read there.
local function on_page(pattern) return (assert(PAGE:match(pattern), "the page has no " .. pattern)) end

describe("the classroom", function()
  local folder

  -- A command line as it stands on the page, on that host, in the source tree, with sandbox and ssh in the PATH.
  local function run(host, command, environment)
    local line = ("cd %s && env -u SANDBOX_ENGINE PATH=%s:$PATH SANDBOX_NETNS=%s %s timeout -s KILL 120 sh -c %s " ..
      "2>%s/err </dev/null"):format(shell.quote(shell.source), folder, netns.name(""), environment or "",
      shell.quote(command), folder)
    local out, status = shell.run(netns.at(host, "sh -c " .. shell.quote(line)))
    return { out = out, status = status, err = hosts.slurp(folder .. "/err") }
  end

  -- In the background: its output is in a file of that name until the block ends.
  local function start(host, command, name)
    local path = ("%s/%s"):format(folder, name)
    local line = ("sh -c 'cd %s; PATH=%s:$PATH exec timeout -s KILL 280 %s >%s 2>&1 </dev/null & echo $!'"):format(
      folder, folder, command, path)
    local pid = tonumber((shell.run(netns.at(host, line))))
    local started = { said = function(_, text) return hosts.slurp(path):find(text, 1, true) end }
    return setmetatable(started, { __close = function()
      shell.run("kill -TERM " .. pid)
      hosts.await("the end of " .. name, function() return not hosts.alive(pid) end)
    end })
  end

  -- No process is left that has the folder in its environment.
  local function nothing_left()
    hosts.await("the end of all", function()
      return shell.run(("grep -lsa 'PATH=%s' /proc/[0-9]*/environ 2>/dev/null | grep -v self"):format(folder)) == ""
    end)
  end

  setup(function()
    netns.build()
    folder = shell.run("mktemp -d /tmp/hosts.XXXXXX"):match("%S+")
    shell.run(("ln -s %s %s/sandbox"):format(shell.program, folder))
    shell.run(("ln -s %s/tests/support/ssh.py %s/ssh"):format(shell.source, folder))
  end)
  teardown(function()
    netns.remove()
    shell.run("rm -rf " .. folder)
  end)

  it("takes three steps", function()
    assert.same({ out = "", status = 0, err = "" }, run("hub", on_page("`(ssh anna true)`")))
    local where = on_page("`(ssh anna command %-v sandbox)`")
    assert.same({ out = folder .. "/sandbox\n", status = 0, err = "" }, run("hub", where))
    local r = run("hub", on_page("\n3%. `(sandbox %-%-hosts [^`]*)`"))
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("^host 1: .-\nhost 2: .-\nhost 3: .-\n6 steps round 2 hosts\n$"), r.out)
    assert.truthy(r.err:find("^[%d.]+ ms a step\n$"), r.err)
    nothing_left()
  end)

  it("gives bert 8 slots, and anna as many as it has processors", function()
    local list = on_page("sandbox (%-%-hosts %S+) scripts/hosts.lua`")
    local file <close> = shell.file("for _, h in ipairs(sandbox.hosts()) do print(h.name, h.slots) end")
    for _, words in ipairs { list, on_page("`(%-%-hosts anna,bert,timeout=30)`") } do
      local r = run("hub", ("sandbox %s %s"):format(words, file.name))
      local expected = ("anna\t%d\nbert\t%d\n"):format(sandbox.cpus(), words == list and 8 or sandbox.cpus())
      assert.same({ 0, "", expected }, { r.status, r.err, r.out:sub(1, #expected) })
    end
  end)

  it("shows the error of a host that does not answer, and runs nothing", function()
    netns.link("bert", "down")
    shell.run(netns.at("hub", "ip neigh flush all")) -- as on a network where bert was not heard of for long
    local r = run("hub", on_page("\n3%. `(sandbox %-%-hosts [^`]*)`"))
    netns.link("bert", "up")
    assert.same({ out = "", status = 2, err = on_page("\n(sandbox: host bert: no agent: [^\n]*\n)") }, r)
    nothing_left()
  end)

  it("calls what SANDBOX_SSH names, with the tunnel, the host and the command", function()
    local other = ("printf '#!/bin/sh\\necho \"$@\" >>%s/words\\nexec ssh \"$@\"\\n'"):format(folder)
    shell.run(("%s >%s/other; chmod +x %s/other"):format(other, folder, folder))
    local r = run("hub", "sandbox --hosts root@anna -e 'print(spawn({ on = [[anna]] }, sandbox.cpus):result() > 0)'",
      "SANDBOX_SSH='other -o BatchMode=yes'")
    assert.same({ out = "true\n", status = 0, err = "" }, r)
    local words = hosts.slurp(folder .. "/words")
    assert.truthy(words:find("^%-o BatchMode=yes %-R (%d+):127%.0%.0%.1:%1 root@anna sandbox %-%-command agent "), words)
  end)

  it("has agents that stay", function()
    local block = on_page("## Agents that stay.-```sh\n(.-)```")
    local server = block:match("\n(redis%-server[^\n]*)")
    local agent = block:match("(SANDBOX_PASSWORD=%S+ sandbox agent [^\n]*)")
    local script = block:match("(SANDBOX_PASSWORD=%S+ sandbox %-%-engine [^\n]*)")
    local function here(command) return "env " .. command:gsub("engine%.example", "10.77.0.1") end
    local redis <close> = start("hub", server, "redis.log")
    hosts.await("redis", function() return redis:said("Ready to accept connections") end)
    local anna <close> = start("anna", here(agent) .. " --name anna", "agent.log")
    hosts.await("the agent", function() return anna:said("ready") end)
    local r = run("bert", (here(script):gsub("script%.lua", "scripts/hosts.lua")))
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("^host 1: .-\nhost 2: .-\n3 steps round 1 host\n$"), r.out)
  end)
end)
