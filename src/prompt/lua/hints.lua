-- prompt/lua/hints.lua - hints for errors that beginners make, where they are cheap to find.
local library, use = ...
local _ENV <const> = use "std"

local help, suggest = use "help", use "suggest"

local LIMIT <const> = 2000 -- most names that are compared

local function add_names(list, t)
  for name in next, type(t) == "table" and t or {} do
    if type(name) == "string" and #list < LIMIT then list[#list + 1] = name end
  end
end

local function did_you_mean(name, list)
  local near = suggest(name, list)
  return near and near ~= name and "did you mean '" .. near .. "'?" or nil
end

local function about_global(session, name)
  local chunk = session.locals[name]
  if chunk then
    return "'" .. name .. "' was a local of " .. chunk .. " and ended with it; without `local` it stays"
  end
  local list = {}
  add_names(list, globals)
  return did_you_mean(name, list)
end

-- A method that does not exist: perhaps one of a handle, a string or a file was meant.
local function about_method(session, name)
  local list = {}
  for _, class in next, help.meta(session).classes do
    for _, entry in ipairs(class.methods) do list[#list + 1] = entry.name end
  end
  add_names(list, string)
  add_names(list, metatable_of(io.stdout).__index)
  return did_you_mean(name, list)
end

-- A field that does not exist: perhaps one of the library or of a standard library was meant.
local function about_field(name)
  local list = {}
  add_names(list, library)
  for _, t in next, use "std" do add_names(list, t ~= globals and t) end
  return did_you_mean(name, list)
end

-- The module is one function: returns a hint for an error value, or nil.
return function(session, value)
  if type(value) ~= "string" then return nil end
  local kind, name = string.match(value, "a nil value %((%a+) '([^'\n]+)'%)")
  if kind == "global" then return about_global(session, name) end
  if kind == "method" then return about_method(session, name) end
  return kind == "field" and about_field(name) or nil
end
