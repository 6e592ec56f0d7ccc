-- bench/ratios.lua - what strict mode costs: the same work with and without it, side by side.
--
--   sandbox tests/bench/ratios.lua [ROUNDS]      of the program that runs this; 5 rounds unless said
--
-- Each round runs every row plain and strict, one after the other; the best of all rounds counts, since what disturbs a run makes it
-- slower. The first row is a whole program, start and end.
local program <const> = assert(io.open("/proc/self/cmdline")):read("a"):match("^[^\0]+")
local ROUNDS <const> = math.tointeger(arg[1] or 5)

-- name, times in one run, script; it prints the seconds that it took, but for the first.
local ROWS = {
  { "start", 30, "" },
  { "spawn and join", 1, [[for i = 1, 200 do spawn(function() end):join() end]] },
  { "put and get", 1, [[local q, r = queue(), queue()
      spawn({ daemon = true }, function() for v in q:items() do r:put(v) end end)
      for i = 1, 20000 do q:put(i) r:get() end]] },
  { "queue, 1 KB items", 1, [[local q, s = queue(64), ("x"):rep(1000)
      spawn(function() for i = 1, 100000 do q:put(s) end q:close() end)
      for _ in q:items() do end]] },
  { "plain Lua", 1, [[local t = {} for i = 1, 3e6 do t[i % 1000 + 1] = { i } end]] },
  { "strings", 1, [[local t = {} for i = 1, 3e5 do t[i % 100 + 1] = ("x"):rep(i % 100) .. i end]] },
}

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local function seconds_of(row, options)
  local script = row[3]
  if script ~= "" then
    script = "local at = sandbox.now() " .. script .. " io.stderr:write('took ', sandbox.now() - at, '\\n')"
  end
  local command = ("%s %s -e %s 2>&1"):format(quote(program), options, quote(script))
  local start = sandbox.now()
  local text
  for _ = 1, row[2] do
    local pipe <close> = assert(io.popen(command))
    text = pipe:read("a")
  end
  local took = text:match("took (%S+)")
  assert(took or script == "", text)
  return took and tonumber(took) or (sandbox.now() - start) / row[2]
end

local best = {}
for _ = 1, ROUNDS do
  for i, row in ipairs(ROWS) do
    best[i] = best[i] or { math.huge, math.huge }
    for kind, options in ipairs { "", "--strict --cpu 60 --time 60" } do
      best[i][kind] = math.min(best[i][kind], seconds_of(row, options))
    end
  end
end
print(("%-20s %10s %10s %7s"):format("", "plain, ms", "strict, ms", "ratio"))
for i, row in ipairs(ROWS) do
  print(("%-20s %10.2f %10.2f %7.2f"):format(row[1], best[i][1] * 1e3, best[i][2] * 1e3, best[i][2] / best[i][1]))
end
