-- prompt/lua/measure.lua - time(f, ...): how long a call takes.
local _, use = ...
local _ENV <const> = use "std"

local compile = use "compile"

local BUDGET <const> = 0.5    -- seconds of measuring
local SAMPLE <const> = 0.0005 -- least seconds of a sample, since reading the clock takes time, too
local SAMPLES <const> = 1000  -- most samples

local measure = {}

local function run_batch(clock, n, f, ...)
  local start = clock()
  for _ = 1, n do f(...) end
  return clock() - start
end

-- The number of calls that make a sample. The calls made to find it serve as a warm-up and do not count, unless a
-- single call is that long.
local function batch_size(clock, f, ...)
  local n = 1
  while true do
    local seconds = run_batch(clock, n, f, ...)
    if seconds >= SAMPLE then return n, seconds end
    n = n * 2
  end
end

-- Returns the sorted seconds per call, one for each sample, and the number of calls.
local function samples(clock, f, ...)
  local start = clock()
  local n, seconds = batch_size(clock, f, ...)
  local list, calls = { seconds / n }, n
  while clock() - start < BUDGET and #list < SAMPLES do
    list[#list + 1] = run_batch(clock, n, f, ...) / n
    calls = calls + n
  end
  table.sort(list)
  return list, calls
end

local units <const> = { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 0, "ns" } }

-- Three digits and a unit: "1.23 us".
function measure.duration(seconds)
  for _, unit in ipairs(units) do
    if seconds >= unit[1] then
      local x = seconds / (unit[1] == 0 and 1e-9 or unit[1])
      return string.format(x >= 100 and "%.0f %s" or x >= 10 and "%.1f %s" or "%.2f %s", x, unit[2])
    end
  end
end

local function at(list, part) return list[math.max(1, math.ceil(#list * part))] end

local function report(list, calls)
  local median = measure.duration(at(list, 0.5))
  if calls == 1 then return median .. ", one call\n" end
  return string.format("%s (median), 80 %% of samples %s to %s, %d calls\n", median, measure.duration(at(list, 0.1)),
    measure.duration(at(list, 0.9)), calls)
end

local function callable(f)
  local meta = type(f) ~= "function" and metatable_of(f)
  return type(f) == "function" or type(meta) == "table" and rawget(meta, "__call") ~= nil
end

function measure.install(session, functions)
  local clock = session.host.clock or sandbox.now
  function functions.time(f, ...)
    if type(f) == "string" then
      local g, message = compile.chunk(f, "=(time)")
      if not g then error(message, 0) end
      f = g
    end
    if not callable(f) then error("time wants a function, or a text to compile, not a " .. type(f), 0) end
    put_out(report(samples(clock, f, ...)))
  end
end

return measure
