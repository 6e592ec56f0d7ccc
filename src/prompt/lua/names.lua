-- prompt/lua/names.lua - names of functions that can be reached from the globals and the loaded modules.
local _, use = ...
local _ENV <const> = use "std"

local names = {}

local LIMIT <const> = 1000 -- most fields of a table that are examined

-- `_`, `_1` ... are names of results, not of functions.
local function is_name(key) return type(key) == "string" and not string.find(key, "^_[%de]?$") end

-- The shorter name wins, then the first in the alphabet, since the order of `next` varies.
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

-- { [function] = "string.format" } at this moment.
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
