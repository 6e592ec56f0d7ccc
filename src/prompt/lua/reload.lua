-- prompt/lua/reload.lua - reload(): loads modules from their files again, into the same tables.
local _, use = ...
local _ENV <const> = use "std"

local reload = {}

local require <const> = require

-- The file from which require would load a module; nil if there is none (it is written in C, or built in).
local function file_of(name)
  local path = rawget(package, "path")
  return type(path) == "string" and package.searchpath(name, path) or nil
end

-- Copy what the new table has into the old one, so that all references to the old table see it. Fields that only the
-- old table has stay, since they may be state.
local function refresh(old, new)
  for key, value in next, new do rawset(old, key, value) end
  debug.setmetatable(old, metatable_of(new))
end

local function reload_one(name)
  local old = loaded[name]
  loaded[name] = nil
  local ok, new = pcall(require, name)
  if not ok then
    loaded[name] = old
    error("reload: " .. name .. " is unchanged: " .. tostring(new), 0)
  end
  if type(old) == "table" and type(new) == "table" and not rawequal(old, new) then
    refresh(old, new)
    loaded[name] = old
  end
end

-- The modules loaded from files since the session began, sorted.
local function own_modules()
  local list = {}
  for name in next, loaded do
    if type(name) == "string" and loaded_at_start[name] == nil and file_of(name) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

function reload.install(session, functions)
  function functions.reload(name)
    if name ~= nil and type(name) ~= "string" then error("reload wants the name of a module", 0) end
    if name and loaded[name] == nil then error("the module '" .. name .. "' is not loaded", 0) end
    if name and not file_of(name) then error("the module '" .. name .. "' is not from a file in package.path", 0) end
    local list = name and { name } or own_modules()
    for _, module in ipairs(list) do reload_one(module) end
    session.host.say(list[1] and "reloaded " .. table.concat(list, ", ") or "no module from a file is loaded")
  end
end

return reload
