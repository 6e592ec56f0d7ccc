-- Pools and teams over hosts: two agents on this machine, which share nothing with the run but the engine.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("pools over hosts", function() pending(hosts.missing) end) end

local engine

-- A pool of a worker for each slot, and which hosts have done something.
local OPEN = [[
  local pool <close> = sandbox.pool { hosts = "all", retries = 2, name = "far" }
  local function where() sandbox.sleep(0.01) return sandbox.self().host end
]]

describe("pools over hosts", function()
  setup(function() engine = hosts.engine("anna:1", "bert:3") end)
  teardown(function() engine:close() end)

  it("have a worker for each slot of the hosts, and map there with the globals that the function names", function()
    engine:prints("41 42 43 44\nanna 1\nbert 3\n", OPEN .. [[
      local n = 40
      function helper(x) return x + n end
      print(table.concat(pool:map(function(x) return helper(x) end, { 1, 2, 3, 4 }), " "))
      local workers = {}
      for _, p in ipairs(sandbox.children()) do workers[p.host] = (workers[p.host] or 0) + 1 end
      print("anna " .. workers.anna) print("bert " .. workers.bert)]])
  end)

  it("take new globals and functions with each call, and modules on demand", function()
    engine:prints("1 2\n2 3\n3\ttrue\n", OPEN .. [[
      n = 0
      local function add(x) return x + n end
      print(table.concat(pool:map(add, { 1, 2 }), " "))
      n = 1
      print(table.concat(pool:map(add, { 1, 2 }), " "))
      package.preload.thing = nil
      local f = pool:submit(function(a, q) q:put(a) return a + n, type(sandbox) == "table" end, 2, queue())
      print(f:result())]])
  end)

  it("submit, imap, starmap and progress work; the failure is that of the item", function()
    engine:prints("1 4 9\n5 7\nfalse\ttrue\t2\t[string]\nnil\ttrue\ttrue\n", OPEN .. [[
      local t = {}
      for i, v in pool:imap(function(x) return x * x end, { 1, 2, 3 }) do t[i] = v end
      print(table.concat(t, " "))
      print(table.concat(pool:starmap(math.max, { { 1, 5 }, { 7, 2 } }), " "))
      local ok, f = pcall(pool.map, pool, function(x) if x == 2 then error "two" end return x end, { 1, 2, 3 }, 1)
      print(ok, f.message:find("two", 1, true) ~= nil, f.index, f.traceback and "[string]")
      local ok, f = pool:submit(function() error "alone" end):join()
      print(ok, f.message:find("alone", 1, true) ~= nil, f.traceback ~= nil)]])
  end)

  it("report a failure that nobody looked at", function()
    local r = engine:run(OPEN .. [[ pool:submit(function() error "unseen" end) ]])
    assert.same({ "", 3 }, { r.out, r.status })
    assert.truthy(r.err:find("unseen", 1, true), r.err)
  end)

  it("call init in each worker, and end with its failure", function()
    engine:prints("true\n", [[
      local pool <close> = sandbox.pool { hosts = { "bert" }, workers = 2, init = function() ready = 7 end }
      for _, v in ipairs(pool:map(function() return ready end, { 1, 2, 3, 4 }, 1)) do assert(v == 7) end
      print(true)]])
    engine:prints("false\ttrue\n", [[
      local pool = sandbox.pool { hosts = "all", workers = 2, init = function() error "no licence" end }
      local ok, f = pcall(pool.map, pool, function(x) return x end, { 1, 2 })
      print(ok, f.message:find("init of the pool: .*no licence") ~= nil)]])
  end)

  it("replace workers after max_tasks; a task that takes too long or is killed ends with its worker", function()
    engine:prints("at most 2\ntimeout\ntrue\tkilled\n5\n", [[
      local pool <close> = sandbox.pool { hosts = "all", workers = 2, max_tasks = 2 }
      local function who() return sandbox.self().host .. sandbox.self().pid end
      local tasks, most = {}, 0
      for _, worker in ipairs(pool:map(who, { 1, 2, 3, 4, 5, 6, 7, 8 }, 1)) do
        tasks[worker] = (tasks[worker] or 0) + 1
        most = math.max(most, tasks[worker])
      end
      print("at most " .. most)
      print(select(2, pool:submit({ timeout = 0.3 }, function() sandbox.sleep(60) end):join()).message)
      local began = sandbox.event()
      local f = pool:submit(function() began:set() sandbox.sleep(60) end)
      began:wait()
      print(f:kill(), select(2, f:join()).message)
      print(pool:submit(function() return 5 end):result())]])
  end)

  it("retry the tasks of a worker that died, and give them up without retries", function()
    engine:prints("1 2 3 4\nnil\ttrue\n", OPEN .. [[
      local once = sandbox.value(0)
      print(table.concat(pool:map(function(x)
        if x == 3 and once:add(1) == 1 then os.exit(3) end
        return x
      end, { 1, 2, 3, 4 }, 1), " "))
      local pool <close> = sandbox.pool { hosts = { "anna" }, workers = 1 }
      local ok, f = pool:submit(function() os.exit(3) end):join()
      print(ok, f.exitcode == 3)]])
  end)

  it("go on with the other hosts when one is lost, and say which", function()
    local carl <close> = engine:agent("carl", "--slots 2")
    local job = engine:start([[
      local began = sandbox.latch(2)
      local pool <close> = sandbox.pool { hosts = { "carl", "bert" }, retries = 1 }
      local alone <close> = sandbox.pool { hosts = { "carl" }, workers = 1 }
      local lost = alone:submit(function() began:down() sandbox.sleep(60) end)
      local first = sandbox.value(0)
      local f = pool:submit(function(x) return x end, 1)
      f:result()
      local slow = pool:submit(function()
        if first:add(1) == 1 then began:down() sandbox.sleep(60) end
        return sandbox.self().host
      end)
      began:wait()
      print("begun") io.stdout:flush()
      print(slow:done())
      local ok, f = lost:join()
      print(ok, f.lost, f.message)
      local t = pool:map(function(x) return x + 1 end, { 1, 2, 3, 4, 5, 6, 7, 8 }, 1)
      print(table.concat(t, " "))
      slow:kill()]], "--lost-after 2")
    job:says("begun")
    carl:kill()
    local out = job:result()
    assert.truthy(out:find("nil\ttrue\thost carl was lost: ", 1, true), out)
    assert.truthy(out:find("2 3 4 5 6 7 8 9", 1, true), out)
  end)

  it("leave nothing behind when the owner is killed", function()
    engine:prints("true\n", [[
      local began = sandbox.event()
      local owner = spawn(function()
        local pool <close> = sandbox.pool { hosts = { "bert" }, workers = 2 }
        pool:submit(function() began:set() sandbox.sleep(100) end):join()
      end)
      began:wait()
      owner:kill() owner:join()
      print(true)]])
    hosts.await("the processes of bert", function()
      return tonumber(engine:ask("hget 'sandbox:{agents}:host:bert' processes")) == 0
    end)
  end)

  it("name a host that is not there, and what cannot be sent", function()
    local r = engine:run([[
      local function try(f, ...)
        local _, m = pcall(f, ...)
        print((tostring(m):gsub("^.-lua_%w+:", ""):gsub("^%d+: ", "")))
      end
      try(sandbox.pool, { hosts = { "zoe" } })
      try(sandbox.pool, { hosts = {} })
      try(sandbox.pool, { hosts = 3 })
      local pool <close> = sandbox.pool { hosts = { "bert" }, workers = 1 }
      local thread = coroutine.create(print)
      try(pool.submit, pool, function() return thread end)]])
    assert.same({ "", 0 }, { r.err, r.status })
    assert.truthy(r.out:find("pool: there is no host 'zoe'", 1, true), r.out)
    assert.truthy(r.out:find("hosts is an empty list", 1, true), r.out)
    assert.truthy(r.out:find("hosts must be \"all\" or a list of hosts", 1, true), r.out)
    assert.truthy(r.out:find("upvalue 'thread': a coroutine cannot be sent", 1, true), r.out)
  end)

  it("count words and primes, with the speed-up told", function()
    local command = ("SANDBOX_ENGINE=%s %s --timeout 120 %s/scripts/"):format(engine.url, shell.program, shell.source)
    local out, status = shell.run(command .. "primes.lua 200000 2>&1")
    assert.same(0, status, out)
    assert.truthy(out:find("4 workers   17984 primes  +%d+%.%d%d s  speed%-up %d+%.%d%d\n$"), out)
    out, status = shell.run(command .. "wordcount.lua 2>&1")
    assert.same(0, status, out)
    assert.truthy(out:find("^%d+ files, %d+ words, .*\ncounted in %d+%.%d%d s, the work of %d+%.%d%d s: " ..
      "speed%-up %d+%.%d%d\n$"), out)
  end)

  it("are those of this host where there are no others, and stay here under --spread", function()
    local file <close> = shell.file([[
      local pool <close> = sandbox.pool { hosts = "all", workers = 2 }
      print(table.concat(pool:map(function(x) return 2 * x end, { 1, 2 }), " "))
      print((select(2, pcall(sandbox.pool, { hosts = { "zoe" } })):gsub("^.-: ", "")))]])
    local out, status = shell.sandbox(file.name)
    assert.same({ "2 4\npool: there is no host 'zoe': start the run with --hosts A,B or --engine URL\n", 0 },
      { out, status })
    engine:prints("true\n", [[
      local pool <close> = sandbox.pool(2)
      local mine = sandbox.self().host
      for _, h in ipairs(pool:map(function() return sandbox.self().host or "none" end, { 1, 2, 3 }, 1)) do
        assert(h == (mine or "none"))
      end
      print(true)]], "--spread")
  end)
end)

describe("teams over hosts", function()
  setup(function() engine = hosts.engine("anna:1", "bert:2") end)
  teardown(function() engine:close() end)

  it("have a process for each slot, or as many as are asked for, shared out by the slots", function()
    engine:prints("3\n1\n6\n2\tbert\nbert7\n", [[
      local t = sandbox.team({ hosts = "all" }, function(i) return sandbox.self().host end)
      local r = t:results()
      print(#t)
      local anna = 0
      for _, h in ipairs(r) do anna = anna + (h == "anna" and 1 or 0) end
      print(anna)
      t = sandbox.team({ processes = 6, hosts = { "anna", "bert" } }, function() return sandbox.self().host end)
      anna = 0
      for _, h in ipairs(t:results()) do anna = anna + (h == "anna" and 1 or 0) end
      print(#t) print(anna, t[1].host)
      do
        local g <close> = sandbox.scope()
        local function at(_, x) return sandbox.self().host .. x end
        print(g:team({ processes = 1, hosts = { "bert" } }, at, 7):results()[1])
      end]])
  end)
end)
