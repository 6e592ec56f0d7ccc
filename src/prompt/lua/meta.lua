-- prompt/lua/meta.lua - parses the annotated source of the library (src/lua/meta/sandbox.lua, whose head describes its
-- format) into entries, for help and completion.
--
-- The entry of a function or method:
--   { name = "put", class = "queue" (nil: a function of the library), text = { lines }, arguments = "item, timeout",
--     params = { { name =, type =, text =, optional = } }, returns = { { type =, name =, text = } },
--     overloads = { "fun(...)" } }
-- The entry of a class:
--   { name = "queue", full_name = "sandbox.Queue", text = { lines }, fields = as params above,
--     methods = { entries }, by_name = the same by name }
local _, use = ...
local _ENV <const> = use "std"

-- Split a text into the type at its start, which may contain brackets, quotes, and blanks after commas, colons and
-- bars, and the rest.
local function take_type(text)
  local depth, at = 0, 1
  while at <= #text do
    local c = string.sub(text, at, at)
    if string.find(c, "[%(%[{<]") then depth = depth + 1 end
    if string.find(c, "[%)%]}>]") then depth = depth - 1 end
    if c == " " and depth <= 0 and not string.find(string.sub(text, 1, at - 1), "[,:|]$") then break end
    at = at + 1
  end
  return string.sub(text, 1, at - 1), string.match(text, "^%s*(.-)%s*$", at)
end

local function split_comment(text)
  local before, comment = string.match(text, "^(.-)%s*#%s*(.*)$")
  return before or text, comment
end

-- `name? type # text`
local function named(text)
  local before, comment = split_comment(text)
  local name, optional, rest = string.match(before, "^([%w_.]+)(%??)%s*(.*)$")
  if not name then return nil end
  return { name = name, optional = optional == "?", type = rest, text = comment }
end

-- `type name # text`
local function returned(text)
  local before, comment = split_comment(text)
  local kind, name = take_type(before)
  return { type = kind, name = name ~= "" and name or nil, text = comment }
end

local function new_block() return { text = {}, params = {}, returns = {}, overloads = {}, fields = {} } end

local tags <const> = {
  param = function(block, rest) table.insert(block.params, named(rest)) end,
  ["return"] = function(block, rest) table.insert(block.returns, returned(rest)) end,
  overload = function(block, rest) table.insert(block.overloads, rest) end,
  field = function(block, rest) table.insert(block.fields, named(rest)) end,
  class = function(block, rest) block.class_name = string.match(rest, "^[%w_.]+") end,
}

local function add_doc_line(block, line)
  local tag, rest = string.match(line, "^%s*@(%w+)%s*(.*)$")
  if not tag then
    table.insert(block.text, line)
  elseif tags[tag] then
    tags[tag](block, rest)
  end
end

-- `sandbox.Queue` becomes "queue", `sandbox` "sandbox".
local function short_class(name) return string.lower(string.match(name, "[^.]+$")) end

local function class_of(meta, name)
  if not meta.classes[name] then
    meta.classes[name] = { name = name, fields = {}, methods = {}, by_name = {}, text = {} }
    table.insert(meta.class_list, meta.classes[name])
  end
  return meta.classes[name]
end

local function declare_class(meta, block)
  local class = class_of(meta, short_class(block.class_name))
  class.text, class.fields, class.full_name = block.text, block.fields, block.class_name
end

local function declare_function(meta, block, owner, separator, name, arguments)
  block.name, block.arguments = name, arguments
  if owner == "sandbox" and separator == "." then
    meta.functions[name] = block
    table.insert(meta.function_list, block)
  else
    local class = class_of(meta, string.lower(owner))
    block.class = class.name
    class.by_name[name] = block
    table.insert(class.methods, block)
  end
end

-- Parse the text. Returns { functions = by name, function_list =, classes = by name, class_list =, globals = set of
-- names }.
return function(text)
  local meta = { functions = {}, function_list = {}, classes = {}, class_list = {}, globals = {} }
  local block = new_block()
  for line in string.gmatch(text, "([^\n]*)\n?") do
    local doc = string.match(line, "^%-%-%-([^-].*)$") or line == "---" and "" or
        string.match(line, "^%-%-%-(%-%->.*)$")
    if doc then
      add_doc_line(block, doc)
    else
      local owner, separator, name, arguments = string.match(line, "^function ([%w_]+)([.:])([%w_]+)%((.-)%)")
      local global = string.match(line, "^([%w_]+) = sandbox%.%1$")
      if block.class_name then declare_class(meta, block) end
      if name then declare_function(meta, block, owner, separator, name, arguments) end
      if global then meta.globals[global] = true end
      block = new_block()
    end
  end
  return meta
end
