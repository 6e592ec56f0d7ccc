-- bench/strict.lua - what each function that strict mode has in place of Lua's own costs, beside Lua's own; and some
-- that it leaves as they are.
--
--   sandbox tests/bench/strict.lua [PAIRS [PATTERN]]   of the program that runs this; 15 pairs of runs in turns
--
-- Each run takes the fastest of 7 rounds of each row. The median of the ratios of all pairs counts. To be run with
-- real-time priority on one processor: chrt -f 10 taskset -c 1 ...
local program <const> = assert(io.open("/proc/self/cmdline")):read("a"):match("^[^\0]+")
local PAIRS <const>, PATTERN <const> = math.tointeger(arg[1] or 15), arg[2] or ""
local CALLS <const> = 40000

-- name, what it needs, one call. A row without a name is that of string.format with this format, and its arguments.
local TOLD <const> = "local t = setmetatable({}, { __tostring = function() return 'x' end })"
local ROWS <const> = {
  { nil, "%s", "'abc'" }, { nil, "%s=%s", "'k', i" }, { nil, "%s %d", "'n', i" }, { nil, "%d", "i" },
  { nil, "%5d", "i" }, { nil, "%x", "i" }, { nil, "%c", "65" }, { nil, "%5.2f", "i" }, { nil, "%g", "i + 0.5" },
  { nil, "%a", "0.5" }, { nil, "%5s stop", "'abc'" }, { nil, "%s: %.1f", "'abc', 2.5" },
  { nil, "%-10s price %5.2f", "'abc', 2.5" }, { nil, "%q", "'abc'" },
  { nil, "%s: %d of %5.2f %q", "'abc', 3, 2.5, 'x'" }, { nil, "%s", "true" }, { nil, "%s", "{}" },
  { nil, "%p", "{}" }, { nil, "hello", "" }, { "tostring, integer", "", "tostring(i)" },
  { "tostring, string", "", "tostring 'abc'" }, { "tostring, table", "local t = {}", "tostring(t)" },
  { "tostring, __tostring", TOLD, "tostring(t)" }, { "print", "", "print('abc', i)" },
  { "io.write", "", "io.write('abc', i, '\\n')" }, { "collectgarbage 'count'", "", "collectgarbage 'count'" },
  { "load", "", "load 'return 1'" }, { "setmetatable", "local m = {}", "setmetatable({}, m)" },
  { "getmetatable", "local t = setmetatable({}, {})", "getmetatable(t)" },
  { "getmetatable, string", "", "getmetatable ''" }, { "math.randomseed", "", "math.randomseed(42)" },
  { "os.setlocale", "", "os.setlocale()" }, { "require", "", "require 'string'" },
  { "pcall", "local function f() end", "pcall(f)" }, { "pcall of an error", "", "pcall(error, 'x')" },
  { "xpcall", "local function f() end", "xpcall(f, f)" },
  { "coroutine", "local f = coroutine.wrap(function() while true do coroutine.yield() end end)", "f()" },
  { "next", "local t = { 1 }", "next(t)" }, { "pairs", "local t = { 1, 2, 3 }", "for _ in pairs(t) do end" },
  { "string.rep", "", "('ab'):rep(10)" }, { "string.gsub", "", "('hello world'):gsub('o', '0')" },
  { "string.find", "", "('hello world'):find 'w%a+'" }, { "string.match", "", "('hello world'):match '(%a+) (%a+)'" },
  { "table.concat", "local t = { 'a', 'b', 'c' }", "table.concat(t, ',')" },
  { "table.sort", "", "table.sort { 3, 1, 2 }" },
}

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local script, names = {}, {}
for _, row in ipairs(ROWS) do
  local name, needs, call = row[1], row[2], row[3]
  if not name then
    name, needs = ("%q, %s"):format(needs, call), ("local f, format = string.format, %q"):format(needs)
    call = "f(format" .. (call ~= "" and ", " or "") .. call .. ")"
  end
  if name:find(PATTERN, 1, true) then
    names[#names + 1] = name
    local statement = call:find "^for " and call or "local _ = " .. call
    script[#script + 1] = ([[do %s local best = 1e9
      for _ = 1, 7 do
        local at = sandbox.now()
        for i = 1, %d do %s end
        best = math.min(best, sandbox.now() - at)
      end
      io.stderr:write(best, "\n") end]]):format(needs, CALLS, statement)
  end
end
script = table.concat(script, "\n")

local function times(options)
  local command = ("%s %s -e %s 2>&1 >/dev/null"):format(quote(program), options, quote(script))
  local pipe <close> = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = assert(tonumber(line), line) end
  return list
end

local ratios, plain_best, strict_best = {}, {}, {}
for _ = 1, PAIRS do
  local plain, strict = times "", times "--strict --cpu 100 --time 100 --output-limit 1G"
  for i in ipairs(names) do
    ratios[i] = ratios[i] or {}
    table.insert(ratios[i], strict[i] / plain[i])
    plain_best[i] = math.min(plain_best[i] or math.huge, plain[i])
    strict_best[i] = math.min(strict_best[i] or math.huge, strict[i])
  end
end
print(("%-40s %10s %10s %6s"):format("", "plain, ns", "strict, ns", "ratio"))
for i, name in ipairs(names) do
  table.sort(ratios[i])
  print(("%-40s %10.0f %10.0f %6.2f"):format(name, plain_best[i] / CALLS * 1e9, strict_best[i] / CALLS * 1e9,
    ratios[i][(PAIRS + 1) // 2]))
end
