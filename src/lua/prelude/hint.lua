-- Hints for errors that beginners make: a line below the message of a failure, where it is likely what was meant.
--
-- A hint that does not fit is worse than none. So each looks at what is there: the value that was used, found by its name on
-- the source line among the variables of the function that failed; or, for what does not compile, the line itself.
local sandbox, use = ...
local suggest, syntax, names, words = use "suggest", use "hint_syntax", use "hint_scope", use "hint_words"
local globals, field, class_of, value_of, is_list = names.globals, names.field, names.class_of, names.value_of, names.is_list
local methods_behind, methods_of, names_in = names.methods_behind, names.methods_of, names.names_in
local WORDS <const>, LIBRARIES <const>, FIELDS <const> = words.globals, words.libraries, words.fields
local METHODS <const>, CONSTANTS <const> = words.methods, words.constants

local hint = {}

-- -- sentences ----------------------------------------------------------------------------------------------------------

local function meant(name, list)
  local near = suggest(name, list)
  return near and near ~= name and string.format("did you mean '%s'?", near) or nil
end

-- "a queue", "an event"
local function a(word) return (string.find(word, "^[aeiou]") and "an " or "a ") .. word end

-- "math.random" for "random"; nil if no library has such a function, or more than one has.
local function in_library(name)
  local found = nil
  for _, library in ipairs(LIBRARIES) do
    if type(field(field(globals(), library), name)) == "function" then
      if found then return nil end
      found = library .. "." .. name
    end
  end
  return found
end

local function about_global(name)
  if WORDS[name] then return WORDS[name] end
  if field(sandbox, name) ~= nil then return string.format("it is sandbox.%s", name) end
  local library = in_library(name)
  if library then return "it is " .. library end
  local here = meant(name, names_in(globals()))
  if here then return here end
  local near = suggest(name, names_in(sandbox))
  return near and string.format("did you mean 'sandbox.%s'?", near) or nil
end

-- The class of what a line makes and calls at once: `spawn(f):wait()`, `sandbox.dict():set(1)`.
local function class_made(name, line)
  for maker, after in string.gmatch(line, "([%a_][%w_%.]*)%s*%b()%s*:%s*([%a_][%w_]*)") do
    local word = after == name and (string.match(maker, "^sandbox%.(%l+)$") or maker)
    if word == "spawn" then return "process" end
    if word and METHODS[word] and (word == "queue" or maker ~= word) then return word end
    if word == "dict" and maker ~= word then return word end
  end
end

local function about_made(name, class)
  local elsewhere = METHODS[class] and METHODS[class][name]
  if elsewhere then return "here it is " .. string.format(elsewhere, class == "process" and "p" or string.sub(class, 1, 1)) end
  return class == "dict" and "a dict is used like a table: d[key], d[key] = v, pairs(d), d:update(key, f)" or nil
end

-- A method of processes, called on a list of them.
local function about_crowd(name, owner, list)
  if class_of(field(list, 1)) ~= "process" then return nil end
  if name == "join" or name == "wait" then return string.format("%s is a list of processes: sandbox.join_all(%s) waits for all", owner, owner) end
  for _, method in ipairs(methods_of(list[1])) do
    if method == name then return string.format("%s is a list of processes: for _, p in ipairs(%s) do p:%s() end", owner, owner, name) end
  end
end

local function about_method(name, line, scope)
  local owner = string.match(line, "([%a_][%w_%.]*)%s*:%s*" .. name .. "%f[^%w_]")
  local value = owner and value_of(owner, scope)
  local made = value == nil and class_made(name, line)
  local about = made and about_made(name, made)
  if about then return about end
  if value == nil then
    local list = {} -- whose method it should be is not known: any of the library's
    for key, class in next, debug.getregistry() do
      if type(key) == "string" and string.find(key, "^sandbox%.") then
        for _, method in ipairs(methods_behind(class)) do list[#list + 1] = method end
      end
    end
    return meant(name, names_in(globals().string, list))
  end
  local class = class_of(value) or type(value)
  local elsewhere = METHODS[class] and METHODS[class][name]
  local separator = class == "string" and name == "split" and string.match(line, ":%s*split%s*%(%s*[\"']([^%w\"'\\])[\"']")
  if separator then
    local escaped = string.find(separator, "[%^%]%-%%]") and "%" .. separator or separator
    return string.format("for part in %s:gmatch(\"%s+\") do", owner, separator == " " and "%S" or "[^" .. escaped .. "]")
  end
  local crowd = class == "table" and about_crowd(name, owner, value)
  if crowd then return crowd end
  if elsewhere and (class ~= "table" or is_list(value)) then return string.format("here it is " .. elsewhere, owner, owner) end
  if class == "dict" then
    return string.format("a dict is used like a table: %s[key], %s[key] = v, pairs(%s), %s:update(key, f)", owner, owner, owner, owner)
  end
  if class == "table" and not debug.getmetatable(value) and field(globals().table, name) then
    return string.format("table.%s(%s, ...): a table has no methods of its own", name, owner)
  end
  local near = suggest(name, methods_of(value))
  if near then return string.format("%s has no method '%s'; did you mean '%s'?", a(class), name, near) end
  return field(value, name) == nil and (class == "process" or type(field(sandbox, class)) == "function") and string.format("%s has no method '%s'; its methods: help('%s')",
    a(class), name, class) or nil
end

local function about_field(name, line, scope, text)
  local owner, value
  for path in string.gmatch(line, "([%a_][%w_%.]*)%s*%.%s*" .. name .. "%f[^%w_]") do
    local found = value_of(path, scope)
    if found ~= nil and field(found, name) == nil then owner, value = path, found end
  end
  if value ~= nil and string.find(name, "^len") then
    local what = (value == globals().string or value == globals().table) and "x" or owner
    return string.format("#%s is the length of %s", what, what)
  end
  if class_of(value) == "dict" and string.find(text, "arithmetic", 1, true) then
    return string.format("%s.%s is nil: give it a first value; then %s:add(%q, n) adds in one step", owner, name, owner, name)
  end
  if class_of(value) == "monitor" then
    return string.format("the fields of a monitor are seen inside of it: %s:when(test, action) calls both with them", owner)
  end
  if owner and FIELDS[owner .. "." .. name] then return "here it is " .. FIELDS[owner .. "." .. name] end
  if name == "value" and class_of(value) == "value" then
    return string.format("%s:get() reads a shared value, %s:set(v) writes it", owner, owner)
  end
  if is_list(value) and string.find(line, "%." .. name .. "%s*%(") then
    local crowd = about_crowd(name, owner, value)
    if crowd then return crowd end
    local elsewhere = METHODS.table[name]
    if elsewhere then return "here it is " .. string.format(elsewhere, owner, owner) end
    if field(globals().table, name) then return string.format("table.%s(%s, ...): a table has no methods of its own", name, owner) end
  end
  if type(value) == "table" then
    local near = suggest(name, names_in(value))
    return near and string.format("did you mean '%s.%s'?", owner, near) or nil
  end
  if class_of(value) then
    local near = suggest(name, methods_of(value))
    return near and string.format("did you mean '%s:%s(...)'?", owner, near) or nil
  end
end

-- What to write when a handle was used as if it were a plain value.
local function about_value(class, name, how)
  name = name or "it"
  if class == "value" then
    if how == "perform arithmetic on" then
      return string.format("%s is a shared value: %s:add(n) adds in one step, %s:get() reads", name, name, name)
    end
    if how == "index" then return string.format("%s is a shared value: %s:set(v) writes it, %s:get() reads it", name, name, name) end
    return string.format("%s is a shared value: %s:get() reads it", name, name)
  end
  if how == "index" and class == "process" then
    return "a process has its name and options from the start: spawn({ name = \"x\" }, f)"
  end
  if how == "index" and class == "queue" then
    return string.format("%s:put(v) adds an item; a limit is set when the queue is made: queue { max = n }", name)
  end
  if how == "concatenate" and class ~= "process" and class ~= "future" then return string.format("tostring(%s) makes a text of it", name) end
  if class == "queue" and how == "call" then return string.format("`for item in %s:items() do` reads a queue to its end", name) end
  if class == "dict" and how == "call" then return string.format("`for key, value in pairs(%s) do`", name) end
end

-- Globals in a process that was spawned from another host (src/host/far.h).
local function is_far() return debug.getregistry()["sandbox.far"] == true end

local function about_far_global(name)
  return is_far() and string.format("a process on another host has the globals that its function names, as they were when it was spawned: "
    .. "%s was nil then", name) or nil
end

local function about_far_index(line)
  return is_far() and string.find(line, "_G%s*%[") and "a process on another host has only the globals that its function, and those that "
    .. "this one calls, name: one whose name is computed is nil" or nil
end

-- -- messages -----------------------------------------------------------------------------------------------------------

-- The expression that a loop runs over: `for x in EXPRESSION do`.
local function looped(line) return string.match(line, "%f[%w_]for%s.-%sin%s+([%a_][%w_%.]*)%s+do%f[^%w_]") end

local rules = {} -- each gets the message's text, the source line, the variables, and the line before; it returns a hint or nil

rules[#rules + 1] = function(text, line, scope)
  local kind, name = string.match(text, "a nil value %((%a+) '([^'\n]+)'%)")
  if not kind then return nil end
  for word in string.gmatch(line, "[%a_][%w_]*") do
    if CONSTANTS[word] and value_of(word, scope) == nil and word == name then return string.format("Lua's word for %s is %s", word, CONSTANTS[word]) end
  end
  if kind == "global" then return about_global(name) or about_far_global(name) end
  if kind == "field" and name == "?" then return about_far_index(line) end
  if kind == "method" then return about_method(name, line, scope) end
  if kind == "field" then return about_field(name, line, scope, text) end
end

rules[#rules + 1] = function(text, line, scope)
  local how, class, name = string.match(text, "attempt to (.-) a sandbox%.([%w_]+) value %(%a+ '([%a_][%w_]*)'%)")
  if how then return about_value(class, name, how) end
  how, class = string.match(text, "attempt to (.-) a sandbox%.([%w_]+) value")
  if how then return about_value(class, how == "call" and looped(line) or nil, how) end
  class = string.match(text, "attempt to compare .-sandbox%.([%w_]+)")
  if class == "value" then
    local left, right = string.match(line, "([%a_][%w_%.]*)%s*[<>]=?%s*([%a_][%w_%.]*)")
    local name = string.match(line, "([%a_][%w_%.]*)%s*[<>]=?%s*%d") or string.match(line, "%d%s*[<>]=?%s*([%a_][%w_%.]*)")
    if not name and left and right then name = class_of(value_of(left, scope)) == "value" and left or right end
    return about_value(class, name, "compare")
  end
end

rules[#rules + 1] = function(text, line, scope) -- loops over what is no iterator
  local class = string.match(text, "'for iterator' %(table expected, got sandbox%.([%w_]+)%)")
  local name = string.match(line, "pairs%s*%(%s*([%a_][%w_%.]*)%s*%)")
  if class == "queue" then return about_value(class, name, "call") end
  if string.find(text, "attempt to call a table value", 1, true) then
    name = looped(line)
    return name and string.format("`for i, v in ipairs(%s) do` runs over a list, pairs(%s) over any table", name, name) or
      string.find(line, "%sin%s*{") and "`for i, v in ipairs { ... } do` runs over a list" or nil
  end
  if string.find(text, "attempt to call a number value (for iterator", 1, true) then
    name = looped(line)
    local counted = string.find(line, "%sin%s+%d+%s+do%f[^%w_]") or string.find(line, "%sin%s+%-?%d+%s*,") or name and type(value_of(name, scope)) == "number"
    return counted and "`for i = 1, n do` counts" or nil
  end
end

rules[#rules + 1] = function(text, line, scope) -- spawn(f) above the line where f is a local, spawn("f"), spawn { f }
  local got = string.match(text, "bad argument #1 to 'spawn' %(function or table of options expected, got (%a+)")
  local name = got and string.match(line, "%f[%w_]spawn%s*%(%s*([%a_][%w_%.]*)%s*[,)]")
  if got == "nil" and name and name ~= "nil" and value_of(name, scope) == nil and not CONSTANTS[name] then
    return string.format("%s is nil in this line: a function must be defined above it", name)
  end
  local quoted = got == "string" and string.match(line, "%f[%w_]spawn%s*%(?%s*[\"']([%a_][%w_%.]*)[\"']")
  if quoted then return string.format("spawn takes the function itself, without quotes: spawn(%s)", quoted) end
  if string.find(text, "to 'spawn' (unknown option '1'", 1, true) then
    return "the function stands behind the options: spawn({ name = \"x\" }, f)"
  end
end

rules[#rules + 1] = function(text, line, scope, before) -- an item that did not come: x = q:get()
  local name = string.match(text, "nil value %(local '([%a_][%w_]*)'%)")
  for _, code in ipairs { line, name and before or "" } do
    local owner, method = string.match(code, "%f[%w_]" .. (name or "%.") .. "%s*=%s*([%a_][%w_%.]*):([%a_]+)%(")
    if owner and (method == "get" or method == "try_get") and class_of(value_of(owner, scope)) == "queue" then
      return string.format("%s:%s() returns nil when the queue is closed, or the time is up: `for x in %s:items() do` ends then",
        owner, method, owner)
    end
  end
end

-- What is called with something else than it wants: a pattern for the message, and what to write, with what it captures.
local CALLS <const> = {
  { "to 'select' %(list of what to wait for expected, got sandbox", "the entries stand in a list: sandbox.select { a, b }" },
  { "to 'join_all' %(list of processes or tasks expected, got userdata", "the processes stand in a list: sandbox.join_all { p, q }" },
  { "bad argument #1 to '([%a_]*map)' %(function expected, got table", "the function stands first: pool:%s(f, list)" },
  { "bad argument #1 to 'process' %(table of options expected, got function",
    "spawn(f, ...) starts f; sandbox.process { target = f } makes a process that start() starts" },
  { "^wait: the calling process does not hold the lock", "hold it from the test to the wait: acquire() before, release() after" },
  { "^(notify[_%a]*): the calling process does not hold the lock", "hold it while you change what others wait for, and %s" },
  { "bad argument #2 to 'format' %(number has no integer representation", "%%d takes whole numbers: %%.0f rounds, %%g shows any" },
  { "attempt to add a 'string' with a 'string'", "texts are joined by .. in Lua" },
  { "attempt to concatenate a boolean value", "tostring(x) makes a text of true or false" },
  { "bad argument #%d+ to 'format' %([^\n]*no value", "the format has more %%-signs than there are values behind it" },
  { "^put on a closed queue", "close() says that nothing more comes: it stands after the last put" },
  { "to 'queue' %(number of items or table of options expected, got string", "a name is an option: queue { name = \"x\" }" },
  { "to 'queue' %(unknown option '(%a+)'", function(word)
    local limits = { size = 1, maxsize = 1, max_size = 1, capacity = 1, cap = 1, limit = 1, length = 1, maxlen = 1, bound = 1 }
    return limits[word] and "the most items that it holds are called max: queue { max = n }" or nil
  end },
  { "to 'process' %(unknown option '(%a+)'", function(word)
    local functions = { func = 1, fn = 1, f = 1, run = 1, main = 1, body = 1, callback = 1 }
    return functions[word] and "its function is called target: sandbox.process { target = f }" or nil
  end },
  { "attempt to add a 'string' with a 'number'", "texts are joined by .. in Lua" },
  { "attempt to add a 'number' with a 'string'", "texts are joined by .. in Lua" },
}

rules[#rules + 1] = function(text)
  for _, row in ipairs(CALLS) do
    local found, _, word = string.find(text, row[1])
    local told = found and (type(row[2]) == "function" and row[2](word) or row[2])
    if type(told) == "string" then return string.format(told, word) end
  end
end

rules[#rules + 1] = function(text, line, scope) -- methods of texts and pools with a dot; s[1]; a list joined to a text
  local name, class = string.match(text, "bad argument #1 to '([%a_]+)' %((%a+) expected, got")
  local owner = name and string.match(line, "([%a_][%w_]*)%s*%.%s*" .. name .. "%s*%(")
  local value = owner and value_of(owner, scope)
  if type(value) == "string" and class == "string" or class == "pool" and class_of(value) == "pool" then
    return string.format("methods are called with a colon: %s:%s(...)", owner, name)
  end
  if string.find(text, "attempt to index a nil value (field '", 1, true) then
    for path in string.gmatch(line, "([%a_][%w_%.]*)%s*%[") do
      if type(value_of(path, scope)) == "string" then
        return string.format("%s:sub(i, i) is character i of %s", path, path)
      end
    end
  end
  local list = string.match(text, "attempt to concatenate a table value %(%a+ '([%a_][%w_]*)'%)")
  if list then return string.format("table.concat(%s, \", \") makes a text of a list", list) end
end

rules[#rules + 1] = function(text, line) -- spawn(f()) in place of spawn(f)
  if not string.find(text, "to 'spawn' (function", 1, true) and not string.find(text, "to 'submit' (function", 1, true) then return nil end
  local call, name, arguments = string.match(line, "%f[%w_]([spawnubmit]+)%s*%(%s*([%a_][%w_%.]*)%s*%((.-)%)")
  if not call then return nil end
  local more = string.find(arguments, "%S") and ", " .. arguments or ""
  return string.format("%s calls the function itself: %s(%s%s)", call, call, name, more)
end

rules[#rules + 1] = function(text, line, scope) -- queue.put(v), sandbox.lock.acquire(), spawn:join(), sandbox.self.name
  local kind, name = string.match(text, "attempt to index a function value %((%a+) '([%a_][%w_]*)'%)")
  local ours = kind == "field" and "sandbox." .. name or name
  if not name or field(sandbox, name) == nil or kind == "field" and not string.find(line, ours, 1, true) then return nil end
  if kind ~= "field" and value_of(name, scope) ~= field(sandbox, name) then return nil end
  if name == "spawn" or name == "join" then return "spawn(f, ...) returns a process, and that has methods: p:join()" end
  if METHODS[name] or name == "dict" then
    return string.format("%s is a function, which makes one: local x = %s()", name, name == "queue" and name or "sandbox." .. name)
  end
  return string.format("%s is a function: %s()", ours, ours)
end

rules[#rules + 1] = function(_, line, scope) -- a word for nil as an argument
  for word in string.gmatch(line, "[%a_][%w_]*") do
    if CONSTANTS[word] == "nil" and value_of(word, scope) == nil and string.find(line, "[(,]%s*" .. word .. "%s*[,)]") then
      return string.format("Lua's word for %s is nil", word)
    end
  end
end

rules[#rules + 1] = function(text) -- a module beside the script
  local name = string.match(text, "module '([%w_%.%-]+)' not found:")
  local script = name and field(field(globals(), "arg"), 0)
  local folder = type(script) == "string" and string.match(script, "^(.*/)")
  if not folder then return nil end
  for _, pattern in ipairs { "%s%s.lua", "%s%s/init.lua" } do
    local path = string.format(pattern, folder, (string.gsub(name, "%.", "/")))
    local file <close> = io.open(path)
    if file then
      return string.format("it is beside the script, as %s, but modules are looked for from where sandbox was started: " ..
        "package.path = %q .. package.path", path, folder .. "?.lua;")
    end
  end
end

for _, rule in ipairs(use "hint_values") do rules[#rules + 1] = rule end

-- -- the source ---------------------------------------------------------------------------------------------------------

-- Lines `number - 1` and `number` of a file; "" for what is not there.
local function lines_of(path, number)
  local file <close> = io.open(path)
  local before, line = "", ""
  if file then
    local n = 0
    for text in file:lines() do
      n = n + 1
      if n == number - 1 then before = text end
      if n == number then line = text end
      if n >= number then break end
    end
  end
  return line, before
end

-- A hint for an error value, or nil. To be called by a message handler, while the function that failed is still on the stack.
-- `text_of(source, number)`, if it is given, returns a line of a chunk that is no file, and the line before it.
function hint.of(value, text_of)
  if type(value) ~= "string" or string.find(value, "stack overflow", 1, true) then return nil end
  value = string.match(value, "error loading module .-:\n%s*(.*)$") or value
  local source, number, text = string.match(value, "^(.-):(%d+): (.*)$")
  if not source then return nil end
  number = math.tointeger(number)
  local scope, chunk = names.of(source, number)
  local path = chunk and string.match(chunk, "^@(.*)$") or not chunk and source
  local line, before = "", ""
  if text_of then line, before = text_of(source, number) end
  if line == "" and path then line, before = lines_of(path, number) end
  local written = syntax(text, line, before)
  if written or not scope then return written end
  for _, rule in ipairs(rules) do
    local found = rule(text, line, scope, before)
    if found then return found end
  end
end

-- The same, protected: whatever goes wrong, there is no hint.
function hint.protected(...)
  local ok, text = pcall(hint.of, ...)
  return ok and text or nil
end

return hint
