-- Hosts that are hosts: network namespaces with a link each to the engine's, which is cut and mended.
local shell = require "support.shell"
local hosts = require "support.hosts"

local function possible()
  if not hosts.available then return false, "there is no redis-server here" end
  local _, status = shell.run("ip netns add sandboxprobe 2>/dev/null && ip netns del sandboxprobe")
  return status == 0, "no network namespaces can be made here (root, and ip)"
end

local can, why = possible()
if not can then
  describe("hosts with a link that is cut", function() pending(why) end)
  return
end

local MARK <const> = "sbx" .. sandbox.getpid() % 10000
local HUB <const> = MARK .. "hub"

-- The namespaces hub, anna and bert; the addresses 10.77.0.1, .2 and .3.
local function build()
  local commands = { "ip netns add " .. HUB, "ip -n " .. HUB .. " link add br0 type bridge",
    "ip -n " .. HUB .. " addr add 10.77.0.1/24 dev br0", "ip -n " .. HUB .. " link set br0 up", "ip -n " .. HUB .. " link set lo up" }
  for i, name in ipairs { "anna", "bert" } do
    local ns, link = MARK .. name, "v" .. name
    for _, c in ipairs {
      "ip netns add " .. ns, ("ip -n %s link add %s type veth peer name eth0 netns %s"):format(HUB, link, ns),
      ("ip -n %s link set %s master br0 up"):format(HUB, link), ("ip -n %s addr add 10.77.0.%d/24 dev eth0"):format(ns, i + 1),
      ("ip -n %s link set eth0 up"):format(ns), ("ip -n %s link set lo up"):format(ns),
    } do commands[#commands + 1] = c end
  end
  for _, c in ipairs(commands) do
    local out, status = shell.run(c .. " 2>&1")
    assert(status == 0, c .. ": " .. out)
  end
end

local function remove()
  for _, name in ipairs { "hub", "anna", "bert" } do shell.run("ip netns del " .. MARK .. name .. " 2>/dev/null") end
end

local function link(name, how) shell.run(("ip -n %s link set v%s %s"):format(HUB, name, how)) end

describe("a host whose link is cut", function()
  local folder, redis
  setup(function()
    remove()
    build()
    folder = shell.run("mktemp -d /tmp/hosts.XXXXXX"):match("%S+")
    shell.run(("printf 'bind 10.77.0.1\\nrequirepass secret\\nsave \"\"\\n' >%s/conf; ln -s %s %s/sandbox"):format(folder,
      shell.program, folder))
    redis = tonumber((shell.run(("ip netns exec %s timeout -s KILL 280 redis-server %s/conf >/dev/null 2>&1 & echo $!"):format(HUB,
      folder))))
    hosts.await("redis", function()
      return shell.run(("ip netns exec %s redis-cli -h 10.77.0.1 -a secret --no-auth-warning ping 2>/dev/null"):format(HUB)) == "PONG\n"
    end)
  end)
  teardown(function()
    shell.run("kill -TERM " .. redis)
    remove()
    shell.run("rm -rf " .. folder)
  end)

  it("is lost; when the link is back, what runs there ends, and the next process works", function()
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
    local bert = MARK .. "bert"
    shell.run(("ip netns exec %sanna env PATH=%s:$PATH SANDBOX_PASSWORD=secret SANDBOX_SSH='ip netns exec' timeout -s KILL 120 " ..
      "%s --engine redis://10.77.0.1 --hosts %s:2 --lost-after 3 -e 'BERT = \"%s\"' %s >%s/out 2>%s/err </dev/null & echo $!"):format(
      MARK, folder, shell.program, bert, bert, file.name, folder, folder))
    local function out() return hosts.slurp(folder .. "/out") end
    hosts.await("the process", function() return out() == "up\n" or #hosts.slurp(folder .. "/err") > 0 end)
    assert.equal("", hosts.slurp(folder .. "/err"))
    link("bert", "down")
    hosts.await("the loss", function() return out():find("lost", 1, true) end)
    assert.equal("up\nhost " .. bert .. " was lost: no sign of life for 3.0 s\ttrue\n", out())
    link("bert", "up")
    hosts.await("the end", function() return out():find("again", 1, true) end)
    assert.truthy(hosts.slurp(folder .. "/err"):find("was ended: this host was declared dead, since it gave no sign of life\n", 1, true),
      hosts.slurp(folder .. "/err"))
  end)
end)
