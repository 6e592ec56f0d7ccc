-- What the names on a source line stand for: the variables of the function that failed, and the types of values. For hint.lua.
local names = {}

local GLOBALS <const> = 2 -- where the registry has them

local function globals() return debug.getregistry()[GLOBALS] end

-- A field without metamethods: `t` may be anything.
local function field(t, key) return type(t) == "table" and rawget(t, key) or nil end

local function metafield(value, key) return field(debug.getmetatable(value), key) end

-- The variables of the function that was at that line when the error was raised, as { [name] = value }, with the name of
-- its source; nil if it is not on the stack any more. A variable that is nil has no entry.
local function scope_of(source, number)
  for level = 2, 24 do
    local info = debug.getinfo(level, "Slf")
    if not info then return nil end
    if info.short_src == source and info.currentline == number then
      local scope = {}
      for i = 1, 250 do
        local name, value = debug.getupvalue(info.func, i)
        if not name then break end
        scope[name] = value
      end
      for i = 1, 250 do
        local name, value = debug.getlocal(level, i)
        if not name then break end
        scope[name] = value -- the innermost of that name comes last
      end
      return scope, info.source
    end
  end
end

-- The value of a path such as `a.b.c`.
local function value_of(path, scope)
  local value, first = nil, true
  for name in string.gmatch(path, "[%a_][%w_]*") do
    if first then value = scope[name] == nil and field(globals(), name) or scope[name] else value = field(value, name) end
    if value == nil then return nil end
    first = false
  end
  return value
end

-- "queue" for a handle or an object of the library; nil for anything else.
local function class_of(value)
  local name = (type(value) == "userdata" or type(value) == "table") and metafield(value, "__name")
  return type(name) == "string" and string.match(name, "^sandbox%.([%w_]+)$") or nil
end

-- The names of the methods behind a metatable: of a handle, of a string, of a file.
local function methods_behind(metatable)
  local list, index = {}, field(metatable, "__index")
  for _ = 1, 4 do -- the table of methods may be behind a function
    if type(index) ~= "function" then break end
    local i, found = 1, nil
    repeat
      local name, upvalue = debug.getupvalue(index, i)
      if type(upvalue) == "table" or type(upvalue) == "function" then found = upvalue end
      i = i + 1
    until not name or type(found) == "table"
    index = found
  end
  for name in next, type(index) == "table" and index or {} do
    if type(name) == "string" then list[#list + 1] = name end
  end
  return list
end

local function methods_of(value) return methods_behind(debug.getmetatable(value)) end

-- The text keys of a table.
local function names_in(t, list)
  list = list or {}
  for name in next, type(t) == "table" and t or {} do
    if type(name) == "string" then list[#list + 1] = name end
  end
  return list
end

-- A plain table that can be meant as a list: no other keys than whole numbers.
local function is_list(t)
  return type(t) == "table" and not debug.getmetatable(t) and #names_in(t) == 0
end

names.is_list, names.globals, names.field, names.methods_behind, names.methods_of = is_list, globals, field, methods_behind, methods_of
names.of, names.value_of, names.class_of, names.names_in = scope_of, value_of, class_of, names_in

return names
