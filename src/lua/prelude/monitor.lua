-- Monitors: fields that several processes share under one lock. sandbox.monitor, m:when.
--
-- The fields are one value (sandbox.value), and an action is an update of it: a process that is killed in the middle, or
-- an action that raises an error, leaves them as they were. Who waits does so in wait_for, which misses no change; the
-- predicate is asked again when the update has begun, since another process may have been quicker.
local sandbox, use = ...
local native, common, Monitor = use "native", use "common", use("classes").Monitor

local monitor, methods = {}, {}
local KEEP = {} -- raised in an update that must change nothing
local acting = {} -- the fields of the monitors in whose actions this process is

function monitor.monitor(fields, options, ...)
  common.check_no_more("monitor", 3, ...)
  common.check_table(fields, "monitor", 1, "table of fields")
  local name = common.whole_name("monitor", options, "monitor", 2)
  return setmetatable({ fields = common.call(sandbox.value, fields, { name = name }) }, Monitor)
end

-- Call `action` with the fields if the predicate says yes to them now. Returns a list of its results; nil if it says no;
-- nil and "timeout".
local function try(fields, predicate, action, timeout)
  local results
  local theirs = false -- is it their function that runs?
  for _, other in ipairs(acting) do
    if other == fields then native.raise("when: a monitor cannot be used inside its own action") end
  end
  acting[#acting + 1] = fields
  local ok, what, why = pcall(common.run, native.update, fields, function(now)
    theirs = true
    if not native.ask(predicate, now) then error(KEEP, 0) end
    results = table.pack(action(now))
    theirs = false
    return now
  end, timeout)
  acting[#acting] = nil
  if ok and results then return results end
  if ok then return nil, why end
  if rawequal(what, KEEP) then return nil end
  if theirs or type(what) ~= "string" then error(what, 0) end
  native.raise("when: " .. string.gsub(what, "^value%.", "field ")) -- what the action left cannot be shared
end

function methods.when(m, predicate, action, timeout, ...)
  common.check_no_more("when", 4, ...)
  local fields = rawget(common.check_object(m, Monitor, "when"), "fields")
  common.check_function(predicate, "when", 1)
  common.check_function(action, "when", 2)
  local deadline = common.deadline(timeout, "when", 3)
  while true do
    local results, why = try(fields, predicate, action, common.left(deadline))
    if results then return table.unpack(results, 1, results.n) end
    if not why then why = select(2, common.run(value.wait_for, fields, predicate, common.left(deadline))) end
    if why == "timeout" then return nil, "timeout" end
  end
end

function Monitor.__tostring(m)
  common.check_object(m, Monitor, "tostring")
  return (string.gsub(tostring(rawget(m, "fields")), "^value: ", "monitor: "))
end

function Monitor.__eq(a, b) return rawget(a, "fields") == rawget(b, "fields") end

-- A field that is set from outside would be one of this process alone.
function Monitor.__newindex(_, key)
  native.raise(string.format("the fields of a monitor are changed in an action: m:when(predicate, function(f) f%s = ... end)",
    type(key) == "string" and "." .. key or "[" .. tostring(key) .. "]"))
end

function monitor.__index(_, key) return methods[key] end
monitor.__tostring, Monitor.__index = Monitor.__tostring, methods

return monitor
