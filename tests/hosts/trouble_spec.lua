-- Pools over hosts in trouble: agents that are killed at random, networks that are slow or break. Whatever happens,
-- each task has one result, and none is done twice but for a death.
--
--   SANDBOX_KILLS=200    so many agents are killed; without it a few
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("pools in trouble", function() pending(hosts.missing) end) end

local KILLS <const> = math.tointeger(tonumber(os.getenv("SANDBOX_KILLS") or 5))

-- Maps in rounds until the file STOP is there. Each item is noted in the engine when it is begun; prints rounds, items,
-- how often one was begun again, and how many workers were replaced.
local ROUNDS <const> = [[
  local began, stop, rounds, items, again = sandbox.dict(), arg[1], 0, 0, 0
  local workers = sandbox.value(0)
  local pool <close> = sandbox.pool { hosts = "all", workers = 6, retries = 1000, init = function() workers:add(1) end }
  local function exists() local f = io.open(stop) return f and f:close() end
  repeat
    rounds = rounds + 1
    local list = {}
    for i = 1, 60 do list[i] = rounds * 1000 + i end
    local squares = pool:map(function(n)
      began:add(n, 1)
      sandbox.sleep(0.01)
      return n * n
    end, list, 1)
    assert(#squares == #list)
    for i, n in ipairs(list) do
      assert(squares[i] == n * n, "a wrong result")
      items, again = items + 1, again + began[n] - 1
      began[n] = nil
    end
    if rounds == 1 then print("begun") io.stdout:flush() end
  until exists()
  print(("rounds %d items %d again %d deaths %d"):format(rounds, items, again, workers:get() - 6))]]

-- Run it beside `trouble()`, then let it end. Returns the numbers that it printed.
local function run_beside(engine, trouble, options)
  local stop = engine.folder .. "/stop"
  local job = engine:start(ROUNDS, options, stop)
  job:says("begun")
  trouble()
  io.open(stop, "w"):close()
  local text, status = job:result()
  local rounds, items, again, deaths = text:match("rounds (%d+) items (%d+) again (%d+) deaths (%d+)\n$")
  assert.truthy(rounds and status == 0, text)
  return { rounds = tonumber(rounds), items = tonumber(items), again = tonumber(again),
    deaths = tonumber(deaths) }
end

-- Jobs from a queue with redeliver, worked off by processes on any host, each of which is replaced when it dies. Prints how many
-- were done, how many of them again, and how many died.
local JOBS <const> = [[
  local jobs, done, total = sandbox.queue { redeliver = true }, sandbox.queue(), 300
  for i = 1, total do jobs:put(i) end
  local workers, deaths = {}, 0
  local function start(i)
    workers[i] = sandbox.spawn({ on = "any", quiet = true }, function()
      for job in jobs:items() do
        sandbox.sleep(0.02)
        done:put(job)
      end
    end)
  end
  for i = 1, 4 do start(i) end
  local seen, n, again = {}, 0, 0
  while n < total do
    local which, job = sandbox.select { workers[1], workers[2], workers[3], workers[4], done }
    if which == 5 then
      if seen[job] then again = again + 1 else n = n + 1 end
      seen[job] = true
      if n == 10 then print("begun") io.stdout:flush() end
    else
      deaths = deaths + 1
      start(which)
    end
  end
  jobs:close()
  sandbox.join_all(workers)
  again = again + #done
  print(("jobs %d again %d deaths %d left %d"):format(n, again, deaths, #jobs))]]

describe("a queue with redeliver over hosts", function()
  it("gives each job to another worker, when an agent is killed that has it in hand", function()
    local engine <close> = hosts.engine()
    local agents = {}
    for i = 1, 3 do agents[i] = engine:agent("host" .. i, "--slots 2") end
    local job = engine:start(JOBS, "--lost-after 2")
    job:says("begun")
    agents[1]:kill()
    agents[2]:kill()
    local text, status = job:result()
    local jobs, again, deaths, left = text:match("jobs (%d+) again (%d+) deaths (%d+) left (%d+)\n$")
    assert.truthy(jobs and status == 0, text)
    assert.are.same({ 300, 0 }, { tonumber(jobs), tonumber(left) })
    assert.is_true(tonumber(deaths) >= 1 and tonumber(again) <= tonumber(deaths), text)
  end)
end)

describe("a pool over hosts", function()
  it(("gives each task one result, while %d agents are killed"):format(KILLS), function()
    local engine <close> = hosts.engine()
    local agents = {}
    for i = 1, 3 do agents[i] = engine:agent("host" .. i, "--slots 2") end
    local did = run_beside(engine, function()
      for kill = 1, KILLS do
        shell.run(("sleep %.2f"):format(math.random() * 0.3))
        table.remove(agents, math.random(#agents)):kill()
        agents[3] = engine:agent("host" .. 3 + kill, "--slots 2") -- a name that was used is free after some seconds
      end
    end, "--lost-after 2 --timeout 1000")
    local told = ("%d kills: %d rounds, %d items, %d begun again, %d workers replaced"):format(KILLS, did.rounds,
      did.items, did.again, did.deaths)
    assert.is_true(did.again <= did.deaths and did.deaths > 0, told)
    if KILLS >= 50 then print(told) end
  end)

  -- The agent carl reaches the engine through the proxy; anna and bert do not.
  local function with_proxy(arguments, trouble, options)
    local engine <close> = hosts.engine("anna:2", "bert:2")
    local slow = engine.folder .. "/slow"
    local proxy = ("timeout -s KILL 250 python3 %s/tests/support/slow.py %s %s %s >%s/said 2>&1 & echo $!"):format(
      shell.source, slow, engine.socket, arguments, engine.folder)
    local pid = tonumber((shell.run(proxy)))
    local _ <close> = setmetatable({}, { __close = function() shell.run("kill " .. pid) end })
    hosts.await("the proxy", function() return select(2, shell.run("test -S " .. slow)) == 0 end)
    local far = setmetatable({ url = "unix://" .. slow }, { __index = engine })
    local carl <close> = far:agent("carl", "--slots 2")
    assert.truthy(carl)
    return run_beside(engine, trouble, options)
  end

  it("works with a host behind a slow network that loses packets, which is not taken for a dead one", function()
    local did = with_proxy("0.02 0.05 0", function() shell.run("sleep 2") end)
    assert.same(0, did.again)
  end)

  it("works with a host whose connections break all the time: nothing is done twice", function()
    local did = with_proxy("0.001 0 0.3", function() shell.run("sleep 3") end)
    assert.same(0, did.again)
  end)
end)
