-- tests/bench/peers/peers.lua - the table of README.md: what happens to the same wrong programs, and how fast the same work is,
-- here and in Python, Go and Erlang.
--
--   sandbox tests/bench/peers/peers.lua [--quick]
--
-- Prints the table, without the peers that are not installed; takes a minute or two. With --quick it only shows that all of
-- it runs, with Python alone.
--
-- The work: `all`, two wait for each other, and main for both; `some`, the same, while a third one works; `killed`, one is
-- killed that holds a lock, and another wants it; `race`, a test and an act that are not one step; `spawn`, start one and
-- wait until it has ended; `integers`, from one to another; `roundtrip`, there and back. A figure is
-- the median of three.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
local quick = arg[1] == "--quick"
local LIMIT = quick and 1 or 5 -- seconds after which a program that still waits counts as waiting for ever
local RACES = quick and 1 or 100
local ROUNDS = quick and 1 or 3
local LESS = quick and 50 or 1 -- so much less work

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function run(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("a")
  local _, _, status = pipe:close()
  return text, status
end

local function installed(name) return select(2, run("command -v " .. name)) == 0 end

-- -- contenders: a name, and the command for a piece of work ------------------------------------------------------------

local folder = run("mktemp -d"):match("[^\n]+")
local own = assert(io.open("/proc/self/cmdline")):read("a"):match("^[^\0]+")
local figures = { spawn = true, integers = true, roundtrip = true }

local contenders = { {
  name = "sandbox",
  command = function(what, n)
    if figures[what] then return ("%s %s/../work.lua %s %d %s"):format(own, here, what, n, what == "integers" and "1 1" or "") end
    return ("%s %s/work.lua %s"):format(own, here, what)
  end,
} }

if installed("python3") then
  contenders[#contenders + 1] = {
    name = "Python " .. run("python3 --version"):match("%d+%.%d+"),
    command = function(what, n)
      if figures[what] then return ("python3 %s/../peer.py %s %d %s"):format(here, what, n // 20, what == "integers" and "1 1" or "") end
      return ("python3 %s/peer.py %s"):format(here, what)
    end,
  }
end

if installed("go") and not quick then
  for _, way in ipairs { "", "-race" } do
    local text, status = run(("cd %s && go build %s -o %s/go%s peer.go"):format(quote(here), way, folder, way))
    assert(status == 0, text)
  end
  contenders[#contenders + 1] = {
    name = "Go " .. run("go version"):match("go(%d+%.%d+)"),
    lacks = { killed = "a goroutine cannot be killed" },
    command = function(what, n) return ("%s/go%s %s %d"):format(folder, what == "race" and "-race" or "", what, n) end,
  }
end

if installed("erlc") and not quick then
  local text, status = run(("erlc -o %s %s/sandbox_peer.erl"):format(folder, quote(here)))
  assert(status == 0, text)
  contenders[#contenders + 1] = {
    name = "Erlang " .. run([[erl -noshell -eval 'io:format("~s",[erlang:system_info(otp_release)]),halt().']]):match("%d+"),
    lacks = { killed = "there are no locks" },
    command = function(what, n) return ("erl -noshell -pa %s -run sandbox_peer main %s %d"):format(folder, what, n) end,
  }
end

-- -- rows ---------------------------------------------------------------------------------------------------------------

-- Whether it ends by itself, and says why.
local function waiting(contender, what)
  local start = sandbox.now()
  local text, status = run(("timeout %d %s"):format(LIMIT, contender.command(what, 1)))
  local told = text:find("deadlock", 1, true)
  if status == 124 then return told and "is told, and the rest goes on" or "waits, and nothing is told" end
  if told then return ("ends after %.1f s, and is told"):format(sandbox.now() - start) end
  return text:find("abandoned", 1, true) and "the next one gets the lock, and is told" or "ends"
end

local function race(contender)
  local wrong = 0
  for _ = 1, RACES do
    if select(2, run(contender.command("race", 1))) ~= 0 then wrong = wrong + 1 end
  end
  return ("%d of %d runs wrong"):format(wrong, RACES)
end

local function explored(contender)
  if contender ~= contenders[1] then return "–" end
  local start = sandbox.now()
  local text = run(("%s --explore %s/work.lua race"):format(own, here))
  local wrong, all = text:match("(%d+) of (%d+) end wrong")
  return ("%s of %s orders wrong, in %.1f s"):format(wrong, all, sandbox.now() - start)
end

local function figure(format, n)
  return function(contender, what)
    local list = {}
    for i = 1, ROUNDS do
      local text = run(contender.command(what, n // LESS))
      list[i] = assert(tonumber(text:match("%S+")), text)
    end
    table.sort(list)
    return format:format(list[(ROUNDS + 1) // 2])
  end
end

local rows = {
  { "two wait for each other, main for both", "all", waiting },
  { "the same, while a third one works", "some", waiting },
  { "one is killed that holds a lock; the next one that wants it", "killed", waiting },
  { "a test and an act that are not one step, run " .. RACES .. " times", "race", race },
  { "the same, every order tried", "race", explored },
  { "start one, and wait until it has ended", "spawn", figure("%.4g us", 2000) },
  { "integers from one to another", "integers", figure("%.3g M/s", 1000000) },
  { "there and back", "roundtrip", figure("%.3g us", 100000) },
}

local function line(cells) print("| " .. table.concat(cells, " | ") .. " |") end

local head, rule = { "" }, { "---" }
for _, contender in ipairs(contenders) do
  head[#head + 1], rule[#rule + 1] = contender.name, "---"
end
line(head)
line(rule)
for _, row in ipairs(rows) do
  local cells = { row[1] }
  for _, contender in ipairs(contenders) do
    cells[#cells + 1] = contender.lacks and contender.lacks[row[2]] or row[3](contender, row[2])
  end
  line(cells)
end
os.execute("rm -r " .. quote(folder))
