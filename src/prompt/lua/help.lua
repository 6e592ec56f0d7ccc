-- prompt/lua/help.lua - help(), help("queue.put"), help(q.put), ?name.
--
-- Its text about the library comes from src/lua/meta/sandbox.lua (host.meta), about commands from commands.lua, about a
-- chunk's own functions from their source. For Lua's own functions it points to the manual.
local library, use = ...
local _ENV <const> = use "std"

local commands, names, page, read_meta = use "commands", use "names", use "page", use "meta"
local resolve, suggest = use "resolve", use "suggest"

local help = {}

local standard -- { [function] = "string.format" } as they were at the start

local function standard_names()
  standard = standard or {}
  if next(standard) then return standard end
  for name, value in next, use "std" do
    if type(value) == "function" then standard[value] = name end
    for field, f in next, type(value) == "table" and name ~= "globals" and value or {} do
      if type(f) == "function" then standard[f] = name .. "." .. field end
    end
  end
  return standard
end

-- -- what is known --------------------------------------------------------------------------------

-- The entries of the library; read on first use.
function help.meta(session)
  session.meta = session.meta or read_meta(session.host.meta or "")
  return session.meta
end

-- { [function] = entry } for the library's functions and the methods of handles whose metatable can be found.
local function entries_by_function(meta)
  local map = {}
  for name, entry in next, meta.functions do
    local f = rawget(library, name)
    if f ~= nil then map[f] = entry end
  end
  for name, metatable in next, resolve.metatables() do
    local class = meta.classes[name]
    for _, place in ipairs(class and resolve.methods(metatable) or {}) do
      for member, f in next, place do
        if class.by_name[member] then map[f] = class.by_name[member] end
      end
    end
  end
  return map
end

-- The entry of the method with this name in a class.
local function entry_of_member(meta, class_name, member)
  local class = meta.classes[class_name]
  return class and class.by_name[member]
end

-- -- signatures -----------------------------------------------------------------------------------

-- "item [, timeout]"
local function argument_list(entry)
  local optional = {}
  for _, param in ipairs(entry.params) do optional[param.name] = param.optional end
  local text, open = "", 0
  for name in string.gmatch(entry.arguments, "[^,%s]+") do
    local comma = text ~= "" and ", " or ""
    if optional[name] then
      text = text .. (text ~= "" and " [" or "[") .. comma .. name
      open = open + 1
    else
      text = text .. comma .. name
    end
  end
  return text .. string.rep("]", open)
end

-- "queue:put(item [, timeout])", "spawn(f, ...)"
local function signature(entry, meta)
  local prefix = entry.class and entry.class .. ":" or meta.globals[entry.name] and "" or "sandbox."
  return prefix .. entry.name .. "(" .. argument_list(entry) .. ")"
end

-- -- pages of the library -------------------------------------------------------------------------

-- Paragraphs are folded; examples keep their lines.
local function add_text(p, text, indent)
  local words, in_example = {}, false
  local function flush_words()
    if words[1] then p:paragraph(table.concat(words, " "), indent) end
    words = {}
  end
  for _, line in ipairs(text) do
    if string.find(line, "^```") then
      flush_words()
      in_example = not in_example
      if in_example then p:line() end
    elseif in_example then
      p:line(string.rep(" ", indent + 2) .. line, "dim")
    elseif line == "" then
      flush_words()
      p:line()
    else
      words[#words + 1] = line
    end
  end
  flush_words()
end

local function typed(item) return (item.type or "") .. (item.text and ": " .. item.text or "") end

local function add_values(p, entry)
  local column = 16
  if entry.params[1] or entry.returns[1] then p:line() end
  for _, param in ipairs(entry.params) do p:row(param.name, typed(param), 2, column) end
  for i, value in ipairs(entry.returns) do
    p:row(i == 1 and "returns" or "", typed(value), 2, column)
  end
  for _, overload in ipairs(entry.overloads) do p:row("or as", overload, 2, column) end
end

local function add_function(p, entry, meta)
  p:line(signature(entry, meta), "bold")
  add_text(p, entry.text, 2)
  add_values(p, entry)
end

local function first_sentence(text)
  local all = table.concat(text, " ")
  return string.match(all, "^(.-[.!?])%s") or all
end

local function add_class(p, class, meta)
  p:line(class.full_name or class.name, "bold")
  add_text(p, class.text, 2)
  if class.fields[1] or class.methods[1] then p:line() end
  for _, field in ipairs(class.fields) do p:row("." .. field.name, typed(field), 2, 16) end
  for _, entry in ipairs(class.methods) do
    p:row(string.sub(signature(entry, meta), #class.name + 1), first_sentence(entry.text), 2, 28)
  end
  if class.name ~= "sandbox" then return end
  p:line()
  for _, entry in ipairs(meta.function_list) do p:row(signature(entry, meta), first_sentence(entry.text), 2, 34) end
end

-- -- pages of other things ------------------------------------------------------------------------

-- ":save file [true]"
local function short_form(row)
  local blanks = string.gsub(string.gsub(row.arguments, "%[, ", "["), ",", "")
  return ":" .. row.name .. (blanks ~= "" and " " .. blanks or "")
end

local function add_command(p, row)
  local short = short_form(row)
  p:line(row.form == ":" and short or row.name .. "(" .. row.arguments .. ")    " .. short, "bold")
  p:paragraph(row.says, 2)
  if row.more then p:paragraph(row.more, 2) end
end

local MANUAL <const> = "https://www.lua.org/manual/5.4/manual.html#pdf-"

local function add_standard(p, name)
  p:line(name, "bold")
  p:paragraph("is a function of Lua's standard library: see " .. MANUAL .. name, 2)
end

-- "f(a, b, ...)" of a function written in Lua
local function lua_signature(f, name)
  local info, list = debug.getinfo(f, "u"), {}
  for i = 1, info.nparams do list[i] = debug.getlocal(f, i) end
  if info.isvararg then list[#list + 1] = "..." end
  return (name or "function") .. "(" .. table.concat(list, ", ") .. ")"
end

-- A function that is not part of any library: its parameters, and the comment above it.
local function add_own_function(p, session, f)
  local name = names.functions()[f]
  local info = debug.getinfo(f, "S")
  if info.what == "C" then
    p:line(name or "a function", "bold")
    return p:paragraph("is written in C; nothing more is known about it.", 2)
  end
  p:line(lua_signature(f, name), "bold")
  for _, line in ipairs(use("source").comment(session, f)) do p:line("  " .. line) end
  local place = info.short_src .. ":" .. info.linedefined
  p:paragraph("is defined at " .. place .. "; src(" .. (name or "f") .. ") shows it.", 2)
end

-- -- finding the page -----------------------------------------------------------------------------

local function add_value(p, session, value)
  local meta = help.meta(session)
  local entry = type(value) == "function" and entries_by_function(meta)[value]
  if entry then return add_function(p, entry, meta) end
  for name, f in next, session.functions do
    if rawequal(f, value) then return add_command(p, commands.by_name[name]) end
  end
  if type(value) == "function" then
    local name = standard_names()[value]
    if name then return add_standard(p, name) end
    return add_own_function(p, session, value)
  end
  local class = meta.classes[resolve.class(value)] or rawequal(value, library) and meta.classes.sandbox
  if class then return add_class(p, class, meta) end
  p:line("a " .. type(value), "bold")
end

-- Add the field of that name of a class, with the name of its owner. Returns whether there is one.
local function add_field(p, class, owner, name)
  for _, field in ipairs(class and class.fields or {}) do
    if field.name == name then
      p:row(owner .. "." .. name, typed(field), 0, 4)
      return true
    end
  end
  return false
end

-- Add everything called `topic` in the library: a function, a class, "class.method". Returns whether there was any.
local function add_library(p, meta, list)
  local first, second = list[1], list[2]
  if first == "sandbox" and second then first, second = second, list[3] end
  if second then
    local class = meta.classes[string.lower(first)]
    local entry = entry_of_member(meta, string.lower(first), second)
    if not entry then return add_field(p, class, string.lower(first), second) end
    add_function(p, entry, meta)
    return true
  end
  local f, class = meta.functions[first], meta.classes[string.lower(first)]
  if f then add_function(p, f, meta) end
  if f and class then p:line() end
  if class then add_class(p, class, meta) end
  return f ~= nil or class ~= nil or add_field(p, meta.classes.sandbox, "sandbox", first)
end

-- Add the methods of that name, in all classes.
local function add_methods(p, meta, name)
  local found = false
  for _, class in ipairs(meta.class_list) do
    local entry = class.by_name[name]
    if entry then
      if found then p:line() end
      add_function(p, entry, meta)
      found = true
    end
  end
  return found
end

-- The topics of help and `?`, sorted; for completion and "did you mean".
function help.topics(session)
  local meta, list = help.meta(session), {}
  for _, name in ipairs(commands.names) do list[#list + 1] = name end
  for name in next, meta.functions do list[#list + 1] = name end
  for name, class in next, meta.classes do
    if not meta.functions[name] then list[#list + 1] = name end
    for _, entry in ipairs(class.methods) do list[#list + 1] = name .. "." .. entry.name end
  end
  table.sort(list)
  return list
end

local function add_topic(p, session, topic)
  local meta = help.meta(session)
  local row = commands.by_name[string.match(topic, "^:?(.*)$")]
  local list = resolve.names(topic)
  if row then return add_command(p, row) end
  if list and add_library(p, meta, list) then return end
  local value = list and resolve.path(list)
  if value ~= nil then
    local owner = list[2] and resolve.path { table.unpack(list, 1, #list - 1) }
    local entry = owner ~= nil and entry_of_member(meta, resolve.class(owner) or "", list[#list])
    if entry then return add_function(p, entry, meta) end
    return add_value(p, session, value)
  end
  if list and #list == 1 and add_methods(p, meta, topic) then return end
  local near = suggest(topic, help.topics(session))
  error("there is no help for '" .. topic .. "'" .. (near and "; did you mean '" .. near .. "'?" or ""), 0)
end

local function add_overview(p, session)
  local meta = help.meta(session)
  p:paragraph("Type an expression to see its value, or any Lua; _ is the last value, _e the last error.")
  for _, group in ipairs(commands.groups) do
    p:line()
    p:line(group.title, "bold")
    for _, row in ipairs(group.rows) do
      if row.form == ":" or session.functions[row.name] then
        p:row(short_form(row), row.says, 2, 32)
      end
    end
  end
  for _, sign in ipairs(commands.signs) do p:row(sign.sign, sign.says, 2, 32) end
  p:line()
  p:paragraph("After the colon, arguments are separated by blanks. Each is a Lua expression; anything else, and a " ..
    "name without a value, is taken as text. Most commands are functions, too: ps(), help('time').")
  local list = {}
  for _, entry in ipairs(meta.function_list) do list[#list + 1] = entry.name end
  if not list[1] then return end
  p:line()
  p:line("The library, each with help(\"name\")", "bold")
  p:paragraph(table.concat(list, " "), 2)
end

-- help(); help(topic or value).
function help.install(session, functions)
  function functions.help(...)
    local p, topic = page.new(session.host), ...
    if select("#", ...) == 0 then
      add_overview(p, session)
    elseif type(topic) == "string" then
      add_topic(p, session, topic)
    else
      add_value(p, session, topic)
    end
    p:show()
  end
end

return help
