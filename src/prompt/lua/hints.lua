-- prompt/lua/hints.lua - the hint for an error at the prompt: what the library says of it (src/lua/prelude/hint.lua), and what
-- only the prompt knows.
local _, use = ...
local _ENV <const> = use "std"

local hint = use "hint"

local hints = {}

-- For the library's hints: a line of an input, and the line before it.
function hints.text_of(session)
  return function(source, number)
    local at = string.match(source, "^repl:(%d+)$")
    local chunk = at and session.chunks[math.tointeger(at)]
    local n, line, before = 0, "", ""
    for text in string.gmatch(chunk and chunk.text or "", "[^\n]*") do
      n = n + 1
      if n == number - 1 then before = text end
      if n == number then line = text end
    end
    return line, before
  end
end

-- For an error { value =, hint = the library's, from a handler; nil: not asked yet; false: none }. Returns a hint, or nil.
function hints.of(session, e)
  local name = type(e.value) == "string" and string.match(e.value, "a nil value %(global '([^'\n]+)'%)")
  local chunk = name and session.locals[name]
  if chunk then
    return "'" .. name .. "' was a local of " .. chunk .. " and ended with it; without `local` it stays"
  end
  if e.hint == nil then return hint.protected(e.value, hints.text_of(session)) end
  return e.hint or nil
end

return hints
