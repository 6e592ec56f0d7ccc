-- prompt/lua/leaf.lua - values without parts, as text; where possible, as Lua source.
local _, use = ...
local _ENV <const> = use "std"

local leaf = {}

local null <const> = sandbox.null

-- -- strings --------------------------------------------------------------------------------------

local named <const> = {
  ["\a"] = "\\a", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\v"] = "\\v",
  ['"'] = '\\"', ["\\"] = "\\\\",
}

local function escape(c) return named[c] or string.format("\\x%02X", string.byte(c)) end

-- Characters that would change the terminal or the order of the text: C1 controls, direction marks, separators.
local function is_sly(code)
  return code >= 0x80 and code <= 0x9f or code >= 0x200e and code <= 0x200f or code >= 0x2028 and code <= 0x202e or
      code >= 0x2066 and code <= 0x2069 or code == 0xfeff
end

local function escape_sly(c)
  local code = utf8.codepoint(c)
  return is_sly(code) and string.format("\\u{%X}", code) or c
end

-- Replace every byte that is not part of a character by \xNN; valid UTF-8 stays.
local function escape_bytes(s)
  if utf8.len(s) then return (string.gsub(s, "[\xc2\xe2\xef][\x80-\xbf]+", escape_sly)) end
  local parts, at = {}, 1
  while at <= #s do
    local good, bad = utf8.len(s, at)
    local stop = good and #s or bad - 1
    parts[#parts + 1] = string.gsub(string.sub(s, at, stop), "[\xc2\xe2\xef][\x80-\xbf]+", escape_sly)
    if not good then parts[#parts + 1] = escape(string.sub(s, bad, bad)) end
    at = stop + 2
  end
  return table.concat(parts)
end

-- Where to cut a string of more than `limit` bytes: not inside a character.
local function cut_at(s, limit)
  local at = limit
  while at > 1 and at > limit - 4 and string.find(s, "^[\x80-\xbf]", at + 1) do at = at - 1 end
  return at
end

-- A number with separators: 1,048,576.
function leaf.count(n)
  local text = string.reverse(string.format("%d", n))
  return string.reverse((string.gsub(string.gsub(text, "(%d%d%d)", "%1,"), ",$", "")))
end

-- A string in quotes; of a long one, its beginning and its size.
function leaf.quoted(s, limit)
  local rest = ""
  if #s > limit then
    rest = " ... (" .. leaf.count(#s) .. " bytes)"
    s = string.sub(s, 1, cut_at(s, limit))
  end
  return '"' .. escape_bytes(string.gsub(s, '[%c"\\]', escape)) .. '"' .. rest
end

-- -- numbers --------------------------------------------------------------------------------------

-- The fewest digits that read back as the same float.
local function shortest(x)
  for digits = 14, 17 do
    local text = string.format("%." .. digits .. "g", x)
    if tonumber(text) == x then return text end
  end
end

function leaf.number(x)
  if math.type(x) == "integer" then return string.format("%d", x) end
  if x ~= x then return "nan" end
  if x == math.huge then return "inf" end
  if x == -math.huge then return "-inf" end
  local text = string.gsub(shortest(x), "e([+-])0*", function(sign) return sign == "-" and "e-" or "e" end)
  return string.find(text, "[.e]") and text or text .. ".0"
end

-- -- functions, threads, userdata -----------------------------------------------------------------

-- Where a function was defined: "queue.lua:12", "[C]".
local function origin(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return "[C]" end
  return info.linedefined > 0 and info.short_src .. ":" .. info.linedefined or info.short_src
end

-- names: { [function] = "string.format" }
function leaf.fn(f, names)
  local name = names[f]
  return "function: " .. (name and name .. " " or "") .. origin(f)
end

function leaf.thread(t) return string.format("thread: %p (%s)", t, coroutine.status(t)) end

-- Escape control characters in the text of an object.
local function tidy(text)
  return escape_bytes((string.gsub(text, "%c", function(c) return c == "\t" and c or escape(c) end)))
end

-- The text of an object with a __tostring; if that raises an error, the error's text.
function leaf.told(value)
  local ok, text = pcall(tostring, value)
  if ok then return tidy(text) end
  text = type(text) == "string" and text or "an error"
  if string.find(text, "interrupted!$") then error(text, 0) end
  return "<__tostring failed: " .. tidy(text) .. ">"
end

local function userdata(value)
  if rawequal(value, null) then return "sandbox.null" end
  return leaf.told(value)
end

-- -- all ------------------------------------------------------------------------------------------

-- The text of a value that is not a table, and its kind, for the colour. o: { string_limit =, names = function() }
function leaf.text(value, o)
  local kind = type(value)
  if kind == "string" then return leaf.quoted(value, o.string_limit), kind end
  if kind == "number" then return leaf.number(value), kind end
  if kind == "function" then return leaf.fn(value, o.names()), kind end
  if kind == "thread" then return leaf.thread(value), kind end
  if kind == "userdata" then return userdata(value), kind end
  return tostring(value), kind
end

return leaf
