-- prompt/lua/trace.lua - timeline, stats, marks, trace: what is recorded of the run, which the supervisor has; and
-- explore: what else could have happened.
local _, use = ...
local _ENV <const> = use "std"

local trace = {}

-- Seconds as the supervisor reads them; "" if there are none.
local function seconds_text(name, seconds)
  if seconds == nil then return "" end
  local n = tonumber(seconds)
  if not n or n ~= n or n <= 0 or n == math.huge then
    error(name .. ": the seconds must be a number above 0", 0)
  end
  return string.format("%.17g", n)
end

-- The options, and one more.
local function with(options, name)
  local all = { [name] = true }
  if options == nil then return all end
  if type(options) ~= "table" then return options end
  for key, value in next, options do all[key] = value end
  return all
end

local function ask(session, name, ...)
  local text, message = session.host.request("trace", name, ...)
  if not text then error(name .. ": " .. (message or "the prompt does not answer"), 0) end
  put_out(text)
end

function trace.install(session, functions)
  for _, name in ipairs { "timeline", "stats", "marks" } do
    functions[name] = function(seconds) ask(session, name, seconds_text(name, seconds)) end
  end
  local of = setmetatable({}, { __mode = "k" }) -- a failure -> the function that was explored

  -- The value is shown, which is the report.
  function functions.explore(fn, options)
    local result = sandbox.explore(fn, with(options, "interrupt"))
    for _, failure in ipairs(result.failures) do of[failure] = fn end
    return result
  end

  -- The person's next lines say which step is taken; the value is the token of the steps.
  function functions.step(fn, options)
    return sandbox.explore(fn, with(options, "step"))
  end

  function functions.replay(failure, fn)
    if type(failure) == "string" then failure = { token = failure } end
    if type(failure) ~= "table" or type(failure.token) ~= "string" then
      error("replay wants a failure that explore has found: r = explore(f), then replay(r.failures[1]); or a token", 0)
    end
    fn = fn or of[failure]
    if not fn then error("replay: say of which function: replay(failure, f)", 0) end
    return sandbox.explore(fn, { token = failure.token })
  end

  function functions.trace(file, seconds)
    if type(file) ~= "string" or file == "" then
      error("trace wants the name of a file: trace('run.html'); .svg, .pftrace and .json are written, too", 0)
    end
    if string.find(file, "\0", 1, true) then error("trace: the name of a file has no zero byte", 0) end
    ask(session, "trace", file, seconds_text("trace", seconds))
  end
end

return trace
