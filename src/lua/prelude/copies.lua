-- With -W: warnings about changes of what is a copy, and is thought to be shared. A table that was read from a dict, changed, and
-- not stored again; an upvalue of a spawned function, or a global, that has another value when the function returns.
--
-- Only what nobody else could have told is told: the change is seen by comparing with what was there before.
local copies = {}

local MOST <const>, DEEPEST <const> = 256, 4

-- A ring of the last tables that were read: { table, as it was, where, name }.
local read, oldest, newest = {}, 1, 0

-- A copy of the parts that tables can show, to compare with later.
local function picture(value, depth)
  if type(value) ~= "table" or depth > DEEPEST then return value end
  local t = {}
  for key, v in next, value do t[key] = picture(v, depth + 1) end
  return t
end

local function same(value, before, depth)
  if type(value) ~= "table" or type(before) ~= "table" or depth > DEEPEST then return rawequal(value, before) end
  for key, v in next, value do
    if not same(v, rawget(before, key), depth + 1) then return false end
  end
  for key in next, before do
    if rawget(value, key) == nil then return false end
  end
  return true
end

local told = {}

local function tell(place, ...)
  if told[place] then return end
  told[place] = true
  warn(...)
end

local function check(entry)
  if same(entry.value, entry.before, 1) then return end
  tell(entry.where, entry.where, "the table that was read here from dict ", entry.name,
    " was changed later, but it is a copy: d[key] = t stores it, d:update(key, f) changes it in one step")
end

local function forget()
  local entry = read[oldest]
  read[oldest] = nil
  oldest = oldest + 1
  if entry then check(entry) end
end

-- A table was read from a dict; `where` is "x.lua:3: ".
function copies.read(value, where, dict)
  local name = string.match(tostring(dict), "^dict: (%S+)") or "?"
  newest = newest + 1
  read[newest] = { value = value, before = picture(value, 1), where = where, name = name }
  if newest - oldest >= MOST then forget() end
end

-- A value was stored in a dict: if it is a table that was read, nothing is lost.
function copies.stored(value)
  for i = oldest, newest do
    if read[i] and rawequal(read[i].value, value) then read[i] = false end
  end
end

local function is_plain(value)
  local kind = type(value)
  return kind == "number" or kind == "string" or kind == "boolean" or kind == "nil"
end

-- The fields of a table of globals that have plain values.
local function plain_fields(t)
  local fields = {}
  for key, value in next, type(t) == "table" and t or {} do
    if type(key) == "string" and is_plain(value) then fields[key] = value end
  end
  return fields
end

local function_of_process, upvalues

local function changed(info, name, what)
  tell(name, info.short_src, ":", tostring(info.linedefined), ": the process changed ", what, "'", name,
    "', but variables are copies: use a value, a queue, or the result")
end

-- A process begins, with this function.
function copies.begin(f)
  read, oldest, newest = {}, 1, 0
  function_of_process, upvalues = f, {}
  for i = 1, 60 do
    local name, value = debug.getupvalue(f, i)
    if not name then break end
    upvalues[i] = { name = name, value = value, plain = is_plain(value), globals = name == "_ENV" and plain_fields(value) }
  end
end

-- The process, or the script, has done its work.
function copies.finish()
  while oldest <= newest do forget() end
  local f = function_of_process
  local info = f and type(f) == "function" and debug.getinfo(f, "S")
  for i, before in ipairs(info and upvalues or {}) do
    local _, value = debug.getupvalue(f, i)
    if before.plain and is_plain(value) and not rawequal(before.value, value) then
      changed(info, before.name, "")
    end
    for key, was in next, rawequal(value, before.value) and before.globals or {} do
      local is = rawget(value, key)
      if is_plain(is) and not rawequal(was, is) then changed(info, key, "the global ") end
    end
  end
end

return copies
