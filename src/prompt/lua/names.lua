-- prompt/lua/names.lua - what functions are called: those that can be reached from the globals and the loaded modules.
local _, use = ...
local _ENV <const> = use "std"

local names = {}

local LIMIT <const> = 1000 -- fields of a table

-- `_`, `_1` ... are names of results.
local function is_name(key) return type(key) == "string" and not string.find(key, "^_[%de]?$") end

-- The shorter name wins, then the first in the alphabet: the order of `next` changes.
local function better(a, b)
  if not b then return true end
  if #a ~= #b then return #a < #b end
  return a < b
end

local function add_fields(map, prefix, t)
  local n = 0
  for key, value in next, t do
    n = n + 1
    if n > LIMIT then return end
    if type(value) == "function" and is_name(key) and better(prefix .. key, map[value]) then
      map[value] = prefix .. key
    end
  end
end

-- { [function] = "string.format" } as things are now.
function names.functions()
  local map = {}
  for module, t in next, loaded do
    if type(t) == "table" and type(module) == "string" then
      add_fields(map, module == "_G" and "" or module .. ".", t)
    end
  end
  add_fields(map, "", globals)
  return map
end

return names
