-- --replay of tokens in which a process is killed: real processes are killed at that step, and the run ends as in the simulator.
local run = require "cli.run"
local rounds = require "support.rounds"
local shell = require "support.shell"

local TIMES = tonumber(os.getenv("SANDBOX_REPLAYS")) or 6 -- of each token

-- What a process that may be killed does at that moment.
local PROGRAMS = {
  ["holds a lock, or waits in line for it"] = [[
    local lock, n = sandbox.lock(), sandbox.value(0)
    local function inc() lock:acquire() n:set(n:get() + 1) print("did") lock:release() end
    local a, b = spawn(inc), spawn(inc)
    a:join() b:join()
    local _ <close> = lock:hold()
    assert(n:get() == 2, "an addition is missing")]],
  ["waits for a condition, or is to notify"] = [[
    local c, ready = sandbox.condition(), sandbox.value(false)
    local waiter = spawn(function() c:acquire() while not ready:get() do c:wait() end c:release() print("waited") end)
    local setter = spawn(function() c:acquire() ready:set(true) c:notify() c:release() print("set") end)
    waiter:join() setter:join()]],
  ["waits for an item, or for room"] = [[
    local q = queue(1)
    local p = spawn(function() q:put(1) q:put(2) q:close() print("put") end)
    local c = spawn(function() for x in q:items() do print("got", x) end end)
    p:join() c:join()]],
  ["has taken a unit of a semaphore"] = [[
    local s = sandbox.semaphore(1)
    local function use() s:acquire() print("in") s:release() end
    sandbox.join_all { spawn(use), spawn(use) }
    local got = s:acquire(0)
    if got then s:release() end -- else a process that waits for it would have it for a moment, when main is ended
    print(got)]],
  ["joins another, which is a step of nobody"] = [[
    local v = sandbox.value(0)
    local worker = spawn({ name = "worker" }, function() v:set(1) v:set(2) end)
    local boss = spawn({ name = "boss" }, function() worker:join() v:add(10) end)
    boss:join() worker:join()
    print(v:get())]],
  ["waits for its own children at the end of its code"] = [[
    local v = sandbox.value(0)
    local boss = spawn({ name = "boss" }, function() spawn({ name = "worker" }, function() v:add(1) v:add(2) end) end)
    boss:join()
    print(v:get())]],
  ["sleeps, or waits with a timeout"] = [[
    local e, v = sandbox.event(), sandbox.value(0)
    local a = spawn(function() sleep(0.3) v:add(1) e:set() end)
    local b = spawn(function() v:add(e:wait(0.5) and 10 or 100) end)
    a:join() b:join()
    print(v:get())]],
  ["meets others at a barrier, or counts down a latch"] = [[
    local b, l = sandbox.barrier(2), sandbox.latch(2)
    local function work() l:down() print(b:wait(1)) end
    local p, q = spawn(work), spawn(work)
    print(l:wait(2))
    p:join() q:join()]],
  ["chooses among queues"] = [[
    local a, b = queue(), queue()
    local reader = spawn(function() print(sandbox.select { a, b }) end)
    spawn(function() b:put("b") end):join()
    a:put("a")
    reader:join()]],
}

-- Pids are not the same each time, nor is the order of what processes print beside each other.
local function lines(text)
  local all = {}
  for line in text:gsub("pid %d+", "pid N"):gmatch("[^\n]+") do all[#all + 1] = line end
  table.sort(all)
  return all
end

local function first_line(text) return (text:match("^[^\n]*"):gsub("pid %d+", "pid N")) end

describe("--replay of a token with a kill: a process that", function()
  for what, text in pairs(PROGRAMS) do
    it(what, function()
      local file <close> = shell.file(text)
      local told = run { "--explore-kills", file.name }
      local tokens = 0
      for token in told.out:gmatch("%-%-replay '(%S+![^']+)'") do
        local simulated = run { "--sim", "--replay", token, file.name }
        tokens = tokens + 1
        for _ = 1, rounds.count(TIMES) do
          local real = run { "--replay", token, file.name }
          assert.same({ simulated.status, first_line(simulated.err), lines(simulated.out) },
            { real.status, first_line(real.err), lines(real.out) }, token .. "\n" .. real.err)
        end
      end
      assert.is_true(tokens > 0, told.out .. told.err)
    end)
  end
end)

describe("--replay of a token with a kill", function()
  it("says so if the process has come to another place", function()
    local file <close> = shell.file [[
      local v, real = sandbox.value(0), os.time() > 1000000000
      local p = spawn({ name = "p" }, function() if real then v:get() end v:set(2) end)
      p:join()
      assert(v:get() == 2, "it was killed")]]
    local token = run({ "--explore-kills", file.name }).out:match("%-%-replay '(%S+![^']+)'")
    local result = run { "--replay", token, file.name }
    assert.equal(5, result.status)
    assert.truthy(result.err:find("differs: p#2 was to be killed, but it is to get", 1, true), result.err)
  end)
end)
