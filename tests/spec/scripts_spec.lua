-- The first scripts in scripts/ print what they promise; experiments_spec.lua has the others.
--
-- The clock goes ten times faster, not more: what the machine adds (a start, a switch) counts ten times in the
-- seconds that a script shows, and must stay far below the seconds between two outcomes.
local shell = require "support.shell"

local function lines_of(name)
  local output, status = shell.sandbox("--speed", "10", "--seed", "5", shell.source .. "/scripts/" .. name)
  assert.are.equal(0, status, output)
  local lines = {}
  for line in output:gmatch("[^\n]*") do lines[#lines + 1] = line end
  if lines[#lines] == "" then lines[#lines] = nil end
  return lines
end

-- The first line like `pattern`: its place, and what the pattern captures.
local function find(lines, pattern)
  for i, line in ipairs(lines) do
    if line:find("^" .. pattern .. "$") then return i, line:match("^" .. pattern .. "$") end
  end
  error(("no line like %q in:\n%s"):format(pattern, table.concat(lines, "\n")), 2)
end

describe("scripts/serial.lua", function()
  it("downloads one after the other, and the times add up", function()
    local lines = lines_of("serial.lua")
    assert.are.equal(5, #lines)
    assert.are.equal("Start downloading Python introduction.pdf...", lines[1])
    local first = tonumber(lines[2]:match("^Python introduction%.pdf Download complete! Consumed (%d+) second$"))
    assert.are.equal("Start downloading av.avi...", lines[3])
    local second = tonumber(lines[4]:match("^av%.avi Download complete! Consumed (%d+) second$"))
    local total = tonumber(lines[5]:match("^Total cost (%d+%.%d%d) second%.$"))
    assert.is_true(first >= 5 and first <= 10)
    assert.is_true(second >= 5 and second <= 10)
    assert.is_true(total >= first + second)
  end)

  it("draws the same seconds from the same seed", function()
    local _, once = find(lines_of("serial.lua"), "av.* Consumed (%d+) second")
    local _, again = find(lines_of("serial.lua"), "av.* Consumed (%d+) second")
    assert.are.equal(once, again)
  end)
end)

describe("scripts/process.lua", function()
  it("downloads in two processes at a time, and the longer one counts", function()
    local lines = lines_of("process.lua")
    assert.are.equal(7, #lines)
    local pids = {}
    for _, line in ipairs(lines) do
      local pid = line:match("^Start the download process, process number:%[(%d+)%]$")
      if pid then pids[#pids + 1] = pid end
    end
    assert.are.equal(2, #pids)
    assert.are_not.equal(pids[1], pids[2])
    local start_a = find(lines, "Start downloading Python introduction%.pdf%.%.%.")
    local start_b = find(lines, "Start downloading av%.avi%.%.%.")
    local end_a, a = find(lines, "Python introduction%.pdf Download complete! Consumed (%d+) second")
    local end_b, b = find(lines, "av%.avi Download complete! Consumed (%d+) second")
    local last, total = find(lines, "Total cost (%d+%.%d%d) second%.")
    assert.is_true(start_a < end_a and start_b < end_b)
    assert.are.equal(7, last)
    a, b, total = tonumber(a), tonumber(b), tonumber(total)
    assert.is_true(total >= math.max(a, b))
    assert.is_true(total < a + b, "side by side, not one after the other")
  end)
end)

describe("scripts/queue.lua", function()
  it("writes all items, then reads them in order", function()
    local lines = lines_of("queue.lua")
    assert.are.equal(12, #lines)
    local items = { "python introduction", "av.avi", "java introduction" }
    local pids = {}
    for half, verb in ipairs { "writing", "reading" } do
      for i, item in ipairs(items) do
        local at = (half - 1) * 6 + (i - 1) * 2 + 1
        local pid = lines[at]:match("^Start " .. verb .. " process, process number:%[(%d+)%]$")
        assert.is_truthy(pid, lines[at])
        pids[verb] = pids[verb] or pid
        assert.are.equal(pids[verb], pid)
        assert.are.equal("Start " .. verb .. " " .. item .. "...", lines[at + 1])
      end
    end
    assert.are_not.equal(pids.writing, pids.reading)
  end)
end)

describe("scripts/globals.lua", function()
  it("shows that processes share no variables", function()
    assert.are.same({
      "parent, before: counter = 10, list = { apple }",
      "first child: counter = 11, list = { apple, pear }",
      "second child: counter = 11, list = { apple, pear }",
      "parent, after: counter = 10, list = { apple }",
      "returned by the children: 11 and 11",
    }, lines_of("globals.lua"))
  end)
end)

describe("scripts/parallel.lua", function()
  it("measures wall and CPU seconds of three ways", function()
    local output, status = shell.sandbox(shell.source .. "/scripts/parallel.lua", "1000000")
    assert.are.equal(0, status, output)
    local tasks, cpus = output:match("^(%d+) tasks, (%d+) CPU\n")
    assert.are.equal("4", tasks, output)
    assert.is_true(tonumber(cpus) >= 1)
    local seconds, ways = "%s+wall%s+(%d+%.%d%d) s   CPU%s+(%d+%.%d%d) s\n", 0
    for _, way in ipairs { "one after the other", "concurrently, on one CPU", "in parallel" } do
      local wall, cpu = output:match("\n" .. way .. seconds)
      assert.is_truthy(wall, way .. " is missing in:\n" .. output)
      ways = ways + 1
      -- Only parallel work can need more CPU than time passes (each of five figures is rounded).
      if way ~= "in parallel" then assert.is_true(tonumber(wall) >= tonumber(cpu) - 0.05, output) end
    end
    assert.are.equal(3, ways)
  end)
end)

describe("scripts/async.lua", function()
  it("waits for one request, then goes on while three are under way", function()
    local lines = lines_of("async.lua")
    assert.are.equal(9, #lines)
    local texts, times = {}, {}
    for i, line in ipairs(lines) do
      local time
      time, texts[i] = line:match("^%s*(%d+%.%d) s  (.*)$")
      times[i] = tonumber(time)
    end
    assert.are.same({
      "ask slow.example, and wait",
      "got the answer of slow.example",
      "asked all three",
      "meanwhile, wrote page 1",
      "meanwhile, wrote page 2",
      "meanwhile, wrote page 3",
      "got the answer of quick.example",
      "got the answer of middle.example",
      "got the answer of slow.example",
    }, texts)
    assert.is_true(times[2] >= 5.9)
    assert.is_true(times[9] - times[2] >= 5.9, "as long as the slowest")
    assert.is_true(times[9] - times[2] < 6 + 4 + 2, "not as long as all three")
  end)
end)

describe("every script", function()
  it("can be run by its name, says what it shows, and is listed", function()
    local names = shell.run("cd " .. shell.quote(shell.source .. "/scripts") .. " && ls *.lua")
    local list = shell.read("scripts/README.md")
    local count = 0
    for name in names:gmatch("%S+") do
      local text = shell.read("scripts/" .. name)
      assert.is_truthy(text:find("^#!/usr/bin/env sandbox\n%-%- "), name)
      local _, status = shell.run("test -x " .. shell.quote(shell.source .. "/scripts/" .. name))
      assert.are.equal(0, status, name .. " is not executable")
      assert.is_truthy(list:find(("| [%s](%s) | "):format(name, name), 1, true), name)
      count = count + 1
    end
    assert.is_true(count >= 6)
  end)
end)
