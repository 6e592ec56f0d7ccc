-- tests/bench/peers/work.lua WHAT: the work of peers.lua by sandbox; see there. What has a figure is in ../work.lua.
local function crossed()
  local a, b = queue(), queue()
  spawn(function() a:get() b:put(1) end)
  spawn(function() b:get() a:put(1) end)
end

local work = {}

function work.all() crossed() end

function work.some()
  spawn(function() while true do sleep(0.05) end end)
  crossed()
  collectgarbage() -- main has no handle of the queues any more, and could not help
end

function work.killed()
  local lock = sandbox.lock()
  spawn({ quiet = true }, function() lock:acquire() sandbox.self():kill() end):join()
  print(lock:acquire())
end

function work.race()
  local balance = sandbox.value(100)
  local function spend(n)
    if balance:get() >= n then balance:add(-n) end
  end
  sandbox.join_all { spawn(spend, 80), spawn(spend, 80) }
  assert(balance:get() >= 0, "overdrawn")
end

work[arg[1]]()
