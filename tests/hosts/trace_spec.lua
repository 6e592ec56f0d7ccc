-- What a run over several hosts leaves in its trace: processes there, with their host, in one order of time.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("traces over hosts", function() pending(hosts.missing) end) end

local engine

-- The rows of processes in the JSON of --stats=json: name -> fields.
local function processes(json)
  local list = {}
  for row in json:match('"processes":%[?.-$'):gmatch("{[^{}]*}") do
    local name = row:match('"name":%s*"([^"]*)"')
    if name and row:find('"how"') then
      list[#list + 1] = { name = name, host = row:match('"host":%s*"([^"]*)"'), how = row:match('"how":%s*"([^"]*)"'),
        begin = tonumber(row:match('"begin":%s*([-%d.e]+)')), id = tonumber(row:match('"id":%s*(%d+)')),
        parent = tonumber(row:match('"parent":%s*(%d+)')) }
      list[name] = list[#list]
    end
  end
  return list
end

local SCRIPT = [[
  local q = sandbox.queue { name = "jobs" }
  local p = spawn({ on = "bert", name = "maker" }, function()
    local kid = spawn({ name = "kid" }, function() q:put(1) end)
    kid:join()
    spawn({ on = "anna", name = "deep" }, function() q:put(2) end):join()
  end)
  q:get() q:get()
  p:join()]]

describe("traces over hosts", function()
  setup(function() engine = hosts.engine("anna:2", "bert:2") end)
  teardown(function() engine:close() end)

  it("tell what processes did there, below those that spawned them, and of which host they are", function()
    local r = engine:run(SCRIPT, "--stats=json")
    assert.same({ "", 0 }, { r.out, r.status })
    local list = processes(r.err)
    assert.same(4, #list, r.err)
    assert.same({ "bert", "bert", "anna" }, { list.maker.host, list.kid.host, list.deep.host })
    assert.is_nil(list.main.host)
    assert.same({ list.main.id, list.maker.id, list.maker.id },
      { list.maker.parent, list.kid.parent, list.deep.parent })
    for _, p in ipairs(list) do assert.same("done", p.how) end
    assert.is_true(list.main.begin <= list.maker.begin and list.maker.begin <= list.kid.begin, r.err)
    assert.truthy(r.err:find('hosts to %d+%.%d%d ms'), r.err)
  end)

  it("draw them with their host, say how well the clocks agree, and keep both in files", function()
    local path = os.tmpname() .. ".pftrace"
    local r = engine:run(SCRIPT, "--timeline --trace " .. path)
    assert.same(0, r.status)
    assert.truthy(r.err:find("kid#%d+@bert"), r.err)
    assert.truthy(r.err:find("\nclock: monotonic, hosts to %d+%.%d%d ms\n"), r.err)
    local text = shell.run(("%s trace --timeline %s 2>&1"):format(shell.program, path))
    os.remove(path)
    assert.truthy(text:find("deep#%d+@anna"), text)
  end)

  it("match puts and gets of a queue across hosts, and keep objects of one number on two hosts apart", function()
    local r = engine:run([[
      local q = sandbox.queue { name = "shared" }
      local p = spawn({ on = "bert", name = "maker" }, function()
        local here = sandbox.queue { here = true, name = "private" }
        here:put(1) here:get()
        q:put(1)
      end)
      local here = sandbox.queue { here = true, name = "mine" }
      here:put(1) here:get()
      q:get()
      p:join()]], "--stats=json")
    assert.same({ "", 0 }, { r.out, r.status })
    for _, name in ipairs { "shared", "private", "mine" } do
      local row = r.err:match('{[^{}]*"name":%s*"' .. name .. '"[^{}]*}')
      assert.truthy(row, name .. " in " .. r.err)
      assert.same("1", row:match('"items":%s*(%d+)') or row:match('"puts":%s*(%d+)'), row)
    end
  end)

  it("have what had arrived of a host that was lost, and its processes end with it", function()
    local carl <close> = engine:agent("carl")
    local job = engine:start([[
      local began = sandbox.event()
      local p = spawn({ on = "carl", name = "maker" }, function()
        spawn({ name = "kid" }, function() sandbox.mark("there") began:set() sandbox.sleep(60) end)
        sandbox.sleep(60)
      end)
      began:wait()
      sandbox.sleep(1)
      print("begun") io.stdout:flush()
      print(select(2, p:join()).message)]], "--lost-after 2 --stats=json")
    job:says("begun")
    carl:kill()
    local out = job:result()
    local list = processes(out)
    assert.truthy(list.kid, out)
    assert.truthy(out:find("host carl was lost", 1, true), out)
    assert.same("carl", list.kid.host)
    assert.is_true(list.kid.how == "killed" or list.kid.how == "ended", out)
  end)

  it("leave nothing in the engine", function()
    engine:run(SCRIPT, "--stats")
    hosts.await("the engine to be empty", function()
      return engine:ask("--scan --pattern 'sandbox:{*}:trace*'") == ""
    end)
  end)
end)
