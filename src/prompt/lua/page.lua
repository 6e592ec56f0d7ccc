-- prompt/lua/page.lua - text for a person, folded to the width of the terminal.
local _, use = ...
local _ENV <const> = use "std"

local width_of = use "width"

local Page = {}
Page.__index = Page

local codes <const> = { bold = "1", dim = "2" }

local function paint(page, text, style)
  return page.color and codes[style] and "\27[" .. codes[style] .. "m" .. text .. "\27[0m" or text
end

-- Fold words into lines of at most `width` columns; a longer word gets a line of its own.
local function fold(text, width)
  local lines, line, used = {}, nil, 0
  for word in string.gmatch(text, "%S+") do
    local w = width_of(word)
    if line and used + 1 + w <= width then
      line, used = line .. " " .. word, used + 1 + w
    else
      lines[#lines + 1] = line
      line, used = word, w
    end
  end
  lines[#lines + 1] = line
  return lines
end

function Page:line(text, style) table.insert(self, paint(self, text or "", style)) end

-- A paragraph, indented by `indent` columns.
function Page:paragraph(text, indent, style)
  for _, line in ipairs(fold(text, self.width - (indent or 0))) do
    self:line(string.rep(" ", indent or 0) .. paint(self, line, style))
  end
end

-- A term and its text: in the column `column` beside it if it is short and there is room, else below it.
function Page:row(term, text, indent, column)
  local head = string.rep(" ", indent) .. paint(self, term, "bold")
  local used = indent + width_of(term)
  if self.width < 60 then column = indent + 4 end
  local lines = fold(text or "", math.max(self.width - column, 16))
  if used + 2 <= column and lines[1] then
    self:line(head .. string.rep(" ", column - used) .. lines[1])
    table.remove(lines, 1)
  else
    self:line(head)
  end
  for _, line in ipairs(lines) do self:line(string.rep(" ", column) .. line) end
end

function Page:show() put_out(table.concat(self, "\n") .. "\n") end

local page = {}

function page.new(host)
  return setmetatable({ width = math.min(math.max(host.width(), 24), 100), color = host.color }, Page)
end

return page
