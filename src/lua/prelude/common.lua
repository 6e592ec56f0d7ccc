-- Shared by the parts of the library that are written in Lua: checking arguments, and time.
--
-- These files do not see the script's globals, but copies of what they use, made when the library was opened (the list
-- is in prelude.c). They call no methods of strings, which the script could have replaced: string.find(s), not
-- s:find().
local sandbox, use = ...
local native, classes = use "native", use "classes"

local common = {}

-- Raise an argument error with this message unless `ok`.
function common.check(ok, name, arg, message)
  if not ok then native.raise(string.format("bad argument #%d to '%s' (%s)", arg, name, message)) end
end

-- Check that it is an object of one of the classes that are tables (native.c); returns it.
function common.check_object(value, class, name)
  if type(value) == "table" and rawequal(debug.getmetatable(value), class) then return value end
  native.raise(string.format("bad argument #1 to '%s' (%s expected, got %s)", name,
    string.match(class.__name, "%a+$"), type(value)))
end

local function got(value) return value == nil and "no value" or type(value) end

function common.check_table(value, name, arg, what)
  common.check(type(value) == "table", name, arg, what .. " expected, got " .. got(value))
end

-- A field of a value's metatable, even if the metatable has a `__metatable` field.
local function metafield(value, field)
  local meta = debug.getmetatable(value)
  return meta and rawget(meta, field)
end
common.metafield = metafield

-- The class of a handle or of an object of the library: "sandbox.process", "sandbox.future"; nil for anything else.
function common.class_of(value)
  return type(value) == "userdata" and metafield(value, "__name") or nil
end

function common.check_queue(value, name)
  common.check(common.class_of(value) == "sandbox.queue", name, 1, "queue expected, got " .. type(value))
end

function common.callable(value)
  return type(value) == "function" or metafield(value, "__call") ~= nil
end

function common.check_function(value, name, arg)
  common.check(common.callable(value), name, arg, "function expected, got " .. got(value))
end

function common.check_integer(value, least, name, arg, what)
  local n = math.type(value) and math.tointeger(value)
  common.check(n and n >= least, name, arg,
    string.format("%s must be a whole number, %d or more, not %s", what, least, tostring(value)))
  return n
end

-- Check a number of processes that are to be made, before anything is. More than the greatest --max-procs, less main, no
-- host can have.
local PROCESSES_MOST <const> = 32767

function common.check_processes(value, least, name, arg, what)
  local n = common.check_integer(value, least, name, arg, what)
  common.check(n <= PROCESSES_MOST, name, arg,
    string.format("%s must be at most %d, not %d: a run has at most so many processes as --max-procs says", what, PROCESSES_MOST, n))
  return n
end

-- Check that there are no arguments from the `arg`-th on, which are passed here; trailing nils are allowed.
function common.check_no_more(name, arg, ...)
  for i = 1, select("#", ...) do
    common.check((select(i, ...)) == nil, name, arg + i - 1, "there is no such argument")
  end
end

-- "1 process", "2 processes".
function common.count(n, one, many) return string.format("%d %s", n, n == 1 and one or many) end

-- The length of a list, which may have a `__len` of the script.
function common.length(list, name, arg)
  local ok, n = pcall(function() return #list end)
  if not ok then common.raise_again(n) end
  common.check(math.type(n) == "integer", name, arg,
    string.format("the length of the list is not a whole number, but %s", tostring(n)))
  return n
end

-- Check that the keys of a table of options are in `known` (a set).
function common.check_options(options, known, name, arg)
  for key in next, options do
    if not known[key] then
      local names = {}
      for k in next, known do names[#names + 1] = k end
      table.sort(names)
      common.check(false, name, arg,
        string.format("unknown option '%s'; there are %s", tostring(key), table.concat(names, ", ")))
    end
  end
end

-- The name of what is made of several objects: its kind, and the script's own name for it, from a table of options.
function common.whole_name(kind, options, name, arg)
  if options == nil then return kind end
  common.check_table(options, name, arg, "table of options")
  common.check_options(options, { name = true }, name, arg)
  local own = options.name
  common.check(own == nil or type(own) == "string", name, arg, "name must be a string")
  return own and kind .. " " .. own or kind
end

-- Values as they are now: their bytes, and, if they contain handles, something that keeps those alive whatever becomes
-- of the values. Returns nil and a message if one cannot be sent.
function common.freeze(what, ...)
  local bytes, handles = native.encode(what, ...)
  if not bytes then return nil, handles end
  return bytes, handles and table.pack(native.decode(bytes))
end

-- The text of an error of the library, without the position in its own code.
function common.text_of(message)
  return (string.gsub(tostring(message), "^%[sandbox [^%]]*%]:%d+: ", ""))
end

-- Re-raise an error of the script's own function that we called; a position in our code is replaced by the script's.
function common.raise_again(value)
  local text = common.text_of(value)
  if type(value) == "string" and text ~= value and not string.find(text, "^%S+:%d+: ") then native.raise(text) end
  error(type(value) == "string" and text or value, 0)
end

-- Call a function of the library; its errors get the script's line as their position. An interrupt passes: it is not
-- caught.
function common.call(f, ...)
  local throws = native.throws()
  local function finish(ok, ...)
    if ok then return ... end
    native.pass(throws, (...))
    if type((...)) == "string" then native.raise(common.text_of((...))) end
    error((...), 0)
  end
  return finish(pcall(f, ...))
end

-- Is it an object of sandbox.deadline?
local function is_deadline(value)
  return type(value) == "table" and rawequal(debug.getmetatable(value), classes.Deadline)
end

-- Call a function of the library that calls the script's own: errors of that stay as they are.
function common.run(f, ...)
  local throws = native.throws()
  local function finish(ok, ...)
    if ok then return ... end
    native.pass(throws, (...))
    common.raise_again((...))
  end
  return finish(pcall(f, ...))
end

-- Check a timeout, in seconds or a sandbox.deadline; nil means no timeout.
function common.check_timeout(timeout, name, arg)
  if timeout == nil or is_deadline(timeout) then return end
  common.check(type(timeout) == "number", name, arg, "timeout in seconds expected, got " .. type(timeout))
  common.check(timeout >= 0, name, arg,
    timeout ~= timeout and "a timeout cannot be NaN" or "a timeout cannot be negative")
end

-- The time (of sandbox.now) at which a timeout ends; nil: never.
function common.deadline(timeout, name, arg)
  common.check_timeout(timeout, name, arg)
  if is_deadline(timeout) then return rawget(timeout, "at") end
  return timeout and sandbox.now() + timeout
end

-- The seconds left until a deadline, as a timeout.
function common.left(deadline)
  return deadline and math.max(deadline - sandbox.now(), 0)
end

return common
