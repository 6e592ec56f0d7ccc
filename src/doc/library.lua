-- doc/library.lua - writes library.md out of the annotated source of the library, src/lua/meta/sandbox.lua.
--
--   sandbox src/doc/library.lua >src/doc/library.md        at the top of the source tree; a test compares
--
-- A section of the page is a section of the source: first a table of its calls, then each of them. The source is read by
-- the reader that help() uses.
local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local source = read("src/lua/meta/sandbox.lua")
local parse = assert(loadfile("src/prompt/lua/meta.lua"))(sandbox, function() return _G end)
local globals = parse(source).globals

-- The sections of the source, each a list { title, text }. A title stands between two rules.
local function sections()
  local list, rule = {}, "\n%-%-%-%-%-%-+\n"
  local marked = source:gsub(rule .. "%-%- ([^\n]*)" .. rule, "\0%1\n")
  for title, text in marked:gmatch("%z([^\n]*)\n([^%z]*)") do list[#list + 1] = { title, text } end
  return list
end

-- "item [, timeout]": the arguments of a call, with brackets around what may be omitted.
local function arguments(entry)
  local optional = {}
  for _, param in ipairs(entry.params) do optional[param.name] = param.optional end
  local text, open = "", 0
  for name in entry.arguments:gmatch("[^,%s]+") do
    local comma = text ~= "" and ", " or ""
    if optional[name] then
      text, open = text .. (text ~= "" and " [" or "[") .. comma .. name, open + 1
    else
      text = text .. comma .. name
    end
  end
  return text .. ("]"):rep(open)
end

local function call(entry)
  local owner = entry.class and entry.class .. ":" or globals[entry.name] and "" or "sandbox."
  return ("%s%s(%s)"):format(owner, entry.name, arguments(entry))
end

-- A text for a cell of a table.
local function cell(text) return (text:gsub("|", "\\|")) end

local function first_sentence(lines)
  local text = table.concat(lines, " "):match("^(.-)%s*```") or table.concat(lines, " ")
  return text:match("^(.-[.;:])%s") or text
end

-- The anchor that a heading has in the page.
local function anchor(heading) return "#" .. heading:lower():gsub("[^%w%-_ ]", ""):gsub(" ", "-") end

local function heading(entry) return "`" .. call(entry) .. "`" end

local function write_text(lines)
  for _, line in ipairs(lines) do
    if line:find("^```lua") then print() end
    print(line)
  end
end

local function write_values(entry)
  local list = {}
  local function add(name, value)
    local kind = value.type and value.type ~= "" and "`" .. value.type .. "`" or nil
    list[#list + 1] = ("* %s: %s"):format(name, table.concat({ kind or value.text, kind and value.text }, " – "))
  end
  for _, param in ipairs(entry.params) do
    add("`" .. param.name .. "`" .. (param.optional and " (optional)" or ""), param)
  end
  for i, value in ipairs(entry.returns) do add(i == 1 and "returns" or "and", value) end
  for _, overload in ipairs(entry.overloads) do list[#list + 1] = ("* or: `%s`"):format(overload) end
  if list[1] then print("\n" .. table.concat(list, "\n")) end
end

local function write_call(entry)
  print(("\n### %s\n"):format(heading(entry)))
  write_text(entry.text)
  write_values(entry)
end

local function write_class(class)
  print(("\n### %s\n"):format(class.full_name or class.name))
  write_text(class.text)
  if class.fields[1] then print("\n| field | type | |\n|---|---|---|") end
  for _, field in ipairs(class.fields) do
    print(("| `%s` | `%s` | %s |"):format(field.name, cell(field.type), cell(field.text or "")))
  end
end

local function write_section(title, text)
  local meta = parse(text)
  local calls = table.move(meta.function_list, 1, #meta.function_list, 1, {})
  for _, class in ipairs(meta.class_list) do table.move(class.methods, 1, #class.methods, #calls + 1, calls) end
  if not calls[1] and not meta.class_list[1] then return end
  print(("\n## %s\n\n| call | |\n|---|---|"):format(title))
  for _, entry in ipairs(calls) do
    print(("| [`%s`](%s) | %s |"):format(cell(call(entry)), anchor(heading(entry)), cell(first_sentence(entry.text))))
  end
  for _, entry in ipairs(meta.function_list) do write_call(entry) end
  for _, class in ipairs(meta.class_list) do
    if class.full_name then write_class(class) end
    for _, entry in ipairs(class.methods) do write_call(entry) end
  end
end

print "# The library\n"
print "<!-- Written by src/doc/library.lua out of src/lua/meta/sandbox.lua: change that, and run it again. -->\n"
write_text(parse(source).classes.sandbox.text)
print [[

Globals: `spawn join queue queue_put queue_get sleep`; all the rest is in the table `sandbox`. `help("queue.put")` at the
prompt and `sandbox --help queue.put` show the same text. In the calls below `queue`, `process` and so on stand for a handle.
All times are in seconds of the run's clock. A timeout comes last; without one a call waits for ever, 0 polls.
`nil, reason` is returned for what a careful program expects to happen (iterators, which cannot return it, raise an error on a
timeout). Misuse raises an error at the caller's line: a wrong type, a negative timeout, an unknown key in a table of options.]]
for _, section in ipairs(sections()) do write_section(table.unpack(section)) end
