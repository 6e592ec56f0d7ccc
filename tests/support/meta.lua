-- support/meta.lua - src/lua/meta/sandbox.lua, the annotated source of the library, taken apart.
local shell = require "support.shell"

local meta = {}

-- An example in a description: { line=, code=, output= }. What it must print stands after `-->` in it.
local function take_example(lines, from, first_line)
  local code, output, at = {}, {}, from
  while lines[at] ~= "```" do
    local line = assert(lines[at], "an example has no end")
    code[#code + 1] = line
    output[#output + 1] = line:match("%-%-> (.*)$")
    at = at + 1
  end
  output[#output + 1] = ""
  code[#code + 1] = ""
  return { line = first_line + from - 1, code = table.concat(code, "\n"), output = table.concat(output, "\n") }, at
end

-- Sort the lines of a description: sentences, examples, and tags as { tag, rest }.
local function describe(lines, first_line)
  local item = { text = {}, examples = {}, tags = {} }
  local at = 1
  while at <= #lines do
    local tag, rest = lines[at]:match("^@(%a+)%s*(.*)$")
    if lines[at] == "```lua" then
      item.examples[#item.examples + 1], at = take_example(lines, at + 1, first_line)
    elseif tag then
      item.tags[#item.tags + 1] = { tag, rest }
    else
      item.text[#item.text + 1] = lines[at]
    end
    at = at + 1
  end
  return item
end

-- What a line of code declares: its kind, the class without "sandbox." if it has one, its name, and its parameters.
local function declaration(line)
  local name, parameters = line:match("^function sandbox%.([%w_]+)%((.*)%) end$")
  if name then return "function", nil, name, parameters end
  local class
  class, name, parameters = line:match("^function (%u%a*):([%w_]+)%((.*)%) end$")
  if class then return "method", class, name, parameters end
  name = line:match("^([%l_]+) = sandbox%.[%l_]+$")
  if name then return "global", nil, name end
  return "other"
end

-- The items of the file in its order: { kind = "function", "method", "global" or "other", class=, name=, parameters = a
-- list, line=, text =, examples=, tags= }; a description of a class that has no table of its own is "other", too.
function meta.items()
  local items, lines, first, number = {}, {}, nil, 0
  for line in (shell.read("src/lua/meta/sandbox.lua") .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local described = line:match("^%-%-%-(.*)$")
    if described and not line:find("^%-%-%-%-%-%-") or described and line:find("^%-%-%-%-%-> ") then
      first = first or number
      lines[#lines + 1] = described
    elseif first or line:find("^[%a_]") then
      local item = describe(lines, first or number)
      local parameters
      item.line = number
      item.kind, item.class, item.name, parameters = declaration(line)
      item.parameters = {}
      for word in (parameters or ""):gmatch("[%w_.]+") do item.parameters[#item.parameters + 1] = word end
      items[#items + 1] = item
      lines, first = {}, nil
    end
  end
  return items
end

-- The tags `name` of an item, as a list of what follows each.
function meta.tags(item, name)
  local found = {}
  for _, tag in ipairs(item.tags) do
    if tag[1] == name then found[#found + 1] = tag[2] end
  end
  return found
end

return meta
