-- Figures: medians, tables for the eye, JSON for programs.
local figures = {}

-- The median, the least and the greatest of a list of numbers; nothing of an empty one.
function figures.summary(list)
  if not list[1] then return nil end
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local n = #sorted
  return { median = (sorted[(n + 1) // 2] + sorted[n // 2 + 1]) / 2, least = sorted[1], most = sorted[n], all = list }
end

-- Three digits that count, and no exponent.
function figures.short(x)
  if x == 0 then return "0" end
  local decimals = math.max(0, 2 - math.floor(math.log(math.abs(x), 10)))
  return ("%." .. math.min(decimals, 4) .. "f"):format(x)
end

function figures.spread(summary)
  return ("%s..%s"):format(figures.short(summary.least), figures.short(summary.most))
end

-- Lines of a table: `list` of rows of texts, the first one its head; the columns named in `right` are aligned there.
function figures.table(list, right)
  local widths, lines = {}, {}
  for _, row in ipairs(list) do
    for i, text in ipairs(row) do widths[i] = math.max(widths[i] or 0, utf8.len(text)) end
  end
  for _, row in ipairs(list) do
    local cells = {}
    for i, text in ipairs(row) do
      local pad = (" "):rep(widths[i] - utf8.len(text))
      cells[i] = right[i] and pad .. text or text .. pad
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n") .. "\n"
end

-- The same as Markdown.
function figures.markdown(list, right)
  local lines, rule = {}, {}
  for i in ipairs(list[1]) do rule[i] = right[i] and "---:" or "---" end
  for i, row in ipairs(list) do
    lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
    if i == 1 then lines[#lines + 1] = "|" .. table.concat(rule, "|") .. "|" end
  end
  return table.concat(lines, "\n") .. "\n"
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

-- A value as JSON: a table is a list if it has a first item or is empty, else an object, its keys in order.
function figures.json(value, indent)
  indent = indent or ""
  local inner, parts = indent .. "  ", {}
  if type(value) == "string" then return quoted(value) end
  if type(value) ~= "table" then return math.type(value) == "float" and ("%.6g"):format(value) or tostring(value) end
  if value[1] ~= nil or next(value) == nil then
    local flat = type(value[1]) ~= "table"
    for i, item in ipairs(value) do parts[i] = figures.json(item, inner) end
    if flat then return "[" .. table.concat(parts, ", ") .. "]" end
    return "[\n" .. inner .. table.concat(parts, ",\n" .. inner) .. "\n" .. indent .. "]"
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do parts[i] = quoted(key) .. ": " .. figures.json(value[key], inner) end
  return "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. "\n" .. indent .. "}"
end

return figures
