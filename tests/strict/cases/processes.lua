-- strict/cases/processes.lua - ways to have more processes than the run may have, to leave some behind, or to reach others; see
-- strict/hold.lua. The program itself holds most: a run ends with all its processes, and has at most --max-procs.
local LIMITS <const> = "--max-procs 8 --time 3 --cpu 10"

local function spawns(name, program, more)
  local case = { program, name = name, alone = { "R" }, escaped = "left", patience = 20, limits = LIMITS }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

local ENDS <const> = "a run ends with all its processes"

local function many(o)
  local most = 0
  for n in o.out:gmatch("most (%d+)") do most = math.max(most, tonumber(n)) end
  return most > 10
end

return {
  spawns("a fork bomb", [[local n, full = sandbox.value(0), sandbox.event()
local function bomb(depth)
  if pcall(spawn, bomb, depth + 1) then print("most " .. n:add(1)) else full:set() end
  full:wait()
end
bomb(1)]], { escaped = many }),
  spawns("spawn in __gc", [[local function again() setmetatable({}, { __gc = function() pcall(spawn, again) end }) collectgarbage() sleep(5) end
again()]], { plain = ENDS }),
  spawns("a chain of daemons", [[local function link(n) if n < 30 then spawn({ daemon = true }, link, n + 1) end sleep(60) end
spawn({ daemon = true }, link, 1) sleep(0.2)]], { plain = ENDS }),
  spawns("orphans", [[for _ = 1, 5 do spawn(function() spawn({ daemon = true }, function() sleep(60) end) os.exit(0) end) end
sleep(0.2) os.exit(0)]], { plain = ENDS }),
  spawns("main is killed by its child", [[local main = sandbox.self()
spawn(function() main:kill() while true do sleep(60) end end) sleep(60)]], { plain = ENDS }),
  spawns("main is paused by its child", [[local main = sandbox.self()
spawn(function() main:pause() while true do sleep(60) end end) while true do sleep(60) end]], { escaped = "endless", patience = 6 }),
  spawns("a signal to the supervisor", [[local up = sandbox.parent()
if up then up:kill() print "ESCAPED" end
os.execute "kill -9 $(awk '{print $4}' /proc/$PPID/stat)"]], { escaped = function(o) return o.status == 137 end, alone = { "L", "FS" } }),
  spawns("an end as a zombie", [[for _ = 1, 5 do spawn(function() os.exit(0) end) end sleep(0.2) sandbox.self():kill()]], { plain = ENDS }),

  -- Found by trying.
  spawns("a process that ignores interrupts", "spawn(function() while true do pcall(sleep, 60) end end) os.exit(0)", { plain = ENDS }),
  spawns("a child that outlives os.exit without closing", "spawn({ daemon = true }, function() while true do end end) os.exit(0, false)", { plain = ENDS }),
}
