-- No false alarm: programs over several hosts that wait for each other in all ways, and come to their ends. Each is
-- watched much more often than a run is by default (the fault point lookout.often), so most looks come in the middle
-- of something.
--
--   SANDBOX_RUNS=1000    so many programs are run; without it a few
--   SANDBOX_KILLS=200    so often there is trouble with an agent; without it a few times
local hosts = require "support.hosts"
local shell = require "support.shell"

if hosts.missing then return describe("false alarms", function() pending(hosts.missing) end) end

local RUNS <const> = math.tointeger(tonumber(os.getenv("SANDBOX_RUNS") or 24))
local TROUBLES <const> = math.tointeger(tonumber(os.getenv("SANDBOX_KILLS") or 6))
local AT_ONCE <const> = 4

-- Before each program: somewhere, and some time.
local HEAD <const> = [[
  math.randomseed(tonumber(arg[1]))
  local function place() return ({ "anna", "bert", "here" })[math.random(3)] end
  local function some_time() if math.random(3) == 1 then sleep(math.random() * 0.03) end end
]]

local PROGRAMS <const> = {
  ring = [[
    local many, rounds = 5, 12
    local queues = {}
    for i = 1, many do queues[i] = queue { max = math.random(3) } end
    local list = {}
    for i = 1, many do
      list[i] = spawn({ on = place() }, function()
        for _ = 1, rounds do
          local n = queues[i]:get()
          some_time()
          queues[i % many + 1]:put(n + 1)
        end
      end)
    end
    queues[1]:put(0)
    for i = 2, many do list[i]:join() end
    list[1]:join()
    assert(queues[1]:get() == many * rounds)
  ]],
  locks = [[
    local one, two, sum = sandbox.lock(), sandbox.lock(), sandbox.value(0)
    local list = {}
    for i = 1, 5 do
      list[i] = spawn({ on = place() }, function()
        for _ = 1, 8 do
          one:acquire()
          some_time()
          two:acquire()
          sum:set(sum:get() + 1)
          one:release()
          some_time()
          two:release()
        end
      end)
    end
    for _, p in ipairs(list) do p:join() end
    assert(sum:get() == 40)
  ]],
  barrier = [[
    local b = sandbox.barrier(4)
    local list = {}
    for i = 1, 4 do
      list[i] = spawn({ on = place() }, function() for _ = 1, 10 do some_time() assert(b:wait()) end end)
    end
    for _, p in ipairs(list) do assert(p:join()) end
  ]],
  births = [[
    local function tree(depth)
      if depth == 0 then some_time() return 1 end
      local a, b = spawn({ on = place() }, tree, depth - 1), spawn(tree, depth - 1)
      return a:result() + b:result()
    end
    function place() return "here" end
    local left, right = spawn({ on = "anna" }, tree, 2), spawn({ on = "bert" }, tree, 2)
    assert(left:result() + right:result() == 8)
    for _ = 1, 3 do
      local list = {}
      for i = 1, 3 do list[i] = spawn({ on = ({ "anna", "bert" })[i % 2 + 1] }, function() return i end) end
      for i = 1, 3 do assert(list[i]:result() == i) end
    end
  ]],
  pool = [[
    local pool <close> = sandbox.pool { hosts = "all", workers = 4 }
    local list = {}
    for i = 1, 30 do list[i] = i end
    for i, n in ipairs(pool:map(function(n) if n % 7 == 0 then sandbox.sleep(0.02) end return n * n end, list)) do
      assert(n == i * i)
    end
  ]],
  select = [[
    local queues, open = {}, 3
    for i = 1, 3 do
      queues[i] = queue { max = i - 1 }
      spawn({ on = place() }, function() for n = 1, 6 do some_time() queues[i]:put(n) end queues[i]:put("end") end)
    end
    while open > 0 do
      local _, v = sandbox.select(queues)
      if v == "end" then open = open - 1 end
    end
  ]],
  mail = [[
    local list = {}
    for i = 1, 4 do
      list[i] = spawn({ on = place() }, function()
        for _ = 1, 8 do
          local v, from = sandbox.receive()
          some_time()
          from:send(v + 1)
        end
      end)
    end
    for n = 1, 8 do
      for _, p in ipairs(list) do p:send(n) end
      for _ = 1, #list do assert(sandbox.receive() == n + 1) end
    end
    for _, p in ipairs(list) do p:join() end
  ]],
  buffer = [[
    local c, count, room = sandbox.condition(), sandbox.value(0), 2
    local function change(by, least, most)
      c:acquire()
      while count:get() < least or count:get() > most do c:wait() end
      count:set(count:get() + by)
      c:notify_all()
      c:release()
    end
    local list = {}
    for i = 1, 4 do
      list[i] = spawn({ on = place() }, function()
        for _ = 1, 6 do
          some_time()
          if i % 2 == 0 then change(1, 0, room - 1) else change(-1, 1, room) end
        end
      end)
    end
    for _, p in ipairs(list) do assert(p:join()) end
    assert(count:get() == 0)
  ]],
  there = [[
    local list = {}
    for i, host in ipairs { "anna", "bert" } do
      list[i] = spawn({ on = host }, function()
        local q, back = queue { here = true, max = 1 }, queue { here = true, max = 0 }
        local p = spawn(function() for n in q:items() do some_time() back:put(n) end end)
        for n = 1, 15 do
          q:put(n)
          assert(back:get() == n)
        end
        q:close()
        p:join()
      end)
    end
    for _, p in ipairs(list) do assert(p:join()) end
  ]],
  signals = [[
    local latch, go, units = sandbox.latch(4), sandbox.event(), sandbox.semaphore(2)
    for i = 1, 4 do
      spawn({ on = place() }, function()
        go:wait()
        for _ = 1, 4 do units:acquire() some_time() units:release() end
        latch:down()
      end)
    end
    some_time()
    go:set()
    latch:wait()
  ]],
  kills = [[
    local q = queue()
    for _ = 1, 4 do
      local lock = sandbox.lock()
      local host = ({ "anna", "bert" })[math.random(2)]
      local p = spawn({ on = host, quiet = true }, function() lock:acquire() q:put(1) sleep(1000) end)
      local waiter = spawn({ on = place() }, function() lock:acquire() lock:release() end)
      q:get()
      some_time()
      p:kill()
      p:join()
      assert(waiter:join())
    end
  ]],
  handles = [[
    local box, list, joiners = queue(), {}, {}
    for i = 1, 4 do
      list[i] = spawn({ on = place() }, function()
        local p = spawn({ on = place() }, function() some_time() return i end)
        box:put_all { p, p }
        some_time()
      end)
    end
    for i = 1, 8 do
      local p = box:get()
      joiners[i] = spawn({ on = place() }, function() some_time() return p:result() end)
    end
    local sum = 0
    for i = 1, 8 do sum = sum + joiners[i]:result() end
    assert(sum == 20)
    for i = 1, 4 do assert(list[i]:join()) end
  ]],
  changes = [[
    local d, turn = sandbox.dict(), sandbox.value(0)
    local list = {}
    for i = 1, 3 do
      list[i] = spawn({ on = place() }, function()
        for n = 1, 5 do
          d:update("k", function(v) some_time() return (v or 0) + 1 end)
          turn:add(1)
        end
      end)
    end
    for _, p in ipairs(list) do assert(p:join()) end
    assert(d.k == 15 and turn:get() == 15)
  ]],
}

local names = {}
for name in pairs(PROGRAMS) do names[#names + 1] = name end
table.sort(names)

-- Run `count` programs, some at once; each must end well and say nothing.
local function run_all(engine, count)
  local running = {}
  local function finish()
    local name, seed, job = table.unpack(table.remove(running, 1))
    local text, status = job:result()
    assert.same({ 0, "ok\n" }, { status, text }, ("%s, with the seed %d"):format(name, seed))
  end
  for i = 1, count do
    local name, seed = names[i % #names + 1], math.random(1000000)
    running[#running + 1] = { name, seed, engine:start(HEAD .. PROGRAMS[name] .. " print 'ok'", "", seed) }
    if #running == AT_ONCE then finish() end
  end
  while #running > 0 do finish() end
end

-- Programs that come to their ends whatever becomes of the hosts; until the file arg[2] is there.
local UNTIL <const> = [[
  local function goes_on() local f = io.open(arg[2]) return not (f and f:close()) end
]]

local STURDY <const> = {
  pool = [[
    local pool <close> = sandbox.pool { hosts = "all", workers = 4, retries = 1000 }
    repeat
      local list = {}
      for i = 1, 20 do list[i] = i end
      for i, n in ipairs(pool:map(function(n) sandbox.sleep(0.01) return n * n end, list, 1)) do assert(n == i * i) end
    until not goes_on()
  ]],
  locks = [[
    local one, two = sandbox.lock(), sandbox.lock()
    local function work()
      for _ = 1, 5 do
        one:acquire() some_time()
        two:acquire() some_time()
        two:release()
        one:release()
      end
    end
    repeat
      local list = {}
      for i = 1, 3 do
        local ok, p = pcall(spawn, { on = "any", quiet = true }, work)
        list[#list + 1] = ok and p or nil
      end
      work()
      for _, p in ipairs(list) do p:join() end
    until not goes_on()
  ]],
  barrier = [[
    repeat
      local b, list = sandbox.barrier(3), {}
      for i = 1, 3 do list[i] = spawn(function() for _ = 1, 5 do some_time() b:wait() end end) end
      local ok, p = pcall(spawn, { on = "any", quiet = true }, function() sandbox.sleep(0.1) end)
      for _, p in ipairs(list) do p:join() end
      if ok then p:join() end
    until not goes_on()
  ]],
}

-- The agent, and all that it has started, stand still for some seconds.
local function stand_still(agent, seconds)
  local all = agent:pids()
  shell.run(("{ kill -STOP %s; sleep %d; kill -CONT %s; } 2>/dev/null"):format(all, seconds, all))
end

describe("no deadlock is told", function()
  local engine
  setup(function()
    engine = hosts.engine("anna:64", "bert:64")
    engine.environment = "SANDBOX_FAULT=lookout.often:0:fail"
  end)
  teardown(function() engine:close() end)

  it(("of %d programs that come to their ends"):format(RUNS), function()
    run_all(engine, RUNS)
  end)

  it(("while %d agents are killed, or stand still for a while"):format(TROUBLES), function()
    local own <close> = hosts.engine()
    own.environment = engine.environment
    local agents, jobs, stop = {}, {}, own.folder .. "/stop"
    for i = 1, 3 do agents[i] = own:agent("host" .. i, "--slots 8") end
    for name, text in pairs(STURDY) do
      local arguments = math.random(1000000) .. " " .. stop
      jobs[name] = own:start(HEAD .. UNTIL .. text .. " print 'ok'", "--lost-after 2", arguments)
    end
    for i = 1, TROUBLES do
      shell.run(("sleep %.2f"):format(math.random() * 0.5))
      if i % 3 == 0 then -- for longer than it takes to be lost, or not
        stand_still(agents[math.random(#agents)], i % 2 == 0 and 4 or 1)
      else
        table.remove(agents, math.random(#agents)):kill()
        agents[#agents + 1] = own:agent("host" .. 3 + i, "--slots 8")
      end
    end
    io.open(stop, "w"):close()
    for name, job in pairs(jobs) do
      local text, status = job:result()
      assert.same({ 0, nil }, { status, text:match("deadlock[^\n]*") }, name .. ": " .. text)
    end
  end)
end)
