-- repl/lua/resolve.lua - what a name stands for, without running anything: no metamethod is called.
local _, use = ...
local _ENV <const> = use "std"

local resolve = {}

local DEPTH <const> = 10 -- of a chain of __index

-- The tables in which Lua would look for a field of a value, nearest first. A handle's __index may be written in C:
-- then the methods are a table among its upvalues.
function resolve.places(value)
  local list, n = {}, 0
  while n < DEPTH do
    n = n + 1
    if type(value) == "table" then list[#list + 1] = value end
    local meta = metatable_of(value)
    local index = type(meta) == "table" and rawget(meta, "__index")
    if type(index) == "function" and debug.getinfo(index, "S").what == "C" then
      for i = 1, 5 do
        local _, upvalue = debug.getupvalue(index, i)
        if type(upvalue) == "table" then list[#list + 1] = upvalue end
      end
    end
    if type(index) ~= "table" then return list end
    value = index
  end
  return list
end

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

-- The library's name for the kind of a handle or object: "queue" for `sandbox.queue`.
function resolve.class(value)
  local meta = metatable_of(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and string.lower(string.match(name, "[^.]*$")) or nil
end

return resolve
