-- What is measured: dofile "rows.lua" gives the rows, and the rows of the scaling table.
--
-- A row is
--   key, title, unit
--   more        more is better (a rate); absent: less is better
--   n           how much work a contender does, unless it says otherwise; --quick divides it
--   turns       how often each contender takes its turn in a round; absent: once
--   who         contenders in their order: { name, work, arguments, n = }
--   goals       { text, numerator, denominator or nil, "<=" or ">=", limit }; a numerator may be a list of names: the best of them
--
-- The name of a contender says who does the work:
--   ours work.lua, c floor.c, python peer.py, node peer.js; lua and ours/plain the same plain.lua.
-- After a space there may be more, for contenders of the same kind.

-- Code that allocates is to be quicker than in lua5.4: its limit is 1.
local function plain(key, title, limit)
  return {
    key = "plain_" .. key, title = "plain Lua: " .. title, unit = "ms", n = 8, turns = 5,
    who = { { "ours", "plain", key }, { "lua", "plain", key } },
    goals = { { "ours / lua5.4", "ours", "lua", "<=", limit or 1.03 } },
  }
end

-- The same contenders for spawns of all numbers, items of all sizes ...
local function row(key, title, unit, more, n, who, goals)
  return { key = key, title = title, unit = unit, more = more, n = n, who = who, goals = goals or {} }
end

-- Strings that are larger than any cache, and than what a queue keeps for small items.
local function large_strings(text, bytes, n)
  return row("strings_" .. bytes, "strings of " .. text, "GB/s", true, n,
    { { "c", "copy", tostring(bytes) }, { "ours", "strings", tostring(bytes) } },
    { { "ours / memcpy through shared memory", "ours", "c", ">=", 0.7 } })
end

local rows = {
  row("spawn", "spawn + join of an empty function", "us", false, 800,
    { { "c", "spawn" }, { "ours", "spawn" }, { "python", "spawn", n = 60 } }, {
      { "ours / C fork + waitpid", "ours", "c", "<=", 1.5 },
      { "Python / ours", "python", "ours", ">=", 8 },
    }),
  row("spawn_finalizers", "the same, with 100,000 objects that have finalizers", "us", false, 100,
    { { "ours", "spawn_among", "finalizers" }, { "ours without them", "spawn_among", "none" } },
    { { "ours / ours with as many objects that have none", "ours", "ours without them", "<=", 1.3 } }),
  row("integers", "integers, 1 producer, 1 consumer", "M/s", true, 800000,
    { { "ours", "integers", "1 1" }, { "python", "integers", "1 1", n = 40000 }, { "node", "integers", n = 100000 } },
    { { "ours / Python", "ours", "python", ">=", 30 }, { "ours, in millions a second", "ours", nil, ">=", 10 } }),
  row("integers_pipe", "the same, transport \"pipe\"", "M/s", true, 400000,
    { { "c", "pipe", n = 200000 }, { "ours", "integers", "1 1 pipe" } },
    { { "ours / C pipe of 512-byte records", "ours", "c", ">=", 0.9 } }),
  row("integers_4_4", "integers, 4 producers, 4 consumers", "M/s", true, 400000,
    { { "ours", "integers", "4 4" }, { "python", "integers", "4 4", n = 20000 } },
    { { "ours / Python", "ours", "python", ">=", 30 } }),
  row("roundtrip", "round trip", "us", false, 60000,
    { { "ours", "roundtrip" }, { "python", "roundtrip", n = 5000 }, { "node", "roundtrip", n = 10000 } }, {
      { "ours, in microseconds", "ours", nil, "<=", 2.5 },
      { "Python / ours", "python", "ours", ">=", 12 },
    }),
  row("tables", "small tables (5 fields, 2 levels)", "M/s", true, 200000,
    { { "ours", "tables" }, { "python", "tables", n = 30000 } }, { { "ours / Python", "ours", "python", ">=", 10 } }),
  row("strings", "strings of 1 MiB", "GB/s", true, 1500,
    { { "c", "copy" }, { "ours", "strings", "1048576" }, { "python", "strings", "1048576", n = 100 } }, {
      { "ours / Python", "ours", "python", ">=", 10 },
      { "ours / memcpy through shared memory", "ours", "c", ">=", 0.7 },
    }),
  large_strings("8 MiB", 8 << 20, 300),
  large_strings("64 MiB", 64 << 20, 60),
  row("lock", "lock + unlock, uncontended", "us", false, 500000,
    { { "ours", "lock" }, { "python", "lock" } }, { { "ours / Python", "ours", "python", "<=", 1 } }),
  row("map", "pool map of x * x over 100,000 numbers, 2 workers, the median of 30", "ms", false, 100000, {
    { "ours", "map" }, { "python", "map" }, { "python chunk 5000", "map", "5000" },
    { "python chunk 12500", "map", "12500" }, { "python chunk 25000", "map", "25000" }, { "python chunk 50000", "map", "50000" },
  }, {
    { "Python at its defaults / ours", "python", "ours", ">=", 5 },
    { "Python at its best chunk size / ours", "python chunk *", "ours", ">=", 3 },
  }),
  row("busy", "tasks of 20 us by 2 workers: use of 2 CPUs", "%", true, 20000, { { "ours", "busy" } },
    { { "ours, in per cent", "ours", nil, ">=", 80 } }),
  row("start", "start-up and end, script ''", "ms", false, 60,
    { { "ours", "start", "-e ''" }, { "lua", "start", "-e ''" }, { "python", "start", "-c ''", n = 10 },
      { "python with multiprocessing", "start", "-c 'import multiprocessing'", n = 10 } },
    { { "ours / lua5.4", "ours", "lua", "<=", 3 } }),
  row("memory", "memory of an idle child, unshared", "MB", false, 1, { { "ours", "memory" }, { "python", "memory" } },
    { { "ours, in MB", "ours", nil, "<=", 0.4 } }),
  plain("fib", "fib"),
  plain("nbody", "n-body"),
  plain("strings", "string building"),
  plain("sort", "table sort"),
  plain("trees", "binary trees", 1),
  plain("rep", "string.rep and .."),
  plain("concat", "concatenation of short strings", 1),
  plain("closures", "closures", 1),
  plain("methods", "method calls"),
  plain("setmetatable", "setmetatable", 1),
  plain("setmetatable_gc", "setmetatable with __gc"),
  plain("pcall", "pcall"),
  plain("xpcall", "xpcall"),
  plain("error", "errors that are caught"),
  plain("switch", "coroutine switches"),
  plain("coroutines", "new coroutines", 1),
  plain("grow", "growing lists", 1),
  plain("hash", "tables with string keys", 1),
  plain("read", "reading 100 MB"),
  plain("write", "io.write of short lines into a file"),
}

local scaling = {}

for _, writers in ipairs { 1, 2, 4, 8 } do
  for _, readers in ipairs { 1, 2, 4, 8 } do
    local numbers = ("%d %d"):format(writers, readers)
    scaling[#scaling + 1] = row("integers_" .. numbers:gsub(" ", "_"),
      ("integers, %d producer%s, %d consumer%s"):format(writers, writers > 1 and "s" or "", readers, readers > 1 and "s" or ""),
      "M/s", true, 400000, { { "ours", "integers", numbers }, { "python", "integers", numbers, n = 16000 } })
  end
end

-- Items of all sizes: as many as make some hundred MB, and not too many.
for _, size in ipairs {
  { 8, "8 B" }, { 64, "64 B" }, { 512, "512 B" }, { 4096, "4 KiB" }, { 32768, "32 KiB" }, { 262144, "256 KiB" },
  { 1 << 20, "1 MiB" }, { 8 << 20, "8 MiB" }, { 64 << 20, "64 MiB" },
} do
  local bytes, title = size[1], size[2]
  scaling[#scaling + 1] = row("strings_" .. bytes, "strings of " .. title, "GB/s", true,
    math.max(12, math.min(400000, 600000000 // bytes)), {
      { "ours", "strings", tostring(bytes) },
      { "python", "strings", tostring(bytes), n = math.max(4, math.min(20000, 60000000 // bytes)) },
    })
end

for _, n in ipairs { 1, 10, 100, 500, 1000, 2000 } do
  scaling[#scaling + 1] = row("alive_" .. n, ("%d process%s alive at once, each"):format(n, n > 1 and "es" or ""), "us",
    false, n, { { "c", "alive" }, { "ours", "alive" }, n <= 500 and { "python", "alive" } or nil })
end

return rows, scaling
