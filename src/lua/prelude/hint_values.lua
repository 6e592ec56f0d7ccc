-- Hints about a value that is not what its line needs: a process where its result is meant, a nil in a comparison, a function
-- that was not called. For hint.lua, after its own rules.
--
-- Each rule gets the message's text, the source line, the variables of the function, and the line before; it returns a hint or nil.
local _, use = ...
local names = use "hint_scope"
local value_of, class_of, field = names.value_of, names.class_of, names.field

local rules = {}

local PATH <const> = "([%a_][%w_%.]*)"

-- The names that are compared, if a line has one comparison, and that is of a name with another or with a number: a list of one or
-- two; else an empty one.
local function compared(line)
  local _, signs = string.gsub(line, "[<>]", "")
  local before, left, right, after = string.match(line, "^(.-)([%a_][%w_]*)%s*[<>]=?%s*([%w_%.]+)(.*)$")
  if not before then before, left, right, after = string.match(line, "^(.-)([%w_%.]+)%s*[<>]=?%s*([%a_][%w_]*)(.*)$") end
  if signs ~= 1 or not before or string.find(after, "^%s*[%+%-%*/%%%^%.%[%(:{\"']") then return {} end
  local word = string.match(before, "([%a_][%w_]*)%s+$")
  local starts = string.find(before, "^%s*$") or string.find(before, "[%(,=]%s*$") or word == "if" or word == "while" or
    word == "until" or word == "return" or word == "and" or word == "or" or word == "elseif"
  local sides = {}
  for _, side in ipairs(starts and { left, right } or {}) do
    if string.find(side, "^[%a_][%w_]*$") and side ~= "nil" and side ~= "true" and side ~= "false" then sides[#sides + 1] = side end
  end
  return sides
end

rules[#rules + 1] = function(text, line, scope) -- a process or a task in place of its result
  local class, name = string.match(text, "attempt to [pc][eo][%a ]+ a sandbox%.(%a+) value %(%a+ '([%a_][%w_]*)'%)")
  if class == "process" or class == "future" then
    return string.format("%s is a %s: %s:result() waits for what its function returns", name, class == "future" and "task" or class, name)
  end
  if not string.find(text, "attempt to compare .*sandbox%.process") then return nil end
  for _, side in ipairs(compared(line)) do
    if class_of(value_of(side, scope)) == "process" then
      return string.format("%s is a process: %s:result() waits for what its function returns", side, side)
    end
  end
end

rules[#rules + 1] = function(text, line, scope) -- x < 10 with x nil, or a text
  local nothing = string.find(text, "attempt to compare nil with number", 1, true) or string.find(text, "attempt to compare number with nil", 1, true)
  local mixed = string.find(text, "attempt to compare string with number", 1, true) or string.find(text, "attempt to compare number with string", 1, true)
  if not nothing and not mixed then return nil end
  for _, side in ipairs(compared(line)) do
    local value = value_of(side, scope)
    if nothing and value == nil then return string.format("%s is nil in this line", side) end
    if mixed and type(value) == "string" and string.find(value, "^%s*%-?%d+%.?%d*%s*$") then return string.format("%s is a text: tonumber(%s) makes a number of it", side, side) end
  end
end

rules[#rules + 1] = function(text, line, scope) -- for i = 1, n do, with n nil, or meant as the length of a list
  local limit = string.find(text, "bad 'for' limit (number expected, got nil", 1, true) and string.match(line, "%f[%w_]for%s+[%a_][%w_]*%s*=[^,]+,%s*" .. PATH .. "%s*[,d]")
  if not limit then return nil end
  local value = value_of(limit, scope)
  local list, word = string.match(limit, "^(.+)%.(%a+)$")
  if list and value == nil and (word == "n" or word == "length" or word == "size" or word == "count" or word == "len")
    and type(value_of(list, scope)) == "table" then
    return string.format("#%s is the length of %s", list, list)
  end
  return value == nil and not string.find(limit, ".", 1, true) and string.format("%s is nil in this line", limit) or nil
end

rules[#rules + 1] = function(text, line, scope) -- for i, v in ipairs(a) do, or pairs(a), of an array
  local name = string.match(line, "pairs%s*%(%s*" .. PATH .. "%s*%)")
  local asked = string.find(text, "out of bounds: the array has elements", 1, true)
    or string.find(text, "(table expected, got sandbox.array)", 1, true)
  return name and asked and class_of(value_of(name, scope)) == "array"
    and string.format("`for i = 1, #%s do` runs over an array", name) or nil
end

rules[#rules + 1] = function(text, line, scope) -- count = count + 1, without a first value
  local name = string.match(text, "attempt to perform arithmetic on a nil value %(%a+ '([%a_][%w_]*)'%)")
  local counted = name and string.find(line, "%f[%w_%.]" .. name .. "%s*=%s*" .. name .. "%s*[%+%-%*/]")
  return counted and value_of(name, scope) == nil and string.format("%s has no value yet: give it a first one, %s = 0", name, name) or nil
end

-- What returns nil, and when.
local MAYBE_NIL <const> = {
  tonumber = "tonumber(s) returns nil where s is no number",
  ["io.open"] = "io.open returns nil when it cannot open the file: assert(io.open(...)) says why",
  ["io.read"] = "io.read returns nil at the end of the input, and io.read(\"n\") where there is no number",
}

rules[#rules + 1] = function(text, _, _, before) -- local n = tonumber(s), then n + 1
  local name = string.match(text, "a nil value %(%a+ '([%a_][%w_]*)'%)")
  local call = name and string.match(before, "%f[%w_%.]" .. name .. "%s*<?%a*>?%s*=%s*([%a_][%w_%.]*)%s*%(.*%)%s*$")
  return call and MAYBE_NIL[call] or nil
end

rules[#rules + 1] = function(text, line) -- io.open("x"):read("a")
  if not string.find(text, "^attempt to index a nil value%s*$") then return nil end
  return string.find(line, "%f[%w_]io%.open%s*%b()%s*:") and MAYBE_NIL["io.open"] or nil
end

rules[#rules + 1] = function(text, line, scope) -- list[0]
  if not string.find(text, "nil value %(field '") then return nil end
  for path, index in string.gmatch(line, PATH .. "%s*%[%s*([%w_]+)%s*%]") do
    local value = value_of(path, scope)
    if index == "0" and type(value) == "table" and field(value, 0) == nil and field(value, 1) ~= nil then
      return string.format("a list begins with 1: %s[1] is its first element", path)
    end
  end
end

rules[#rules + 1] = function(text, line, scope) -- sandbox.now + 1
  local name = string.match(text, "attempt to perform arithmetic on a function value %(%a+ '([%a_][%w_]*)'%)") or
    string.match(text, "attempt to concatenate a function value %(%a+ '([%a_][%w_]*)'%)")
  for path in string.gmatch(name and line or "", PATH) do
    if string.find(path, "%f[%w_]" .. name .. "$") and type(value_of(path, scope)) == "function" then
      return string.format("%s is a function: %s() calls it", path, path)
    end
  end
end

rules[#rules + 1] = function(text, line, scope) -- for x in q:get() do
  if not string.find(text, "^attempt to call a %a+ value") and not string.find(text, "for iterator", 1, true) then return nil end
  local queue = string.match(line, "%sin%s+" .. PATH .. ":get%s*%(")
  if queue and class_of(value_of(queue, scope)) == "queue" then
    return string.format("`for item in %s:items() do` reads a queue to its end", queue)
  end
end

rules[#rules + 1] = function(text, line, scope) -- local l <close> = sandbox.lock()
  local name = string.match(text, "variable '([%a_][%w_]*)' got a non%-closable value")
  if not name then return nil end
  local kind = string.match(line, "<close>%s*=%s*sandbox%.(%a+)%s*%(")
  local path = string.match(line, "<close>%s*=%s*" .. PATH .. "%s*$")
  local class = kind or path and class_of(value_of(path, scope))
  local holds = class == "lock" or class == "rlock" or class == "semaphore"
  if not holds and class ~= "rwlock" then return nil end
  return string.format("`local _ <close> = %s:%s()` holds it to the end of the block", path or name, holds and "hold" or "write")
end

rules[#rules + 1] = function(text, line, scope, before) -- p = spawn(f) p:start(); join(list)
  local started = string.find(text, "^start: the process was started before") and string.match(line, "%f[%w_]" .. PATH .. ":start%s*%(")
  if started then
    local made = "%f[%w_]" .. string.gsub(started, "%.", "%%.") .. "%s*=%s*spawn%f[^%w_]"
    return (string.find(line, made) or string.find(before, made)) and "spawn(f, ...) starts the process at once" or nil
  end
  local name = string.find(text, "to 'join' (process expected, got table", 1, true) and string.match(line, "%f[%w_]join%s*%(%s*" .. PATH)
  if name and class_of(field(value_of(name, scope), 1)) == "process" then
    return string.format("%s is a list of processes: sandbox.join_all(%s) waits for all", name, name)
  end
end

rules[#rules + 1] = function(text, line, scope) -- v:add(1) where v has no number
  local name = string.find(text, "^add: the value is not a number") and string.match(line, PATH .. ":add%s*%(")
  return name and class_of(value_of(name, scope)) == "value" and "add needs a number to add to: sandbox.value(0) begins with one" or nil
end

rules[#rules + 1] = function(text, line) -- "ab" * 3; f"x"; ("x").upper()
  if string.find(text, "attempt to mul a 'string' with a 'number'", 1, true) and string.find(line, "[\"']%s*%*") then
    return "string.rep(s, n) repeats a text"
  end
  if string.find(text, "attempt to call a nil value (global 'f')", 1, true) and string.find(line, "%f[%w_]f[\"'][^\"']*{") then
    return "Lua has no f-strings: string.format(\"%s\", x), or texts joined by .."
  end
  local name = string.match(text, "bad argument #1 to '(%a+)' %(string expected, got no value")
  return name and string.find(line, "[\"']%s*%)%s*%." .. name .. "%s*%(") and string.format("methods are called with a colon: (\"x\"):%s()", name) or nil
end

return rules
