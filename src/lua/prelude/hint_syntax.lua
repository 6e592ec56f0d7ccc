-- Hints for source that does not compile: words and signs of other languages, and what word processors make of quotes.
--
-- The module is one function of the message, the source line that it names, and the line before that. Each rule has a
-- pattern for the line, without its strings and comments, and perhaps one for the message.

-- What copying from slides brings in: the bytes, what it is, and what Lua takes.
local CHARACTERS <const> = {
  { "\u{201C}", "a typographic quote", "\"" }, { "\u{201D}", "a typographic quote", "\"" }, { "\u{201E}", "a typographic quote", "\"" },
  { "\u{2018}", "a typographic quote", "'" }, { "\u{2019}", "a typographic quote", "'" }, { "\u{201A}", "a typographic quote", "'" },
  { "\u{00AB}", "a typographic quote", "\"" }, { "\u{00BB}", "a typographic quote", "\"" },
  { "\u{2013}", "a dash", "-" }, { "\u{2014}", "a dash", "-" }, { "\u{2212}", "a minus sign of print", "-" },
  { "\u{2026}", "an ellipsis", "..." }, { "\u{00D7}", "a multiplication sign", "*" }, { "\u{2260}", "a sign", "~=" },
  { "\u{2264}", "a sign", "<=" }, { "\u{2265}", "a sign", ">=" },
}
local BLANKS <const> = { ["\u{00A0}"] = "no-break space", ["\u{202F}"] = "narrow no-break space", ["\u{200B}"] = "zero-width space",
  ["\u{FEFF}"] = "byte order mark", ["\u{3000}"] = "wide space" }

local function character(text, line)
  if not string.find(text, "near '<\\%d+>'") then return nil end
  for blank, name in next, BLANKS do
    local at = string.find(line, blank, 1, true)
    if at then return string.format("byte %d of the line is a %s, which cannot be seen: put a plain one", at, name) end
  end
  for _, row in ipairs(CHARACTERS) do
    if string.find(line, row[1], 1, true) then return string.format("%s is %s: Lua takes %s", row[1], row[2], row[3]) end
  end
end

-- 'it's': the second quote ends the text.
local function apostrophe(text, line)
  if not string.find(text, "^unfinished string near") then return nil end
  local _, single = string.gsub(line, "'", "")
  return single == 3 and not string.find(line, "\"", 1, true) and string.find(line, "'[^']*%a'%a[^']*'")
    and "an apostrophe ends a text that began with one: \"it's\"" or nil
end

-- A line without what is in its strings, and without its comment.
local function code_of(line)
  local code = string.gsub(line, "\\.", "")
  code = string.gsub(code, "\"[^\"]*\"", "\"\"")
  code = string.gsub(code, "'[^']*'", "''")
  return (string.gsub(code, "%-%-.*$", ""))
end

-- What stands before a parenthesis, and is no function.
local KEYWORDS <const> = { ["if"] = true, ["elseif"] = true, ["while"] = true, ["until"] = true, ["and"] = true, ["or"] = true,
  ["not"] = true, ["return"] = true, ["function"] = true, ["local"] = true, ["in"] = true }

-- { pattern for the code, hint; or a function of the captures, message = pattern for the message }. The first that fits counts.
local RULES <const> = {
  { "^%s*for%s*%(", "`for i = 1, n do ... end`", message = "near '%('" },
  { "%f[%w_]for%s+([%a_][%w_]*)%s*=%s*(.-)%s+to%s+(.-)%s+do%f[^%w_]", function(name, from, to)
    return string.format("`for %s = %s, %s do`", name, from, to)
  end, message = "near 'to'" },
  { "%sin%s+([%a_][%w_%.]*:[%a_][%w_]*)%s+do%f[^%w_]", function(call)
    return string.format("a call has parentheses: %s()", call)
  end, message = "arguments expected near 'do'" },
  { "^%s*local%s+[%a_][%w_]*%s*==", "= assigns; == compares", message = "near '=='" },
  { "^%s*[%a_][%w_%.]*%s*==", "= assigns; == compares", message = "syntax error near '=='" },
  { ":([%a_][%w_]*)%s*$", function(method) return string.format("a call has parentheses: :%s()", method) end,
    message = "function arguments expected near" },
  { ",%s*end%f[^%w_]", "no comma stands before `end`", message = "unexpected symbol near 'end'" },
  { "^%s*print%s*[\"'][\"']%s*,", "a call with more than one argument has parentheses: print(a, b)", message = "near ','" },
  { "[%w_%)%]]%s*<>%s*[%w_\"'%(]", "\"not equal\" is ~= in Lua" },
  { "%f[%w_]if%f[^%w_].-=!%s*[%w_\"'%(]", "\"not equal\" is ~= in Lua" },
  { "!==", "\"not equal\" is ~= in Lua" },
  { "===", "\"equal\" is == in Lua" },
  { "%f[%w_]end%s*$", "there is one `end` more than blocks", message = "<eof> expected near 'end'" },
  { "%f[%w_]return%f[^%w_](.*)$", function(rest)
    return not string.find(rest, "%f[%w_]end%f[^%w_]") and "`return` is the last statement of its block" or nil
  end, message = "<eof> expected near '[%a_]" },
  { ",%s*%)", "no comma stands before the closing parenthesis", message = "unexpected symbol near '%)'" },
  { "([%a_][%w_%.%[%]]*)%s*([%+%-%*/%%%^]=)", function(name, sign)
    return string.format("Lua has no '%s': %s = %s %s ...", sign, name, name, string.sub(sign, 1, 1))
  end },
  { "([%a_][%w_%.%[%]]*)%s*(%.%.=)", function(name) return string.format("Lua has no '..=': %s = %s .. ...", name, name) end },
  { "([%a_][%w_%.%[%]]*)%+%+", function(name) return string.format("Lua has no '++': %s = %s + 1", name, name) end },
  { "%+%+([%a_][%w_%.%[%]]*)", function(name) return string.format("Lua has no '++': %s = %s + 1", name, name) end },
  { "!=", "\"not equal\" is ~= in Lua" },
  { "&&", "Lua's word for && is `and`" },
  { "||", "Lua's word for || is `or`" },
  { "([%a_][%w_]*)%s+!%s+[%w_{\"']", function(name)
    return name ~= "if" and name ~= "while" and string.format("%s:send(v) sends a message", name) or nil
  end },
  { "!%s*%(?%s*[%a_]", "Lua's word for ! is `not`" },
  { "^%s*import%s+multiprocessing", "nothing is imported: spawn, queue and sandbox are there" },
  { "^%s*import%s+threading", "nothing is imported: spawn, queue and sandbox are there" },
  { "^%s*from%s+multiprocessing[%w_%.]*%s+import", "nothing is imported: spawn, queue and sandbox are there" },
  { "^%s*from%s+[%w_%.]+%s+import%f[^%w_]", "`local m = require \"m\"` loads a module; sandbox is there without" },
  { "^%s*import%s+([%a_][%w_]*)", function(name)
    return string.format("`local %s = require \"%s\"` loads a module; sandbox is there without", name, name)
  end },
  { "^%s*#", "comments begin with --" },
  { "^%s*//", "comments begin with --" },
  { "^%s*/%*", "a long comment is --[[ ... ]]" },
  { "^%s*def%s+([%a_][%w_%.]*)%s*(%b())", function(name, arguments) return string.format("`function %s%s ... end`", name, arguments) end },
  { "^%s*func?%s+([%a_][%w_%.]*)%s*(%b())", function(name, arguments) return string.format("`function %s%s ... end`", name, arguments) end },
  { "%f[%w_]go%s+func", "`spawn(function() ... end)` starts a process" },
  { "%f[%w_]go%s+([%a_][%w_%.]*)%s*%(", function(name)
    return string.format("spawn(%s, ...) starts a process", name == "spawn" and "f" or name)
  end },
  { "%f[%w_]is%s+not%s+None%f[^%w_]", "`~= nil` in place of `is not None`" },
  { "%f[%w_]is%s+None%f[^%w_]", "`== nil` in place of `is None`" },
  { "%*%*", "x ^ y is the power" },
  { "function%s*[%w_%.:]*%s*%([^%)]-([%a_][%w_]*)%s*=", function(name)
    return string.format("Lua has no default arguments: in the function, %s = %s or ...", name, name)
  end, message = "near '='" },
  { "function%s*[%w_%.:]*%s*%([^%)]-[%w_]%s*(:%s*[%a_][%w_%.]*)", function(annotation)
    return string.format("Lua has no types: leave `%s` out", annotation)
  end, message = "near ':'" },
  { "^%s*local%s+[%a_][%w_]*%s*(:%s*[%a_][%w_%.]*)", function(annotation)
    return string.format("Lua has no types: leave `%s` out", annotation)
  end, message = "near ':'" },
  { "function%s*[%w_%.:]*%s*%b()%s*(%->%s*[%a_][%w_]*)", function(annotation)
    return string.format("Lua has no types: leave `%s` out", annotation)
  end, message = "near '%-'" },
  { "[{,]%s*[%a_][%w_]*%s*:", "a field is written name = value, or [\"the name\"] = value", message = "<name> expected near" },
  { ":", "a field is written name = value, or [\"the name\"] = value", message = "'}' expected near ':'" },
  { "\"\"%s*:%s*[%a_]", "a text that is written out needs parentheses: (\"x\"):upper()", message = "expected near ':'" },
  { "''%s*:%s*[%a_]", "a text that is written out needs parentheses: (\"x\"):upper()", message = "expected near ':'" },
  { "[%(=,]%s*%([%w_%s,]*%)%s*%->", "`function(x) return ... end`" },
  { "[%w_%]%)]%->%s*[%a_]", "a field is x.name, a method x:name()", message = "near '[%->]+'" },
  { "[%(,=]%s*function%s+[%a_][%w_]*%s*%(", "a function within an expression has no name: function() ... end", message = "'%(' expected near" },
  { "^%s*throw%s", "error(message) raises an error" },
  { "^%s*raise%s", "error(message) raises an error" },
  { "%f[%w_]yield%s+[%w\"'{]", "coroutine.yield(x) hands x out of a coroutine" },
  { "^%s*class%s+[%a_]", "Lua has no classes: a table of functions serves, with setmetatable" },
  { "%f[%w_]continue%f[^%w_]", "Lua has no `continue`: `goto next`, with a line `::next::` before the loop's `end`" },
  { "^%s*elif%f[^%w_]", "Lua's word for elif is `elseif`" },
  { "^%s*else%s+if%f[^%w_]", "`elseif` is one word; `else if` needs an `end` of its own", message = "<eof>" },
  { "^%s*try%f[^%w_]", "pcall(f) calls f, and catches its error" },
  { "^%s*}?%s*catch%f[^%w_]", "pcall(f) calls f, and catches its error" },
  { "^%s*except%f[^%w_]", "pcall(f) calls f, and catches its error" },
  { "^%s*with%s+sandbox%.[%a_]+%s*%(", "`local _ <close> = lock:hold()` holds a lock until the block ends" },
  { "^%s*with%s+([%a_][%w_%.]*)", function(name) return string.format("`local _ <close> = %s:hold()` holds a lock until the block ends", name) end },
  { "^%s*pass%s*$", "an empty block needs no word: leave `pass` out" },
  { "^%s*del%s+([%a_][%w_%.]*)", function(name) return string.format("%s = nil", name) end },
  { "%f[%w_]lambda%f[^%w_]", "`function(x) return ... end`" },
  { "=>", "`function(x) return ... end`" },
  { "%f[%w_]async%f[^%w_]", "spawn(f, ...) starts a process; p:result() waits for what f returns" },
  { "%f[%w_]await%s", "p:result() waits for what a process returns" },
  { "^%s*switch%f[^%w_]", "Lua has no `switch`: if ... then ... elseif ... end" },
  { "^%s*(%a+)%s+[%a_][%w_]*%s*=[^=]", function(word)
    local typed = { var = true, let = true, const = true, int = true, float = true, double = true, string = true, auto = true, char = true }
    return typed[word] and "`local x = ...` declares a variable" or nil
  end },
  { ":=", "`local x = ...` declares a variable" },
  { "<%-", "q:put(v) sends, q:get() receives", message = "near '[<=]'" },
  { "%f[%w_]if%s+[^=~<>]*[^=~<>]=[^=]", "== compares; = assigns", message = "near '='" },
  { "%f[%w_]while%s+[^=~<>]*[^=~<>]=[^=]", "== compares; = assigns", message = "near '='" },
  { "^%s*if%s.*:%s*$", "`if ... then` and `end` stand where Python has a colon and a margin" },
  { "^%s*while%s.*:%s*$", "`while ... do` and `end` stand where Python has a colon and a margin" },
  { "^%s*for%s.*:%s*$", "`for ... do` and `end` stand where Python has a colon and a margin" },
  { "^%s*else%s*:%s*$", "`else` has no colon, and the block ends with `end`" },
  { "%f[%w_](spawn%s*)%([^%)]-[%a_][%w_]*%s*=[^=]", "spawn(f, ...) takes the function, then its arguments, without names",
    message = "'%)' expected near '='" },
  { "%f[%w_](Process%s*)%([^%)]-[%a_][%w_]*%s*=[^=]", "spawn(f, ...) starts a process: the function, then its arguments, without names",
    message = "'%)' expected near '='" },
  { "([%a_][%w_%.:]*)%([^%)=]-[%a_][%w_]*%s*=[^=]", function(name)
    return not KEYWORDS[name] and string.format("Lua has no named arguments: a table can have names, %s { x = 1 }", name) or nil
  end, message = "'%)' expected near '='" },
  { "function%s*%b()(.*)", function(rest)
    return string.find(rest, "^%s*[^%s%)]") and not string.find(rest, "%f[%w_]end%f[^%w_]") and "a function ends with `end`: function() ... end" or nil
  end, message = "near '%)'" },
  { "%)%s*{%s*$", "`then` or `do`, and `end`, stand where other languages have braces", message = "expected near" },
  { "function%s*([%a_]?[%w_%.:]*)%s*(%b())%s*{", function(name, arguments)
    return string.format("`function%s%s ... end`, without braces", name ~= "" and " " .. name or "", arguments)
  end, message = "near '{'" },
  { "%f[%w_]if%s.*{", "`then` and `end` stand where other languages have braces", message = "near '{'" },
  { "^%s*while%s+.*{", "`do` and `end` stand where other languages have braces", message = "near '{'" },
  { "^%s*}?%s*else%s*{", "`else` and `end` stand where other languages have braces" },
  { "^%s*}", "a block ends with `end`", message = "near '}'" },
  { "[=%(,{]%s*%[", "a list is { 1, 2, 3 }", message = "near '%['" },
  { "^%s*print%s+[%a_]", "a call has parentheses: print(x)" },
  { "%?.*:", "`c and x or y` chooses", message = "near '%?'" },
  { "\"\"\"", "a long text is [[ ... ]]" },
}

local function rule_for(text, code)
  for _, rule in ipairs(RULES) do
    if not rule.message or string.find(text, rule.message) then
      local captures = table.pack(string.find(code, rule[1]))
      local found = captures[1] and (type(rule[2]) == "string" and rule[2] or rule[2](table.unpack(captures, 3, captures.n)))
      if found then return found end
    end
  end
end

-- What the compiler says, after the place.
local SAYS <const> = { "^syntax error near", "^unexpected symbol near", "^unfinished string", " expected near ", " expected %(to close" }

-- The byte that begins a file in UTF-16.
local function encoding(text)
  local byte = string.match(text, " near '<\\(%d+)>'$")
  return (byte == "255" or byte == "254") and "this looks like UTF-16, which some editors call Unicode: save the script as UTF-8" or nil
end

return function(text, line, before)
  local compiling = false
  for _, pattern in ipairs(SAYS) do compiling = compiling or string.find(text, pattern) ~= nil end
  if not compiling or line == "" and before == "" then return nil end
  local found = encoding(text) or character(text, line) or apostrophe(text, line) or rule_for(text, code_of(line))
  if found then return found end
  local above = code_of(before) -- a word by itself, or a brace, is only found to be wrong by what follows it
  return (string.find(above, "^%s*%a+%s*$") or string.find(text, "^function arguments expected") or string.find(above, "[{:]%s*$")) and rule_for(text, above) or nil
end
