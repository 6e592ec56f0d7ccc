-- prompt/lua/complete.lua - what may stand at the cursor. It inspects values without running anything: no metamethods,
-- no calls.
local _, use = ...
local _ENV <const> = use "std"

local commands, help, lex, paused, resolve = use "commands", use "help", use "lex", use "paused", use "resolve"

local SCAN <const> = 100000 -- most fields of a table that are examined
local LIMIT <const> = 500   -- most candidates

-- -- candidates -----------------------------------------------------------------------------------

local function starts(text, prefix) return string.sub(text, 1, #prefix) == prefix end

-- Collects candidates in a set; `add` accepts those with the prefix.
local function collector(prefix)
  local set = {}
  local function add(name, suffix)
    if type(name) == "string" and starts(name, prefix) then set[name .. (suffix or "")] = true end
  end
  return add, set
end

local function sorted(set)
  local list = {}
  for name in next, set do list[#list + 1] = name end
  table.sort(list)
  for i = #list, LIMIT + 1, -1 do list[i] = nil end
  return list
end

-- Names with a leading underscore are offered only after an underscore was typed.
local function hidden(name, prefix) return string.find(name, "^_") and not string.find(prefix, "^_") end

local function add_fields(add, t, prefix, only_functions)
  local n = 0
  for key, value in next, t do
    n = n + 1
    if n > SCAN then return end
    local is_function = type(value) == "function"
    local fits = type(key) == "string" and lex.is_name(key) and not hidden(key, prefix)
    if fits and (is_function or not only_functions) then add(key, is_function and "(" or nil) end
  end
end

-- Add the fields that a handle computes, which are known from the documentation.
local function add_documented(add, session, value)
  local class = type(value) == "userdata" and help.meta(session).classes[resolve.class(value)]
  for _, field in ipairs(class and class.fields or {}) do add(field.name) end
end

-- -- Lua ------------------------------------------------------------------------------------------

-- The names of the path before token i (a dot or a colon): { "a", "b" } for `a.b.`; nil if there is no path.
local function path_before(tokens, i)
  local list = {}
  while true do
    local name = tokens[i - 1]
    if not name or name.kind ~= "name" or name.stop + 1 ~= tokens[i].at then return nil end
    table.insert(list, 1, name.text)
    local separator = tokens[i - 2]
    local goes_on = separator and (separator.text == "." or separator.text == ":") and separator.stop + 1 == name.at
    if not goes_on then return list end
    i = i - 2
  end
end

-- `"x"` and `("x")`
local function is_string_before(tokens, i)
  local function is(k, text) return tokens[k] ~= nil and tokens[k].text == text end
  if is(i - 1, ")") then return is(i - 3, "(") and tokens[i - 2].kind == "string" end
  return tokens[i - 1] ~= nil and tokens[i - 1].kind == "string"
end

-- The value before the dot or colon at token i, found without running anything.
local function value_before(tokens, i)
  if is_string_before(tokens, i) then return "" end
  local list = path_before(tokens, i)
  return list and resolve.path(list)
end

local function member_candidates(session, tokens, i, prefix)
  local add, set = collector(prefix)
  local value = value_before(tokens, i)
  if value ~= nil then
    local methods = tokens[i].text == ":"
    for _, place in ipairs(resolve.places(value)) do add_fields(add, place, prefix, methods) end
    if not methods then add_documented(add, session, value) end
  end
  return sorted(set)
end

local function name_candidates(session, prefix)
  local add, set = collector(prefix)
  for _, name in ipairs(paused.names(session)) do add(name) end
  for _, place in ipairs(resolve.places(globals)) do add_fields(add, place, prefix) end
  for _, word in ipairs(lex.keyword_list) do add(word) end
  return sorted(set)
end

-- -- files and modules ----------------------------------------------------------------------------

local function list_folder(session, folder)
  local list = session.host.list
  return list and list(folder) or {}
end

-- Files whose path begins with `text`; the last part is completed.
local function file_candidates(session, text)
  local folder, prefix = string.match(text, "^(.*/)([^/]*)$")
  local add, set = collector(prefix or text)
  local home = os.getenv("HOME")
  local place = folder and (home and starts(folder, "~/") and home .. string.sub(folder, 2) or folder) or "."
  for _, name in ipairs(list_folder(session, place)) do
    if not (starts(name, ".") and (prefix or text) == "") then add(name) end
  end
  return #(folder or ""), sorted(set)
end

-- Modules in the folders of a search path: `folder/?.lua` and `folder/?/init.lua` for each folder of "a.b.".
local function add_modules_of(add, session, path, parents)
  for template in string.gmatch(path, "[^;]+") do
    local folder, rest = string.match(template, "^([^?]*)%?(.*)$")
    local below = folder and folder .. string.gsub(parents, "%.", "/")
    for _, name in ipairs(below and list_folder(session, below == "" and "." or below) or {}) do
      local is_folder = string.sub(name, -1) == "/"
      local stem = is_folder and string.sub(name, 1, -2) or
          string.sub(name, -#rest) == rest and string.sub(name, 1, -#rest - 1)
      if stem and string.find(stem, "^[%w_-]+$") then add(parents .. stem, is_folder and "." or "") end
    end
  end
end

local function module_candidates(session, text)
  local add, set = collector(text)
  local parents = string.match(text, "^(.*%.)") or ""
  for _, name in ipairs { "path", "cpath" } do
    local path = rawget(package, name)
    if type(path) == "string" then add_modules_of(add, session, path, parents) end
  end
  local preload = rawget(package, "preload")
  for _, t in ipairs { loaded, type(preload) == "table" and preload or {} } do
    for module in next, t do
      if module ~= "_G" then add(module) end
    end
  end
  return sorted(set)
end

-- -- processes ------------------------------------------------------------------------------------

local function wants_process(row) return row ~= nil and string.find(row.arguments, "^%[?process") ~= nil end

local function process_candidates(session, prefix)
  local add, set = collector(prefix)
  local processes = session.host.processes
  for _, name in ipairs(processes and processes() or {}) do add(name) end
  return sorted(set)
end

-- `:bt word`: names of processes, and, once a letter is typed, variables that may hold a process.
local function add_names(session, list, word)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  for _, name in ipairs(lex.is_name(word) and name_candidates(session, word) or {}) do
    if not string.find(name, "%($") then set[name] = true end
  end
  return sorted(set)
end

-- -- where the cursor is --------------------------------------------------------------------------

-- The name of the function whose first argument is the last token, a string; nil if there is none.
local function called(tokens)
  local i = #tokens - 1
  if tokens[i] and tokens[i].text == "(" then i = i - 1 end
  return tokens[i] and tokens[i].kind == "name" and tokens[i].text or nil
end

local function in_string(session, tokens, string_token)
  local text = string.sub(string_token.text, 2)
  local start = string_token.at + 1
  local f = called(tokens)
  if f and wants_process(commands.by_name[f]) then return start, process_candidates(session, text) end
  if f == "require" then return start, module_candidates(session, text) end
  local skip, list = file_candidates(session, text)
  return start + skip, list
end

-- Candidates for the end of a Lua text.
local function in_lua(session, text)
  local tokens = lex.tokens(text)
  local last = tokens[#tokens]
  if last and last.open then
    if last.kind == "string" and string.find(last.text, "^[\"']") then return in_string(session, tokens, last) end
    return #text + 1, {}
  end
  if last and last.kind == "comment" and not string.find(last.text, "^%-%-%[=*%[") and last.stop == #text then
    return #text + 1, {}
  end
  local word = last and (last.kind == "name" or last.kind == "keyword") and last.stop == #text and last
  local prefix, start = word and word.text or "", word and word.at or #text + 1
  local i = word and #tokens - 1 or #tokens
  local separator = tokens[i]
  local is_member = separator and (separator.text == "." or separator.text == ":") and separator.stop + 1 == start
  if is_member then return start, member_candidates(session, tokens, i, prefix) end
  if last and last.kind == "number" and last.stop == #text then return start, {} end
  if separator and separator.text == "::" and separator.stop + 1 == start then return start, {} end
  return start, name_candidates(session, prefix)
end

-- -- the other kinds of lines ---------------------------------------------------------------------

local function words(list, prefix)
  local add, set = collector(prefix)
  for _, name in ipairs(list) do add(name) end
  return sorted(set)
end

local function topics(session, text, start)
  local list = words(help.topics(session), text)
  if list[1] then return start, list end
  local at, candidates = in_lua(session, text)
  return start + at - 1, candidates
end

-- Candidates for the arguments of `:name`: files for commands that take files, else Lua.
local function in_command(session, text)
  local name, rest = string.match(text, "^:%s*([%a_][%w_]*)(%s.*)$")
  if not name then
    local colon, partial = string.match(text, "^(:%s*)([%w_]*)$")
    if not colon then return in_lua(session, text) end
    return #colon + 1, words(commands.names, partial)
  end
  local row = commands.by_name[name]
  local word = string.match(rest, "%S*$")
  local start = #text - #word + 1
  if name == "help" then return topics(session, word, start) end
  if name == "reload" then return start, module_candidates(session, word) end
  if row and row.takes == "words" and string.find(row.arguments, "^file") then
    local skip, list = file_candidates(session, word)
    return start + skip, list
  end
  if wants_process(row) and string.find(rest, "^%s+%S*$") then
    local candidates = add_names(session, process_candidates(session, word), word)
    if candidates[1] or word == "" then return start, candidates end
  end
  local at, list = in_lua(session, string.rep(" ", #text - #rest) .. rest)
  return at, list
end

local function in_shell(session, text)
  local word = string.match(text, "[^!%s]*$")
  local skip, list = file_candidates(session, word)
  return #text - #word + 1 + skip, list
end

-- The module is one function: returns the byte where the word before the cursor starts, and a sorted list of candidates
-- for it. `cursor` bytes of the line are before the cursor.
return function(session, line, cursor)
  local text = string.sub(line, 1, cursor)
  local lead = #string.match(text, "^%s*")
  local rest = string.sub(text, lead + 1)
  local start, list
  if starts(rest, ":") and not starts(rest, "::") then
    start, list = in_command(session, rest)
  elseif starts(rest, "?") then
    start, list = topics(session, string.sub(rest, 2), 2)
  elseif starts(rest, "!") then
    start, list = in_shell(session, rest)
  else
    start, list = in_lua(session, rest)
  end
  return start + lead, list
end
