-- What an operation costs, in instructions: the same on a busy machine and a quiet one, so a regression shows at once.
-- Counted by callgrind in the program that is tested: that of the preset dev (-O1, fault points), by gcc for x86-64.
local shell = require "support.shell"

-- Instructions for one, Lua's own among them. Who makes an operation cheaper writes the new number here.
local KNOWN = {
  integer = 2155,      -- put + get of an integer by the log: nobody sleeps
  integer_pipe = 2011, -- the same through the pipe
  encode = 5679,       -- put of a small table
  decode = 5560,       -- get of it
  lock = 1418,         -- acquire + release of a free lock
  array = 1734,        -- a[1] = a[2]: get + set of an element
}
-- At most so many more for a put + get when the run is traced. Not exact: the clock is read by time, and valgrind is slow.
local TRACED = 260
local MORE = 1.10 -- so many times the number is a failure
local STRICT = 1.05 -- so many times what Lua's own function takes
local ROUNDS = 1000

-- Callgrind writes a file for each process, and one more at each mark. The instructions up to the n-th mark of the one
-- that came so far.
local function counted(folder, n)
  local name = shell.run(("ls %s/out.*.%d"):format(folder, n)):match("[^\n]+")
  assert(name, "callgrind wrote no count")
  local file = assert(io.open(name))
  local text = file:read("a")
  file:close()
  return tonumber(text:match("summary: (%d+)"))
end

-- Instructions for one of each of these; `options` are the program's.
local function count(names, options)
  local folder <close> = shell.folder()
  local output, status = shell.run(("valgrind -q --tool=callgrind --dump-before=l_getpid --callgrind-out-file=%s/out.%%p %s %s %s %d %s 2>&1")
    :format(folder.name, shell.quote(shell.program), options or "", shell.quote(shell.source .. "/tests/bench/count.lua"), ROUNDS,
      "'" .. table.concat(names, "' '") .. "'"))
  assert.are.equal(0, status, output)
  local counts = {}
  for i, name in ipairs(names) do counts[name] = counted(folder.name, 2 * i) / ROUNDS end
  return counts
end

describe("instructions", function()
  it("are no more than they were", function()
    local reason = os.getenv "SANDBOX_UNCOUNTED" or ""
    if reason ~= "" then return pending(reason) end
    if not os.execute("command -v valgrind >/dev/null") then return pending("not counted: valgrind is not installed") end
    local names = {}
    for name in pairs(KNOWN) do names[#names + 1] = name end
    table.sort(names)
    local counts, lines, failed = count(names), {}, false
    for i, name in ipairs(names) do
      local much = counts[name] > KNOWN[name] * MORE
      failed = failed or much
      lines[i] = ("%-13s %6.0f, known %d%s"):format(name, counts[name], KNOWN[name], much and ": TOO MANY" or "")
    end
    local text = table.concat(lines, "\n")
    print("\n" .. text)
    assert.is_false(failed, "more instructions than before:\n" .. text)
  end)

  it("of string.format are hardly more in strict mode", function()
    local reason = os.getenv "SANDBOX_UNCOUNTED" or ""
    if reason ~= "" then return pending(reason) end
    if not os.execute("command -v valgrind >/dev/null") then return pending("not counted: valgrind is not installed") end
    local names = { "format texts", "format a table" }
    for _, format in ipairs { "%s", "%d", "%5d", "%x", "%5.2f", "%-10s|", "%s: %.1f", "%s %d of %s", "nothing" } do
      names[#names + 1] = "format " .. format
    end
    local collects = "-e COLLECTS=true "
    local plain, strict = count(names, collects), count(names, collects .. "--strict=lua")
    for _, name in ipairs(names) do
      local ratio = strict[name] / plain[name]
      print(("%-20s %6.0f %6.0f %5.2f"):format(name, plain[name], strict[name], ratio))
      assert.is_true(ratio < STRICT, ("%s: %.0f instead of %.0f"):format(name, strict[name], plain[name]))
    end
  end)

  it("are few more when the run is traced", function()
    local reason = os.getenv "SANDBOX_UNCOUNTED" or ""
    if reason ~= "" then return pending(reason) end
    if not os.execute("command -v valgrind >/dev/null") then return pending("not counted: valgrind is not installed") end
    local folder <close> = shell.folder()
    local plain, traced = count { "integer" }, count({ "integer" }, "--trace " .. shell.quote(folder.name .. "/x.pftrace"))
    local more = traced.integer - plain.integer
    print(("\ntraced, put + get: %.0f more"):format(more))
    assert.is_true(more > 0 and more < TRACED, ("%.0f more, known %d"):format(more, TRACED))
  end)
end)
