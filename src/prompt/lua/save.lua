-- prompt/lua/save.lua - save(file): writes what worked at the prompt as a script that does the same.
--
-- Each input becomes a piece of the script, adapted where a script differs from the prompt:
--   * an expression that is not a statement is printed; results that later input uses as `_` are kept;
--   * locals end with their input: such a piece gets a block of its own, and a piece that returns gets a function;
--   * input that is only a command of the prompt is left out, `:load x` becomes dofile("x"); commands that are called
--     within other code are defined as functions that do nothing;
--   * but acts on processes are repeated: `kill(p)` and `:kill p` become `p:kill()`, and where it is not known that p
--     is a process, `kill` is defined.
local library, use = ...
local _ENV <const> = use "std"

local commands, files, leaf, lex = use "commands", use "files", use "leaf", use "lex"
local outline, source = use "outline", use "source"

local save = {}

-- -- what a piece mentions ------------------------------------------------------------------------

local function mentions(tokens, wanted)
  for i, token in ipairs(tokens) do
    if lex.is_variable(tokens, i) and wanted(token.text) then return true end
  end
  return false
end

-- `name = value`: a key of a table, or an assignment.
local function is_set(tokens, i)
  local one, two = tokens[i + 1], tokens[i + 2]
  return one ~= nil and one.text == "=" and not (two and two.text == "=" and two.at == one.at + 1)
end

local function is_result(name) return string.find(name, "^_%d?$") ~= nil end

local function is_error(name) return name == "_e" end

-- Is a name a command that the person has not redefined?
local function command_test(session)
  return function(name)
    local f = commands.by_name[name] and session.functions[name]
    local value = rawget(globals, name)
    return f and (value == nil or rawequal(value, f))
  end
end

-- Is the input only a call of a command: `ps()`, `help "queue"`?
local function is_command_call(tokens, is_command)
  local second = tokens[2]
  if not (second and tokens[1].kind == "name" and is_command(tokens[1].text)) then return false end
  if second.kind == "string" then return #tokens == 2 end
  if second.text ~= "(" then return false end
  local depth = 0
  for i = 2, #tokens do
    depth = depth + (tokens[i].text == "(" and 1 or tokens[i].text == ")" and -1 or 0)
    if depth == 0 then return i == #tokens or i == #tokens - 1 and tokens[#tokens].text == ";" end
  end
  return false
end

-- -- what is done to processes ---------------------------------------------------------------------

local function is_process(value)
  return type(value) == "userdata" and rawequal(metatable_of(value), metatable_of(library.self()))
end

-- The value of the global variable, or of a field below it, that tokens `first` to `last` name; nil if they name none.
local function named_value(tokens, first, last)
  local value = globals
  for i = first, last do
    local token = tokens[i]
    local is_key = (i - first) % 2 == 0
    if is_key and not (token.kind == "name" and type(value) == "table") or not is_key and token.text ~= "." then
      return nil
    end
    if is_key then value = rawget(value, token.text) end
  end
  return value
end

-- Replace `kill(p)`, where p is a name for a process, by `p:kill()` throughout the text.
local function with_methods(text, tokens, is_command)
  local pieces, at = {}, 1
  for i, token in ipairs(tokens) do
    local row = commands.by_name[token.text]
    if row and row.replays and lex.is_variable(tokens, i) and is_command(token.text) and tokens[i + 1] and
        tokens[i + 1].text == "(" then
      local stop = i + 2
      while tokens[stop] and tokens[stop].text ~= ")" do stop = stop + 1 end
      if tokens[stop] and is_process(named_value(tokens, i + 2, stop - 1)) then
        local name = string.sub(text, tokens[i + 2].at, tokens[stop - 1].stop)
        pieces[#pieces + 1] = string.sub(text, at, token.at - 1) .. name .. ":" .. token.text .. "()"
        at = tokens[stop].stop + 1
      end
    end
  end
  return table.concat(pieces) .. string.sub(text, at)
end

-- `:kill p` as a call.
local function act_piece(act)
  local rest = string.match(act.rest, "^%s*(.-)%s*$")
  rest = string.match(rest, "^%((.*)%)$") or rest
  if is_process(act.on) then return act.name .. "(" .. rest .. ")" end
  local on = act.on -- a name or a number
  return act.name .. "(" .. (type(on) == "string" and leaf.quoted(on, math.huge) or tostring(on)) .. ")"
end

-- -- a piece as a part of the script --------------------------------------------------------------

local function compiles(text) return load(text .. "\n", "=piece", "t") ~= nil end

-- A line that begins with a bracket would continue the line before it.
local function safe_start(text) return (string.gsub(text, "^%(", ";(")) end

-- A comment at the end of the text must not swallow what follows.
local function closed(text) return string.find(text, "%-%-[^\n]*$") and text .. "\n" or text end

-- `return x;` is valid, but not `print(x;)`.
local function without_semicolon(text, last)
  if last.text ~= ";" then return text end
  return string.sub(text, 1, last.at - 1) .. string.sub(text, last.stop + 1)
end

-- `keep`: the name of the function that keeps results, if later pieces use `_`.
local function expression_piece(text, keep)
  text = string.gsub(text, "^%s*=?%s*", "", 1)
  local tokens = lex.code(text)
  if #tokens == 0 then return text end
  local value = closed(without_semicolon(text, tokens[#tokens]))
  if keep then value = keep .. "(" .. value .. ")" end
  if compiles(text) then return keep and value or safe_start(text) end
  return "print(" .. value .. ")"
end

local function statement_piece(text, tokens, keep)
  local value = string.match(text, "^%s*return%f[%W]%s*(.-)%s*$")
  if value and compiles("return " .. closed(value)) then return expression_piece(value, keep) end
  local has = outline(tokens)
  if has.returns then
    local call = "(function()\n" .. closed(text) .. "\nend)()"
    return keep and keep .. "(" .. call .. ")" or ";" .. call
  end
  if has.locals[1] or has.labels then return "do\n" .. closed(text) .. "\nend" end
  return safe_start(text)
end

-- -- the script -----------------------------------------------------------------------------------

local KEEP <const> = [[
-- The results of earlier lines, as the prompt has them: _ and _1 the last, _2 the one before ...
local function %s(...)
  if select("#", ...) > 0 then
    for i = 9, 2, -1 do rawset(_G, "_" .. i, rawget(_G, "_" .. i - 1)) end
    rawset(_G, "_1", (...))
    rawset(_G, "_", (...))
  end
  return ...
end
]]

-- The prompt's kill, pause and resume in a script: they take a handle, a number or a name.
local ACT <const> = [[
local function %s(method)
  return function(who)
    if type(who) == "userdata" then return who[method](who) end
    for _, p in ipairs(sandbox.children()) do
      if p.id == who or p.name == who or p.name .. "#" .. p.id == who then p[method](p) end
    end
  end
end
]]

local function is_piece(chunk, tokens, is_command)
  local is_only_command = is_command_call(tokens, is_command) and not commands.by_name[tokens[1].text].replays
  return chunk.worked and chunk.kind ~= "command" and not is_only_command and not mentions(tokens, is_error)
end

-- A name for a local of the script that hides nothing of the session's.
local function unused_name(name, about)
  local free, n = name, 1
  while about.names[free] or rawget(globals, free) ~= nil do
    n = n + 1
    free = name .. n
  end
  return free
end

-- The input that goes into the script: a list of { text =, tokens =, kind = }, and what it mentions: commands, names of any
-- kind, and, if it uses `_`, `keep`, the name of the function that keeps results.
local function select_pieces(session)
  local is_command = command_test(session)
  local list, about = {}, { commands = {}, names = {} }
  local keeps = false
  local function add(text, kind)
    text = with_methods(text, lex.code(text), is_command)
    local tokens = lex.code(text)
    list[#list + 1] = { text = text, tokens = tokens, kind = kind }
    keeps = keeps or mentions(tokens, is_result)
    for i, token in ipairs(tokens) do
      if token.kind == "name" then about.names[token.text] = true end
      if lex.is_variable(tokens, i) and is_command(token.text) and not is_set(tokens, i) then
        about.commands[token.text] = true
      end
    end
  end
  for _, chunk in ipairs(session.chunks) do
    local tokens = lex.code(chunk.text)
    if chunk.worked and chunk.loads then
      list[#list + 1] = { text = "dofile(" .. leaf.quoted(chunk.loads, math.huge) .. ")" }
    elseif chunk.worked and chunk.act then
      add(act_piece(chunk.act), "statement")
    elseif is_piece(chunk, tokens, is_command) then
      local is_act = is_command_call(tokens, is_command) -- it has no results
      add(chunk.text, is_act and "statement" or chunk.kind)
    end
  end
  about.keep = keeps and unused_name("keep", about) or nil
  return list, about
end

-- The script on the command line (`sandbox -i x.lua`), which ran before the prompt appeared.
local function first_script()
  local arg = rawget(globals, "arg")
  local name = type(arg) == "table" and rawget(arg, -1) and rawget(arg, 0)
  return type(name) == "string" and name ~= "-" and name or nil
end

local function add_preamble(lines, session, about)
  if session.init_file then
    lines[#lines + 1] = "-- The init file ran before this and is not included: " .. session.init_file
  end
  local script = first_script()
  if script then lines[#lines + 1] = "dofile(" .. leaf.quoted(script, math.huge) .. ")" end
  local stubs, acts, act = {}, {}, unused_name("act", about)
  for _, name in ipairs(commands.names) do
    local does = commands.by_name[name].replays and act .. ' "' .. name .. '"' or "function() end"
    local list = commands.by_name[name].replays and acts or stubs
    if about.commands[name] then list[#list + 1] = name .. " = " .. name .. " or " .. does end
  end
  if stubs[1] then
    lines[#lines + 1] = "-- Commands of the prompt do nothing here.\n" .. table.concat(stubs, "\n")
  end
  if acts[1] then lines[#lines + 1] = string.format(ACT, act) .. table.concat(acts, "\n") end
  if about.keep then lines[#lines + 1] = string.format(KEEP, about.keep) end
end

-- The text of the script, and the number of inputs in it.
function save.script(session)
  local list, about = select_pieces(session)
  local lines = { "-- Typed at the prompt of sandbox; saved on " .. os.date("%Y-%m-%d at %H:%M") .. "." }
  add_preamble(lines, session, about)
  for _, piece in ipairs(list) do
    local make = piece.kind == "expression" and function() return expression_piece(piece.text, about.keep) end or
        piece.kind == "statement" and function() return statement_piece(piece.text, piece.tokens, about.keep) end
    lines[#lines + 1] = make and make() or piece.text
  end
  return table.concat(lines, "\n") .. "\n", #list
end

function save.install(session, functions)
  function functions.save(path, replace)
    if type(path) ~= "string" or path == "" then error("save wants the name of a file", 0) end
    path = files.expand(path)
    if not replace and source.read_file(path) then
      error(path .. " exists: save(\"" .. path .. "\", true) replaces it", 0)
    end
    local text, count = save.script(session)
    files.write(path, text)
    local inputs = count .. (count == 1 and " input" or " inputs")
    session.host.say("saved " .. inputs .. "; `sandbox " .. path .. "` runs them")
  end
end

return save
