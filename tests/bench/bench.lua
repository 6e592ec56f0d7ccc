-- tests/bench/bench.lua: ours, the C floor and the peers side by side: alternately, in one run, several rounds.
--
--   sandbox bench.lua [--rounds N] [--quick] [--scaling] [--only PATTERN] [--json FILE] [--markdown FILE] FLOOR
--
--   FLOOR             the program made of floor.c
--   --rounds N        5, and 3 for the scaling table
--   --quick           one round of a hundredth of the work: shows that all of it runs, and nothing about speed
--   --scaling         the scaling table, too
--   --only PATTERN    only the rows whose key has it (a pattern of Lua)
--   --json FILE       write all figures there
--   --markdown FILE   write the table of goals there, for the README
--
-- Each contender is a program that does one piece of work and prints one number. A peer that is not installed is named and
-- left out. A ratio is the median of those of each round, since the machine may be another one a minute later. Where a row
-- says so, the contenders take turns several times in a round, and their best counts: what disturbs code that runs alone
-- only ever makes it slower.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path
local figures = require "figures"

local LIMIT = 120 -- seconds for one piece of work

-- -- options --------------------------------------------------------------------------------------

local function read_options()
  local options, i = {}, 1
  local with_value = { ["--rounds"] = true, ["--only"] = true, ["--json"] = true, ["--markdown"] = true }
  while arg[i] do
    local name = arg[i]
    if with_value[name] then
      i = i + 1
      options[name:sub(3)] = assert(arg[i], name .. ": a value is missing")
    elseif name == "--quick" or name == "--scaling" then
      options[name:sub(3)] = true
    else
      assert(name:sub(1, 1) ~= "-" and not options.floor, "unknown option: " .. name)
      options.floor = name
    end
    i = i + 1
  end
  assert(options.floor, "usage: sandbox bench.lua [options] FLOOR")
  if options.rounds then options.rounds = assert(math.tointeger(tonumber(options.rounds)), "--rounds: an integer") end
  return options
end

-- -- contenders -----------------------------------------------------------------------------------

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What a command prints; nil if it fails.
local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  return pipe:close() and text or nil
end

-- The program behind a name, or nil. Python is asked where it is itself: what is called python3 may be a script that looks for it.
local function find_programs(options)
  local own = assert(io.open("/proc/self/cmdline")):read("a"):match("^[^\0]+")
  if not own:find("/") then own = output_of("command -v " .. quote(own)):match("[^\n]+") end
  local python = output_of("python3 -c 'import sys, multiprocessing; print(sys.executable)' 2>/dev/null")
  return {
    ours = own, c = options.floor, python = python and python:match("[^\n]+"),
    node = (output_of("command -v node || command -v nodejs") or ""):match("[^\n]+"),
    lua = (output_of("command -v lua5.4") or ""):match("[^\n]+"),
  }
end

local SCRIPTS = { ours = "/work.lua", python = "/peer.py", node = "/peer.js" }

-- The shell's line for a piece of work; nil if the contender is missing.
local function command_of(programs, contender, n)
  local name, work, more = contender[1]:match("^%S+"), contender[2], contender[3] or ""
  local program = programs[name]
  if not program then return nil end
  local line
  if work == "start" then
    line = ("%s start %d %s %s"):format(quote(programs.c), n, quote(program), more)
  elseif work == "plain" then
    line = ("sh -c 'out=$(mktemp) && \"$@\" 2>&1 >\"$out\"; rm -f \"$out\"' sh %s %s %s %d"):format(quote(program),
      quote(here .. "/plain.lua"), more, n)
  elseif name == "c" then
    line = ("%s %s %d %s"):format(quote(program), work, n, more)
  else
    local limit = name == "ours" and " --max-procs 2100 " or " "
    line = ("%s%s%s %s %d %s"):format(quote(program), limit, quote(here .. SCRIPTS[name]), work, n, more)
  end
  return ("timeout %d %s"):format(LIMIT, line)
end

local function amount(row, contender, quick)
  local n = contender.n or row.n
  if not quick or n <= 10 then return quick and 1 or n end
  return math.max(8, n // 100 // 8 * 8) -- a multiple of all numbers of producers and consumers
end

-- -- measuring ------------------------------------------------------------------------------------

local function better(row, x, y)
  if not x or x ~= x then return y end -- NaN: that turn failed
  if y ~= y then return x end
  return (x < y) == (row.more or false) and y or x
end

-- Take one figure of each contender of a row; into row.taken[name][round], if it is better than what is there.
local function take(row, round, turn, programs, options)
  local from, to, step = 1, #row.who, 1
  if turn % 2 == 0 then from, to, step = to, from, -step end -- nobody always comes first
  for i = from, to, step do
    local contender = row.who[i]
    local line = command_of(programs, contender, amount(row, contender, options.quick))
    if line then
      local figure = tonumber(output_of(line))
      if not figure then io.stderr:write(("bench: failed: %s\n"):format(line)) end
      local list = row.taken[contender[1]] or {}
      row.taken[contender[1]] = list
      list[round] = better(row, list[round], figure or 0 / 0)
    end
  end
end

local function measure(rows, rounds, programs, options)
  local wanted = {}
  for _, row in ipairs(rows) do
    row.taken = {}
    if row.key:find(options.only or "") then wanted[#wanted + 1] = row end
  end
  local watched = os.execute("test -t 2")
  for round = 1, rounds do
    for i, row in ipairs(wanted) do
      if watched then io.stderr:write(("\rround %d of %d, %d of %d: %-60s"):format(round, rounds, i, #wanted, row.title)) end
      for turn = 1, options.quick and 1 or row.turns or 1 do take(row, round, round + turn, programs, options) end
    end
  end
  if watched then io.stderr:write("\r", (" "):rep(90), "\r") end
  return wanted
end

-- -- what comes out -------------------------------------------------------------------------------

-- Those that failed are no figures.
local function numbers(list)
  local good = {}
  for _, x in ipairs(list) do
    if x == x then good[#good + 1] = x end
  end
  return good
end

-- The figures of a numerator: those of one contender, or of the best of several ("python chunk *").
local function taken_by(row, name)
  local prefix = name:match("^(.*)%*$")
  if not prefix then return row.taken[name] end
  local best
  for contender, list in pairs(row.taken) do
    local summary = contender:sub(1, #prefix) == prefix and figures.summary(numbers(list))
    if summary and (not best or (summary.median < best.median) ~= row.more) then best = { list = list, median = summary.median } end
  end
  return best and best.list
end

local function ratios(row, goal)
  local over, under, list = taken_by(row, goal[2]), goal[3] and taken_by(row, goal[3]), {}
  if not over or goal[3] and not under then return nil end
  for round, x in ipairs(over) do list[round] = under and x / under[round] or x end
  return figures.summary(numbers(list))
end

local function judge(row, goal)
  local ratio = ratios(row, goal)
  if not ratio then return nil end
  local met = goal[4] == "<=" and ratio.median <= goal[5] or goal[4] == ">=" and ratio.median >= goal[5]
  return { work = row.title, key = row.key, what = goal[1], median = ratio.median, least = ratio.least, most = ratio.most,
    target = goal[4] .. " " .. goal[5], met = met, other = goal[2] ~= "ours" and goal[2] or goal[3] }
end

local function results_of(rows)
  local list, goals = {}, {}
  for _, row in ipairs(rows) do
    local who = {}
    for name, taken in pairs(row.taken) do who[name] = figures.summary(numbers(taken)) end
    list[#list + 1] = { key = row.key, title = row.title, unit = row.unit, who = who }
    for _, goal in ipairs(row.goals) do goals[#goals + 1] = judge(row, goal) end
  end
  return list, goals
end

local NAMES = { c = "C", ours = "sandbox", python = "Python", node = "Node", lua = "lua5.4" }
local function shown_name(name) return (name:gsub("^%S+", NAMES):gsub(" chunk %*$", ", best chunk size,")) end

local function table_of_figures(rows)
  local list = { { "work", "by", "median", "spread", "unit" } }
  for _, row in ipairs(rows) do
    local title = row.title
    for _, contender in ipairs(row.who) do
      local summary = figures.summary(numbers(row.taken[contender[1]] or {}))
      if summary then
        list[#list + 1] = { title, shown_name(contender[1]), figures.short(summary.median), figures.spread(summary), row.unit }
        title = ""
      end
    end
  end
  return list, { [3] = true, [4] = true }
end

local function table_of_goals(goals)
  local list = { { "work", "ratio", "median", "spread", "target", "" } }
  for _, goal in ipairs(goals) do
    list[#list + 1] = { goal.work, goal.what, figures.short(goal.median), figures.spread(goal), goal.target,
      goal.met and "met" or "not met" }
  end
  return list, { [3] = true, [4] = true, [5] = true }
end

-- For the README: each goal in a line, with what both sides took.
local function table_of_both(rows, goals)
  local list = { { "work", "sandbox", "other", "ratio", "spread", "target", "" } }
  local by_key = {}
  for _, row in ipairs(rows) do by_key[row.key] = row end
  local function figure(row, name)
    local summary = figures.summary(numbers(taken_by(row, name) or {}))
    return summary and ("%s %s"):format(figures.short(summary.median), row.unit) or ""
  end
  for _, goal in ipairs(goals) do
    local row = by_key[goal.key]
    list[#list + 1] = { goal.work, figure(row, "ours"), goal.other and shown_name(goal.other) .. " " .. figure(row, goal.other) or "",
      goal.other and figures.short(goal.median) or "", goal.other and figures.spread(goal) or "", goal.target,
      goal.met and "met" or "**not met**" }
  end
  return list, { [2] = true, [3] = true, [4] = true, [5] = true }
end

-- -- the machine ----------------------------------------------------------------------------------

local function line_of(command) return (output_of(command) or ""):match("[^\n]*") end

local function describe_machine(programs)
  local versions = {}
  for name, option in pairs { python = "--version", node = "--version", lua = "-v" } do
    versions[name] = programs[name] and line_of(quote(programs[name]) .. " " .. option .. " 2>&1") or "not installed"
  end
  local model = line_of("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo")
  return {
    cpus = sandbox.cpus(), model = model ~= "" and model or line_of("uname -m"), kernel = line_of("uname -sr"),
    date = os.date("!%Y-%m-%d %H:%M UTC"), load = line_of("cut -d' ' -f1-3 /proc/loadavg"), versions = versions,
  }
end

local function machine_line(machine)
  return ("%d CPUs (%s), %s, %s; load before the run %s; %s, Node %s, %s"):format(machine.cpus, machine.model, machine.kernel,
    machine.date, machine.load, machine.versions.python, machine.versions.node, machine.versions.lua:match("^Lua %S+") or "no lua5.4")
end

-- -- main -----------------------------------------------------------------------------------------

local function write_file(name, text)
  local file = assert(io.open(name, "w"))
  assert(file:write(text))
  assert(file:close())
end

local function main()
  local options = read_options()
  local programs = find_programs(options)
  local machine = describe_machine(programs)
  for _, name in ipairs { "python", "node", "lua" } do
    if not programs[name] then print(("left out, not installed: %s"):format(NAMES[name])) end
  end
  local rows, scaling = dofile(here .. "/rows.lua")
  local rounds = options.rounds or options.quick and 1 or 5
  local start = sandbox.now()
  rows = measure(rows, rounds, programs, options)
  local parts = { { figures = rows } }
  if options.scaling then
    parts[2] = { figures = measure(scaling, options.rounds or options.quick and 1 or 3, programs, options) }
  end

  local report = { machine = machine, rounds = rounds, quick = options.quick or false }
  report.rows, report.goals = results_of(rows)
  if parts[2] then report.scaling = results_of(parts[2].figures) end
  report.seconds = sandbox.now() - start

  local text = { machine_line(machine) .. "\n" }
  local function show(list, right) text[#text + 1] = figures.table(list, right) end
  for _, part in ipairs(parts) do show(table_of_figures(part.figures)) end
  if report.goals[1] then show(table_of_goals(report.goals)) end
  io.write(table.concat(text, "\n"))
  print(("\n%d rounds, %.0f seconds"):format(rounds, report.seconds))
  if options.json then write_file(options.json, figures.json(report) .. "\n") end
  if options.markdown then
    write_file(options.markdown, machine_line(machine) .. ":\n\n" .. figures.markdown(table_of_both(rows, report.goals)))
  end
end

main()
