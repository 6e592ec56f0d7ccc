-- What the parts of the library that are written in Lua share: arguments, and time.
local sandbox, use = ...
local native = use "native"

local common = {}

-- Raise unless `ok`; the message is that of an argument error.
function common.check(ok, name, arg, message)
  if not ok then native.raise(("bad argument #%d to '%s' (%s)"):format(arg, name, message)) end
end

local function got(value) return value == nil and "no value" or type(value) end

function common.check_table(value, name, arg, what)
  common.check(type(value) == "table", name, arg, what .. " expected, got " .. got(value))
end

function common.callable(value)
  if type(value) == "function" then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

function common.check_function(value, name, arg)
  common.check(common.callable(value), name, arg, "function expected, got " .. got(value))
end

function common.check_integer(value, least, name, arg, what)
  local n = math.type(value) and math.tointeger(value)
  common.check(n and n >= least, name, arg,
    ("%s must be a whole number, %d or more, not %s"):format(what, least, tostring(value)))
  return n
end

-- The length of a list, which may be the script's own `__len`.
function common.length(list, name, arg)
  local ok, n = pcall(function() return #list end)
  if not ok then common.raise_again(n) end
  common.check(math.type(n) == "integer", name, arg, ("the length of the list is not a whole number, but %s"):format(n))
  return n
end

-- The keys of a table of options are among `known` (a set).
function common.check_options(options, known, name, arg)
  for key in pairs(options) do
    if not known[key] then
      local names = {}
      for k in pairs(known) do names[#names + 1] = k end
      table.sort(names)
      common.check(false, name, arg,
        ("unknown option '%s'; there are %s"):format(tostring(key), table.concat(names, ", ")))
    end
  end
end

-- Values as they are now: their bytes, and what keeps alive the handles that these name (whatever becomes of the values), if
-- they name any; nil and a message if one cannot be sent.
function common.freeze(what, ...)
  local bytes, handles = native.encode(what, ...)
  if not bytes then return nil, handles end
  return bytes, handles and table.pack(native.decode(bytes))
end

-- The text of an error of the library, without the place in it.
function common.text_of(message)
  return (tostring(message):gsub("^%[sandbox [^%]]*%]:%d+: ", ""))
end

-- Raise again what the script's own raised when we called it; a line of ours in it is replaced by the script's.
function common.raise_again(value)
  local text = common.text_of(value)
  if type(value) == "string" and text ~= value and not text:find("^%S+:%d+: ") then native.raise(text) end
  error(type(value) == "string" and text or value, 0)
end

-- Call a function of the library; its errors stand at the script's line.
function common.call(f, ...)
  local function finish(ok, ...)
    if ok then return ... end
    if type((...)) == "string" then native.raise(common.text_of((...))) end
    error((...), 0)
  end
  return finish(pcall(f, ...))
end

-- The time, of sandbox.now, when a timeout is over; nil: never.
function common.deadline(timeout, name, arg)
  if timeout == nil then return nil end
  common.check(type(timeout) == "number", name, arg, "timeout in seconds expected, got " .. type(timeout))
  common.check(timeout >= 0, name, arg,
    timeout ~= timeout and "a timeout cannot be NaN" or "a timeout cannot be negative")
  return sandbox.now() + timeout
end

-- The seconds left until a deadline, for a timeout.
function common.left(deadline)
  return deadline and math.max(deadline - sandbox.now(), 0)
end

return common
