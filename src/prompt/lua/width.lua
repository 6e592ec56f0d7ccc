-- prompt/lua/width.lua - the number of columns that a text takes on a terminal.
local _, use = ...
local _ENV <const> = use "std"

-- Ranges of characters that take two columns, or none (Unicode: East Asian Width, combining marks). Good enough for
-- layout, on which nothing depends.
local wide <const> = {
  { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
  { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff },
  { 0x20000, 0x3fffd },
}
local narrow <const> = { { 0x300, 0x36f }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f } }

local function within(ranges, code)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

local function columns(code)
  if code < 0x300 then return 1 end
  return within(wide, code) and 2 or within(narrow, code) and 0 or 1
end

-- The module is one function: returns the columns of a text; its length in bytes if it is not UTF-8.
return function(text)
  if not string.find(text, "[\x80-\xff]") or not utf8.len(text) then return #text end
  local n = 0
  for _, code in utf8.codes(text) do n = n + columns(code) end
  return n
end
