-- prompt/lua/resolve.lua - the value of a name, found without running anything: no metamethod is called.
local _, use = ...
local _ENV <const> = use "std"

local resolve = {}

local DEPTH <const> = 10 -- most steps of a chain of __index

-- The tables among the upvalues of an __index written in C: the methods of a handle.
local function add_upvalue_tables(list, index)
  for i = 1, 5 do
    local _, upvalue = debug.getupvalue(index, i)
    if type(upvalue) == "table" then list[#list + 1] = upvalue end
  end
end

-- Follow a metatable's __index and add the tables in which Lua would look, nearest first.
local function follow(list, meta)
  for _ = 1, DEPTH do
    local index = type(meta) == "table" and rawget(meta, "__index")
    if type(index) == "function" and debug.getinfo(index, "S").what == "C" then add_upvalue_tables(list, index) end
    if type(index) ~= "table" then return list end
    list[#list + 1] = index
    meta = metatable_of(index)
  end
  return list
end

-- The tables in which Lua would look for a field of a value, nearest first.
function resolve.places(value)
  local list = {}
  if type(value) == "table" then list = { value, rawget(value, "(unread)") } end -- the latter belongs to a failure
  return follow(list, metatable_of(value))
end

-- The tables for a value with this metatable, apart from its own fields.
function resolve.methods(meta) return follow({}, meta) end

function resolve.field(value, name)
  for _, place in ipairs(resolve.places(value)) do
    local found = rawget(place, name)
    if found ~= nil then return found end
  end
  return nil
end

-- The value of `a.b:c`, given as a list of names; nil if there is none.
function resolve.path(list)
  local value = globals
  for _, name in ipairs(list) do
    value = resolve.field(value, name)
    if value == nil then return nil end
  end
  return value
end

-- The names in `a.b:c`; nil if it is not a path.
function resolve.names(text)
  local list = {}
  if not string.find(text, "^[%a_][%w_.:]*$") then return nil end
  for name in string.gmatch(text, "[^.:]+") do list[#list + 1] = name end
  return list
end

-- -- metatables of the library --------------------------------------------------------------------

-- `sandbox.queue` names the class "queue".
local function class_name(meta)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and string.match(name, "^sandbox%.(%w+)$")
end

-- Collect metatables among the upvalues of a function, and of functions among these upvalues.
local function add_upvalues(found, f, depth)
  for i = 1, 60 do
    local name, value = debug.getupvalue(f, i)
    if not name then return end
    local class = class_name(value)
    if class then found[class] = value end
    if type(value) == "function" and depth > 1 then add_upvalues(found, value, depth - 1) end
  end
end

-- { queue = metatable, ... }. Metatables written in C are in the registry by name. Those written in Lua are upvalues of
-- what their modules return; a table of these modules is in the registry, with an address as its key
-- (lua/state/prelude.c).
function resolve.metatables()
  local found = {}
  for key, value in next, debug.getregistry() do
    local class = type(key) == "string" and class_name(value)
    if class then found[class] = value end
    for _, module in next, type(key) == "userdata" and type(value) == "table" and value or {} do
      for _, f in next, type(module) == "table" and module or {} do
        if type(f) == "function" then add_upvalues(found, f, 3) end
      end
    end
  end
  return found
end

-- The library's name for the class of a handle or object: "queue" for `sandbox.queue`.
function resolve.class(value)
  local meta = metatable_of(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and string.lower(string.match(name, "[^.]*$")) or nil
end

return resolve
