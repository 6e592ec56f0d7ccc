-- prompt/lua/compile.lua - compiles the text of a chunk: as an expression if it is one, else as statements.
local _, use = ...
local _ENV <const> = use "std"

local compile = {}

-- The parser stopped at the end of the text: more text may complete it.
local function wants_more(message) return string.find(message, "near <eof>$") ~= nil end

-- Where a variable is to be closed, `return f()` is no tail call: the chunk stays on the stack, and is the place where f was
-- called, also if f is a function of the library in Lua.
local OWN_LOCAL <const> = "__repl"
local NO_TAIL_CALL <const> = "local " .. OWN_LOCAL .. " <close> = nil "

-- Is the local of this name no variable of the chunk's text?
function compile.adds(name) return name == OWN_LOCAL end

-- With a newline after the text, a short string without its closing quote is an error at once. But some messages count
-- that extra line, too, so a real error is taken from the plain text.
local function try(text, chunk_name, env)
  text = NO_TAIL_CALL .. text
  local f, message = load(text .. "\n", chunk_name, "t", env or globals)
  if f or wants_more(message) then return f, message end
  local _, plain = load(text, chunk_name, "t")
  return nil, plain and not wants_more(plain) and plain or message
end

-- Compile an expression: `text`, or `= text` as in older prompts. Returns a function; or nil, a message, and whether
-- more text may complete it.
-- `env`: the variables that it sees, globals unless said.
function compile.expression(text, chunk_name, env)
  local f, message = try("return " .. string.gsub(text, "^%s*=", "", 1), chunk_name, env)
  if f then return f end
  return nil, message, wants_more(message)
end

-- Returns a function and "expression" or "statement"; or nil, a message, and whether more text may complete it.
function compile.chunk(text, chunk_name, env)
  local f, message, more = compile.expression(text, chunk_name, env)
  if f then return f, "expression" end
  if string.find(text, "^%s*=") then return nil, message, more end
  f, message = try(text, chunk_name, env)
  if f then return f, "statement" end
  return nil, message, more or wants_more(message)
end

return compile
