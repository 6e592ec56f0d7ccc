-- A value in one line, for messages: what an error object was, when nobody caught it.
local brief = {}

local LONGEST <const>, MOST <const>, DEEPEST <const> = 200, 8, 2

local function key_of(key)
  if type(key) == "string" and string.find(key, "^[%a_][%w_]*$") then return key end
  return string.format("[%s]", type(key) == "string" and string.format("%q", key) or tostring(key))
end

local show

-- The fields of a table, without metamethods: first those of its list, then the others by their names.
local function fields_of(t, depth)
  local list, rest, n = {}, {}, 0
  for i = 1, MOST do
    if rawget(t, i) == nil then break end
    list[i], n = show(rawget(t, i), depth + 1), i
  end
  for key, value in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then
      rest[#rest + 1] = string.format("%s = %s", key_of(key), show(value, depth + 1))
      if #rest > 4 * MOST then break end
    end
  end
  table.sort(rest)
  for _, text in ipairs(rest) do list[#list + 1] = text end
  if #list > MOST then list = table.move(list, 1, MOST, 1, { [MOST + 1] = "..." }) end
  return "{" .. table.concat(list, ", ") .. "}"
end

function show(value, depth)
  if type(value) == "string" then return (string.gsub(string.format("%q", value), "\\\n", "\\n")) end
  if type(value) ~= "table" or debug.getmetatable(value) then return tostring(value) end
  return depth > DEEPEST and "{...}" or fields_of(value, depth)
end

-- The message for an error object that has none: "(error object is a table value: {code = 1})".
function brief.error(value)
  local kind = type(value)
  if kind ~= "table" or debug.getmetatable(value) or next(value) == nil then return string.format("(error object is a %s value)", kind) end
  local text = show(value, 1)
  if #text > LONGEST then text = string.match(string.sub(text, 1, LONGEST), "^(.*)[\0-\x7f\xc2-\xf4]") .. "..." end
  return string.format("(error object is a table value: %s)", text)
end

return brief
