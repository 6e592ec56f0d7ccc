-- The course: sandbox check, and the lessons of scripts/course.
--
-- tests/course/lesson-N has answers to each lesson, right ones and typical wrong ones, each beside the verdict that it
-- must get. SANDBOX_COURSE_WRITE=1 writes the verdicts anew: read them before you commit.
local run = require "cli.run"
local shell = require "support.shell"

local ANSWERS <const> = shell.source .. "/tests/course"
local LESSONS <const> = 12

local function slurp(path)
  local file <close> = io.open(path, "r")
  return file and file:read "a"
end

-- The files of a lesson's folder, in order.
local function answers_of(lesson)
  local list = {}
  for name in io.popen("ls " .. shell.quote(ANSWERS .. "/" .. lesson)):lines() do
    list[#list + 1] = name:match "^(.*)%.lua$"
  end
  return list
end

-- An endless answer shall not take long, and no other shall run into the limit of time before that of states on a busy machine.
local function check(lesson, name)
  local words = { "check", "--timeout", name == "endless" and "2" or "200", lesson, name .. ".lua" }
  words.dir = ANSWERS .. "/" .. lesson
  return run(words)
end

describe("sandbox check on a terminal", function()
  it("shows the control characters of an answer, and of its name", function()
    local folder <close> = shell.folder()
    local name = "a\27]0;title\7.lua"
    local file = assert(io.open(folder.name .. "/" .. name, "w"))
    file:write([[io.stderr:write "\27]0;title\7\27[c\n" print(pcall(load, "\27]52;c;x\7")) error "\27[c"]])
    file:close()
    local o = run { dir = folder.name, command = [[script -qec "$P check --color always --timeout 50 lesson-1 *.lua" /dev/null]] }
    assert.matches("\\x1b]0;title\\x07", o.out)
    assert.is_nil(o.out:find("\27[]c]"), o.out)
    assert.is_nil(o.out:find("\27%[[%d;]*[^%d;m]"), o.out)
    assert.matches("\27%[31mNO", o.out)
  end)

  -- Also where there is none: a page that is read later is one.
  for name, command in pairs { ["on a terminal"] = [[script -qec '$P check --timeout 50 lesson-1 "$(ls)"' /dev/null]],
    ["into a pipe"] = [[$P check --timeout 50 lesson-1 "$(ls)"]] } do
    it("lets no answer end a line or go back in it, nor its name, " .. name, function()
      local folder <close> = shell.folder()
      local file <close> = assert(io.open(folder.name .. "/a\n  ok  b\r\u{202e}.lua", "w"))
      file:write [[print "x\r  \27[32mok\27[0m  it prints the right lines\u{202e}"]]
      file:close()
      local o = run { dir = folder.name, command = command }
      local text = o.out:gsub("\r\n", "\n"):gsub("\27%[%d*m", function(code) return name == "into a pipe" and code or "" end)
      assert.matches("^lesson%-1, one after the other: a\\x0a  ok  b\\x0d\\xe2\\x80\\xae%.lua\n", text)
      assert.matches("\n        x\\x0d  \\x1b%[32mok\\x1b%[0m  it prints the right lines\\xe2\\x80\\xae\n", text)
      assert.matches("\na\\x0a  ok  b\\x0d\\xe2\\x80\\xae%.lua: not yet\n$", text)
      assert.is_nil(text:find("[\r\27]"))
    end)
  end

  it("names the file as a shell takes it, in the command to see more", function()
    for name, word in pairs { ["-a.lua"] = "./-a.lua", ["$(touch x).lua"] = "'$(touch x).lua'", ["it's.lua"] = "'it'\\''s.lua'" } do
      local folder <close> = shell.folder()
      local file <close> = assert(io.open(folder.name .. "/" .. name, "w"))
      file:write "error 'x'"
      file:close()
      local o = run { dir = folder.name, command = [[$P check --timeout 50 lesson-1 -- *]] }
      assert.is_truthy(o.out:find("see it: sandbox --explore " .. word .. "\n", 1, true), o.out .. o.err)
    end
  end)

  it("takes a % in a name for what it is", function()
    local folder <close> = shell.folder()
    local file <close> = assert(io.open(folder.name .. "/100%1.lua", "w"))
    file:write "local v = sandbox.value(0) for i = 1, 9 do spawn(function() for j = 1, 9 do v:set(v:get() + i * j) end end) end"
    file:close()
    local o = run { dir = folder.name, command = [[$P check --timeout 10 lesson-1 *]] }
    assert.is_truthy(o.out:find("NO  every order of its steps has been tried\n      100%1.lua: ", 1, true), o.out)
  end)
end)

describe("sandbox check where strict mode cannot be had", function()
  local function weaker(name)
    return run { "check", "--timeout", "200", "lesson-1", name .. ".lua", dir = ANSWERS .. "/lesson-1", env = { SANDBOX_STRICT_MISSING = "F" } }
  end

  it("says so, and has answers held by the language", function()
    for _, name in ipairs { "right", "reads_files" } do
      local r = weaker(name)
      assert.are.equal(slurp(("%s/lesson-1/%s.txt"):format(ANSWERS, name)), r.out)
      assert.are.equal("sandbox: the kernel layers of strict mode cannot be had here (sandbox --strict=report): answers are held by "
        .. "the language alone; check only those of people that you trust\n", r.err)
      assert.are.equal(name == "right" and 0 or 1, r.status)
    end
  end)
end)

-- A search that reaches its limit of states may have found a few more.
local function at_limit(text) return (text:gsub("300,0%d%d states", "300,000 states")) end

for n = 1, LESSONS do
  local lesson = "lesson-" .. n
  describe(lesson, function()
    local wrong, right = 0, 0
    for _, name in ipairs(answers_of(lesson)) do
      local is_right = name:find "^right" ~= nil
      right, wrong = right + (is_right and 1 or 0), wrong + (is_right and 0 or 1)
      it("says what it thinks of " .. name, function()
        local r = check(lesson, name)
        local path = ("%s/%s/%s.txt"):format(ANSWERS, lesson, name)
        if os.getenv "SANDBOX_COURSE_WRITE" then
          local file <close> = assert(io.open(path, "w"))
          file:write(r.out)
        end
        assert.are.equal(at_limit(slurp(path)), at_limit(r.out))
        assert.are.equal("", r.err)
        assert.are.equal(is_right and 0 or 1, r.status)
        local _, lines = r.out:gsub("\n", "")
        assert.is_true(lines <= 24, "more than a screen")
        for line in r.out:gmatch "[^\n]+" do assert.is_true(#line <= 80, line) end
      end)
    end

    it("has a right answer and three typical wrong ones", function()
      assert.is_true(right >= 1 and wrong >= 3)
    end)

    it("has a page, with the task that sandbox check shows", function()
      local page = slurp(("%s/scripts/course/%s.lua"):format(shell.source, lesson))
      local shown = run { "check", lesson }
      assert.are.equal(0, shown.status)
      local title, shown_task = shown.out:match "^lesson%-%d+: ([^\n]*)\n\n(.-)\n\nAn answer is right if\n"
      assert.is_truthy(page:find(("-- Lesson %d: %s.\n"):format(n, title), 1, true), title)
      local commented = {}
      for line in shown_task:gmatch "[^\n]+" do commented[#commented + 1] = "-- " .. line end
      assert.is_truthy(page:find(table.concat(commented, "\n"), 1, true), shown_task)
      for _, word in ipairs { "Question:", "Experiment:", "What to look for:", "Vary it:", "check " .. lesson } do
        assert.is_truthy(page:find(word, 1, true), word)
      end
      assert.is_truthy(shown.out:find(("the lesson: [^\n]*/course/%s.lua\n$"):format(lesson:gsub("%-", "%%-"))))
    end)

    it("has an experiment that runs: simulated, since some may fail", function()
      local r = run { "--sim", ("%s/scripts/course/%s.lua"):format(shell.source, lesson) }
      assert.are.equal("", r.err)
      assert.are.equal(0, r.status)
    end)
  end)
end

-- What the lessons say of their experiments.
describe("the experiments", function()
  local function explored(lesson, ...)
    return run { "--explore", ("%s/scripts/course/lesson-%d.lua"):format(shell.source, lesson), ... }
  end

  it("go wrong where the page says so, and are proved where it says so", function()
    for _, each in ipairs {
      { "4 of 6 end wrong", 5 }, { "all tried", 6 }, { "2 of 6 end in a deadlock", 7 }, { "2 of 6 end in a "
        .. "deadlock", 8 },
      { "all tried", 8, "by-name" }, { "all tried", 9 }, { "12 of 16 end wrong", 11 }, { "all tried", 11, "mended" },
      { "1 of 6 end wrong", 12, "wrong" }, { "all tried", 12, "right" },
    } do
      local r = explored(table.unpack(each, 2))
      assert.is_truthy(r.out:find(each[1], 1, true), r.out)
      assert.are.equal(each[1] == "all tried" and 0 or 5, r.status)
    end
  end)

  it("show the race when they are shaken, the deadlock when they are slow, and the order of a token", function()
    local course = shell.source .. "/scripts/course/"
    assert.are.equal(5, run({ "--shake=1000", course .. "lesson-5.lua" }).status)
    local slow
    for _ = 1, 20 do -- on a busy machine its tenth of a second is not always enough
      slow = run { course .. "lesson-7.lua", "slow" }
      if slow.status == 4 then break end
    end
    assert.are.equal(4, slow.status)
    assert.is_truthy(slow.err:find("taken by kant#3", 1, true), slow.err)
    local token = explored(12, "wrong").out:match "%-%-replay '([^']+)'"
    assert.are.equal(1, run({ "--replay", token, course .. "lesson-12.lua", "wrong" }).status)
  end)

  it("can be drawn side by side", function()
    local r = run { command = ("cd $(mktemp -d) && $P --speed 10 --trace a.pftrace %s serial && $P --speed 10 "
      .. "--trace b.pftrace %s"
      .. " && $P trace a.pftrace b.pftrace"):format(shell.source .. "/scripts/course/lesson-10.lua",
      shell.source .. "/scripts/course/lesson-10.lua") }
    assert.are.equal(0, r.status)
    assert.is_truthy(r.out:find("roller#2", 1, true), r.out)
  end)
end)

describe("sandbox check", function()
  local function at(lesson, name) return ("%s/%s/%s.lua"):format(ANSWERS, lesson, name) end

  it("lists the lessons", function()
    local r = run { "check" }
    assert.are.equal(0, r.status)
    assert.is_truthy(r.out:find("^lesson%-1    one after the other\n"))
    assert.is_truthy(r.out:find("\nlesson%-12   twins\n"))
    assert.is_truthy(r.out:find("'sandbox check lesson-1 answer.lua' checks an answer", 1, true))
  end)

  it("takes a number for a lesson", function()
    assert.are.equal(run({ "check", "lesson-3" }).out, run({ "check", "3" }).out)
    assert.are.equal(run({ "check", "lesson-3" }).out, run({ "check", "lesson-03" }).out)
  end)

  it("makes a table of several answers", function()
    local words = { "check", "lesson-6", "right.lua", "own_locks.lua", "not_released.lua" }
    words.dir = ANSWERS .. "/lesson-6"
    local r = run(words)
    assert.are.equal(1, r.status)
    local rows = [[
ANSWER            RULES
right.lua         ++++++++  right
own_locks.lua     +++++x..  not: it prints "count 2" in every order
not_released.lua  +++x....  not: nothing goes wrong in any order
1 of 3 right
]]
    assert.are.equal(rows, r.out:sub(-#rows))
    assert.are.equal(slurp(ANSWERS .. "/lesson-6/right.txt"), r.out:match "^(.-\n)\n")
    table.insert(words, 2, "--table")
    assert.are.equal(rows, run(words).out)
  end)

  it("refuses what it does not know", function()
    local function refuses(words, ...)
      local r = run { "check", ... }
      assert.are.equal(("sandbox: %s\n"):format(words), r.err:match "^[^\n]*\n")
      assert.are.equal(2, r.status)
    end
    refuses("there is no lesson 'lesson-13'", "lesson-13")
    refuses("there is no lesson 'answer.lua'", "answer.lua", "lesson-1")
    refuses("there is no lesson ''", "")
    refuses("cannot read the answer none.lua: No such file or directory", "1", "none.lua")
    refuses("cannot read the answer .: Is a directory", "1", ".")
    refuses("cannot read the answer /dev/zero: it is no file", "1", "/dev/zero")
    refuses("unknown option '--tabel'; did you mean '--table'?", "--tabel")
    refuses("option '--timeout' wants seconds greater than 0, not '0'; for example --timeout 60", "--timeout", "0")
  end)

  -- Code that has broken out of Lua could write it. A program that stands in for this one does.
  it("judges the other answers, too, when one has written what is no result of an exploration", function()
    local folder <close> = shell.folder()
    local function write(name, text)
      local file <close> = assert(io.open(folder.name .. "/" .. name, "w"))
      file:write(text)
    end
    write("program", [[#!/bin/sh
      case "$*" in *" -")
        case "$(cat)" in
        *forged1*) printf '()';;
        *forged2*) printf 's\0\0\0\0';;
        *) exit 7;; esac;; esac]])
    write("main.lua", ([[
      local function use(name) return assert(loadfile(%q .. name .. ".lua"))(name, use) end
      local here = %q
      local files = { "1", here .. "1.lua", here .. "2.lua", here .. "3.lua" }
      os.exit(use "main" { program = here .. "program", inputs = files, seconds = 9, table = true,
        show = function(s) return s end, plain = function(s) return s end, fault = function() end })]]):format(shell.source .. "/src/host/course/", folder.name .. "/"))
    for i = 1, 3 do write(i .. ".lua", "-- forged" .. i) end
    local o = run { "main.lua", dir = folder.name, command = 'chmod +x program; "$P" main.lua' }
    assert.are.equal("", o.err)
    for i = 1, 3 do assert.matches(i .. "%.lua +%+%+x%.+ +not: every order of its steps has been tried\n", o.out) end
    assert.matches("0 of 3 right", o.out)
  end)

  it("takes no answer that could hold up the others", function()
    local folder <close> = shell.folder()
    local o = run { dir = folder.name, command = [[mkfifo fifo.lua
      truncate -s 1048577 large.lua
      for name in fifo large; do $P check 1 $name.lua; done]] }
    assert.are.equal([[sandbox: cannot read the answer fifo.lua: it is no file
'sandbox check' lists the lessons
sandbox: cannot read the answer large.lua: it is larger than 1 MiB
'sandbox check' lists the lessons
]], o.err)
  end)

  it("lets answers do nothing to the machine", function()
    local _, _, no_strict = os.execute(shell.quote(shell.program) .. " --strict=report >/dev/null")
    if no_strict ~= 0 then return pending("strict mode cannot be had here") end
    local r = run { command = [[d=$(mktemp -d) && cd $d && printf '%s\n' 'pcall(os.execute, "touch '$d'/made")' \
      'pcall(function() io.open("'$d'/written", "w"):write("x") end)' >answer.lua && $P check 1 answer.lua; ls]] }
    assert.is_truthy(r.out:find("NO  it prints the right lines", 1, true), r.out)
    assert.are.equal("answer.lua\n", r.out:match "\n([^\n]*\n)$")
  end)

  it("is a script where there is a file of that name", function()
    local r = run { command = "cd $(mktemp -d) && echo 'print \"my own\"' >check && $P check" }
    assert.are.equal("my own\n", r.out)
  end)

  it("checks files with odd names, and colours verdicts", function()
    local r = run { command = ("d=$(mktemp -d) && cp %s \"$d/it's a \\$name.lua\" && cd $d && $P check --color "
      .. "always 4 *"):format(
      shell.quote(at("lesson-4", "right"))) }
    assert.are.equal(0, r.status)
    assert.is_truthy(r.out:find("it's a $name.lua: \27[32mright\27[0m\n", 1, true), r.out)
    assert.is_truthy(r.out:find("  \27[32mok\27[0m  it compiles\n", 1, true), r.out)
  end)
end)
