-- prompt/lua/arguments.lua - `:name a b c`: the arguments of a command in its short form.
--
-- The rule: arguments are separated by blanks or commas; what is in brackets or quotes is one piece. A piece that is a
-- Lua expression is evaluated; a piece that is not, or that is a name without a value, is a string. Commands that take
-- words (file names, modules) take the pieces unchanged, and those that take a text take the rest of the line.
-- `:name(a, b)`, without a blank before the bracket, is a call as in Lua.
local _, use = ...
local _ENV <const> = use "std"

local compile, lex = use "compile", use "lex"

local arguments = {}

local opens <const>, closes <const> = { ["("] = 1, ["["] = 1, ["{"] = 1 }, { [")"] = 1, ["]"] = 1, ["}"] = 1 }

-- Split a text at blanks and commas that are not inside brackets or quotes.
function arguments.pieces(text)
  local list, from, depth, stop = {}, nil, 0, 0
  local function finish()
    if from then list[#list + 1] = string.sub(text, from, stop) end
    from = nil
  end
  for _, token in ipairs(lex.tokens(text)) do
    local divides = depth == 0 and token.text == ","
    if divides or depth == 0 and token.at > stop + 1 then finish() end
    if not divides then from = from or token.at end
    depth = math.max(0, depth + (opens[token.text] or 0) - (closes[token.text] or 0))
    stop = token.stop
  end
  finish()
  return list
end

-- The text of a piece, without quotes around it.
local function unquoted(piece)
  local tokens = lex.tokens(piece)
  local is_string = #tokens == 1 and tokens[1].kind == "string" and not tokens[1].open
  return is_string and load("return " .. piece, "=piece", "t")() or piece
end

local function value(piece, env)
  local f = compile.expression(piece, "=" .. piece, env)
  local v
  if f then v = f() end
  if not f or v == nil and lex.is_name(piece) then return piece end
  return v
end

-- `(a, b)` directly after the name, read as Lua does. Returns nil if it is not a list of arguments.
local function call_arguments(rest, env)
  if not string.find(rest, "^%(.*%)%s*$") then return nil end
  local f = load("return (function(...) return ... end)" .. rest, "=command", "t", env or globals)
  return f and table.pack(f())
end

-- The arguments in `rest`, the text after the name, for a row of commands.lua; packed. Raises the errors of the
-- expressions, which see the variables `env`, globals unless said.
function arguments.read(row, rest, env)
  local packed = call_arguments(rest, env)
  if packed then return packed end
  local takes = row.takes or "values"
  local text = string.match(rest, "^%s*(.-)%s*$")
  if takes == "text" then return text == "" and table.pack() or table.pack(unquoted(text)) end
  local list = arguments.pieces(text)
  for i = 1, #list do
    if takes == "values" then list[i] = value(list[i], env) else list[i] = unquoted(list[i]) end
  end
  list.n = #list
  return list
end

return arguments
