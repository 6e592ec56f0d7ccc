-- The options that lua does not have: good and bad values, mistakes, help, completions.
local shell = require "support.shell"
local run = require "cli.run"

local HINT = "'sandbox --help' lists the options\n"

-- The command line is refused with this message.
local function refused(message, ...)
  assert.same({ out = "", err = "sandbox: " .. message .. "\n" .. HINT, status = 2 }, run { ... })
end

-- The command line prints this, and nothing else.
local function prints(text, ...)
  assert.same({ out = text, err = "", status = 0 }, run { ... })
end

-- Seconds that fn takes.
local function seconds(fn)
  local now = require("sandbox").now
  local start = now()
  fn()
  return now() - start
end

describe("a mistyped option", function()
  it("is told from what was meant", function()
    refused("unknown option '--sped'; did you mean '--speed'?", "--sped", "3", "x.lua")
    refused("unknown option '--sped'; did you mean '--speed'?", "--sped=3")
    refused("unknown option '-speed'; did you mean '--speed'?", "-speed", "3")
    refused("unknown option '--time-out'; did you mean '--timeout'?", "--time-out", "3")
    refused("unknown option '--e'; did you mean '-e'?", "--e", "print(1)")
    refused("unknown option '--shack'; did you mean '--shake'?", "--shack", "x.lua")
  end)

  it("is refused when nothing is like it", function()
    refused("unknown option '--frobnicate'", "--frobnicate")
    refused("unknown option '-x'", "-x")
    refused("unknown option '-ix'", "-ix")
    refused("unknown option '-Ev'", "-Ev")
    refused("unknown option '-vv'", "-vv")
    refused("unknown option '-W1'", "-W1")
  end)

  it("runs nothing of what stands before it", function()
    refused("unknown option '-x'", "-e", "print 'run'", "-x")
  end)
end)

describe("a mistyped command", function()
  it("is told from what was meant", function()
    refused("there is no script 'chek'; did you mean 'sandbox check'?", "chek", "lesson-1")
    refused("there is no script 'agnet'; did you mean 'sandbox agent'?", "--speed", "3", "agnet")
  end)

  it("is a script if there is one, if it must be one, or if nothing is like it", function()
    local folder <close> = shell.folder()
    shell.run(("echo 'print(...)' >%s/chek"):format(shell.quote(folder.name)))
    assert.equal("7\n", run({ "chek", "7", dir = folder.name }).out)
    for _, words in ipairs { { "--", "trac" }, { "-e", "", "trac" }, { "chart" } } do
      local missing = "sandbox: cannot open '" .. words[#words] .. "': No such file or directory\n"
      assert.same({ out = "", err = missing, status = 1 }, run(words))
    end
  end)
end)

describe("options end at the script", function()
  it("so the script may have its own", function()
    assert.same({ out = "--sped\t--help\n", err = "", status = 0 },
      run { "-", "--sped", "--help", stdin = "print(...)" })
  end)
end)

describe("an argument of an option", function()
  it("may be missing", function()
    refused("option '--speed' needs an argument: a number greater than 0; for example --speed 10", "--speed")
    refused("option '--seed' needs an argument: an integer of 64 bits, decimal or 0x; for example --seed 42", "--seed")
    refused("option '--output' needs an argument: raw or tag; for example --output tag", "--output")
    refused("option '-e' needs an argument: a Lua statement; for example -e 'print(1)'", "-e")
    refused("option '-e' needs an argument: a Lua statement; for example -e 'print(1)'", "-e", "-v")
    refused("option '-l' needs an argument: the name of a library; for example -l json", "-l")
  end)

  it("stands after '=' if it may be missing", function()
    local text = "option '%s' takes its argument after '=': %s=%s (there is no file '%s')"
    for option, value in pairs { ["--shake"] = "5", ["--explore"] = "preemptions:2", ["--timeline"] = "100",
      ["--stats"] = "json", ["--strict"] = "report" } do
      refused(text:format(option, option, value, value), option, value, "x.lua")
    end
    local r = run { "trace", "--timeline", "100", "x.pftrace" }
    assert.equal(2, r.status)
    assert.truthy(r.err:find(text:format("--timeline", "--timeline", "100", "100"), 1, true), r.err)
    assert.equal("sandbox: cannot open 'no.lua': No such file or directory\n", run({ "--shake", "no.lua" }).err)
    local folder <close> = shell.folder()
    shell.run(("echo 'print(...)' >%s/5"):format(shell.quote(folder.name)))
    assert.equal("7\n", run({ "--timeline", "5", "7", dir = folder.name }).out)
  end)

  it("may be one too many", function()
    refused("option '--check' takes no argument", "--check=x.lua")
    refused("option '--version' takes no argument", "--version=")
  end)

  it("may be bad", function()
    for _, bad in ipairs { "0", "-1", "nan", "inf", "1e999", "fast", "", " 1", "1 ", "10x" } do
      refused(("option '--speed' wants a number greater than 0, not '%s'; for example --speed 10"):format(bad),
        "--speed", bad, "-e", "print(1)")
      refused(("option '--timeout' wants seconds greater than 0, not '%s'; for example --timeout 60"):format(bad),
        "--timeout=" .. bad, "-e", "print(1)")
    end
    for _, bad in ipairs { "18446744073709551616", "-1", "1.5", "x", "", "0x" } do
      refused(("option '--seed' wants an integer of 64 bits, decimal or 0x, not '%s'; for example --seed 42")
        :format(bad), "--seed", bad)
    end
    for _, bad in ipairs { "0", "32769", "-1", "many", "1.0", "" } do
      refused(("option '--max-procs' wants an integer from 1 to 32768, not '%s'; for example --max-procs 64")
        :format(bad), "--max-procs", bad)
    end
    for _, bad in ipairs { "0", "-1", "nan", "86401", "" } do
      refused(("option '--engine-timeout' wants seconds greater than 0, at most 86400, not '%s'; for example " ..
        "--engine-timeout 10"):format(bad), "--engine-timeout", bad)
    end
    for _, bad in ipairs { "0", "-1", "1000001", "many", "" } do
      refused(("option '--shake' wants a number of runs from 1 to 1000000, not '%s'; for example --shake=1000")
        :format(bad), "--shake=" .. bad, "-e", "print(1)")
    end
    for _, bad in ipairs { "", "sbxs1:", "sbxs1:x0:0123456789abcdef", "sbxs1:r4:0123456789abcdef",
      "sbxs1:r0:0123456789abcde", "sbxs1:r0:0123456789abcdef0", "sbxs1:r0:0123456789ABCDEF" } do
      refused(("option '--shake-token' wants a token that --shake printed, not '%s'; for example " ..
        "--shake-token sbxs1:r0:0123456789abcdef"):format(bad), "--shake-token", bad, "-e", "print(1)")
    end
    refused("option '--output' wants raw or tag, not 'Tag'; for example --output tag", "--output", "Tag")
    refused("option '--color' wants auto, always or never, not 'sometimes'; for example --color never",
      "--color=sometimes")
    refused("option '--completions' wants bash, zsh or fish, not 'tcsh'; for example --completions bash",
      "--completions", "tcsh")
  end)
end)

describe("an option that another one excludes", function()
  it("is refused, and not left out without a word", function()
    for _, pair in ipairs { "--check --explore", "--check --shake=5", "--check --timeline", "--check -i", "--check --step",
      "--check --trace x.html", "--step --trace x.html", "--explore --max-procs 5", "--sim --output tag",
      "--explore-kills --trace-limit 1M", "--sim --trace x.html", "--replay x --shake-same" } do
      local words = {}
      for word in pair:gmatch("%S+") do words[#words + 1] = word end
      local one, other = words[1], pair:match("%s(%-[%w-]+)")
      words[#words + 1] = "no.lua"
      refused(("option '%s' cannot be used together with '%s'"):format(one, other), table.unpack(words))
    end
    refused("option '--strict=report' runs nothing: leave out '--check'", "--check", "--strict=report")
    refused("option '--strict=report' runs nothing: leave out 'no.lua'", "--strict=report", "no.lua")
    refused("option '--strict=report' runs nothing: leave out '--stats'", "--color", "never", "--strict=report", "--stats")
    assert.same(run { "--strict=report" }, run { "--strict=report", "--color", "never", "-E" })
    refused("option '--trace-detail' needs '--trace', '--timeline' or '--stats'", "--trace-detail", "all", "no.lua")
  end)

  it("is refused before a command, whose own come after it", function()
    local help = "'sandbox check --help' lists the options\n"
    assert.same({ out = "", status = 2, err = "sandbox: option '--timeout' is one of a run: the options of the command " ..
      "'check' come after it\n" .. help }, run { "--timeout", "5", "check", "lesson-1" })
    assert.same({ "", 0 }, { run({ "--color", "never", "-E", "check" }).err, run({ "--command", "check" }).status })
  end)

  it("is told as it was typed", function()
    for _, other in ipairs { "--explore", "--step", "--sim" } do
      refused(("option '--engine' cannot be used together with '%s'"):format(other), "--engine", "redis://nowhere.invalid",
        other, "-e", "")
    end
  end)
end)

describe("--help", function()
  local function text_of(name)
    local file <close> = assert(io.open(shell.source .. "/tests/cli/" .. name))
    return file:read("a")
  end

  it("prints what most people need, on one screen", function()
    local text = text_of("help.txt")
    prints(text, "--help")
    prints(text, "-h")
    prints(text, "--speed", "2", "--help", "--sped")
  end)

  it("all: prints examples, every option and exit statuses", function()
    prints(text_of("all_of_help.txt"), "--help", "all")
  end)

  it("tells of a part of the library what help tells at the prompt", function()
    local result = run { "--help", "queue.put" }
    assert.same({ "", 0 }, { result.err, result.status })
    assert.equal("queue:put(item [, timeout])\n", result.out:match("^.-\n"))
    assert.truthy(result.out:find("Add an item; wait while the queue is full.", 1, true))
    assert.equal(result.out, run { "-h", "Queue.put" }.out)
    assert.truthy(run { "--help", "ps" }.out:find(":ps", 1, true))
    assert.truthy(run { "--color=always", "-h", "spawn" }.out:find("^\27%[1mspawn%("))
  end)

  it("lists the library", function()
    local text = run { "--help", "sandbox" }.out
    for name, value in pairs(sandbox) do
      assert.truthy(text:find((type(value) == "function" and "%f[%w_]" or "%.") .. name .. "%f[^%w_]"), name)
    end
  end)

  it("says when there is nothing of that name", function()
    assert.same({ out = "", status = 1, err = "sandbox: there is no help for 'quueue'; did you mean 'queue'?\n" },
      run { "--help", "quueue" })
  end)

  it("shows examples that work", function()
    prints("true\t1.4142135623731\n", "-e", "print(spawn(math.sqrt, 2):join())")
    local text = run { "--help" }.out
    for words in text:gmatch("\n  sandbox ([^\n]-scripts/[%w.]+)") do
      assert.equal(0, run({ command = "\"$P\" --speed 1000 " .. words, dir = shell.source }).status, words)
    end
  end)
end)

describe("--version", function()
  it("prints it and leaves", function()
    local text = run { "--version" }.out
    assert.truthy(text:match("^sandbox %d+%.%d+%.%d+  Lua 5%.4%.%d+  Copyright [^\n]+\n$"))
    prints(text, "--version", "-e", "print(1)")
    prints(text, "-v")
    prints(text .. "1\n", "-v", "-e", "print(1)")
  end)
end)

describe("--check", function()
  it("compiles and does not run", function()
    local good <close> = shell.file("print 'run' error 'run'")
    prints("", "--check", good.name)
    prints("", "--check", "-e", "print 'run'")
    prints("", "--check", "-l", "nope", good.name)
    assert.same({ out = "", err = "", status = 0 }, run { "--check", "-", stdin = "print(1)" })
    assert.same({ out = "", err = "", status = 0 }, run { "--check", stdin = "print(1)" })
    assert.same({ out = "", err = "", status = 0 }, run { "--check", good.name, env = { LUA_INIT = "error 'run'" } })
  end)

  it("tells what does not compile", function()
    local bad <close> = shell.file("local x\nx = = 1\n")
    assert.same({ out = "", err = ("sandbox: %s:2: unexpected symbol near '='\n"):format(bad.name), status = 1 },
      run { "--check", bad.name })
    assert.same({ out = "", err = "sandbox: (command line):1: unexpected symbol near <eof>\n", status = 1 },
      run { "--check", "-e", "x =" })
    assert.same({ out = "", err = "sandbox: stdin:1: unexpected symbol near <eof>\n", status = 1 },
      run { "--check", stdin = "x =" })
    assert.same({ out = "", err = "sandbox: cannot open '/nowhere': No such file or directory\n", status = 1 },
      run { "--check", "/nowhere" })
  end)

  it("takes any number of files, and tells of each that does not compile", function()
    local good <close> = shell.file("error 'run'")
    local one <close> = shell.file("x = = 1")
    local two <close> = shell.file("y =")
    assert.same({ out = "", err = "", status = 0 }, run { "--check", good.name, good.name })
    assert.same({ out = "", status = 1, err = ("sandbox: %s:1: unexpected symbol near '='\n" ..
      "sandbox: cannot open '/nowhere': No such file or directory\nsandbox: %s:1: unexpected symbol near <eof>\n"):format(
      one.name, two.name) }, run { "--check", one.name, good.name, "/nowhere", two.name })
    assert.same({ out = "", status = 1, err = "sandbox: stdin:1: unexpected symbol near '='\n" },
      run { "--check", good.name, "-", stdin = "x = = 1" })
    assert.equal(1, run { "--check", "-e", "x =", good.name }.status)
  end)

  it("takes no option behind a script for a file", function()
    local good <close> = shell.file("print 'run'")
    for _, option in ipairs { "--timeout", "--speed=2", "-E", "--nonsense" } do
      assert.same({ out = "", status = 2, err = ("sandbox: option '%s' comes after the script '%s': " ..
        "put options before it\n"):format(option, good.name) .. HINT }, run { "--check", good.name, option, "3" })
    end
    assert.equal("sandbox: cannot open '-E': No such file or directory\n", run { "--check", "--", good.name, "-E" }.err)
    assert.same({ out = "", err = "", status = 0 }, run { "--check", "--timeout", "3", good.name })
  end)

  it("does not wait for a script to be typed", function()
    local screen = run { command = [[script -qec '"$P" --check' /dev/null </dev/null]] }
    assert.equal("sandbox: option '--check' needs a script; for example sandbox --check job.lua\n" .. HINT,
      (screen.out:gsub("\r", "")))
    assert.equal(2, screen.status)
  end)

  it("tells of all that does not compile", function()
    assert.same({ out = "", status = 1, err = "sandbox: (command line):1: unexpected symbol near <eof>\n" ..
      "sandbox: (command line):1: '=' or 'in' expected near <eof>\n" }, run { "--check", "-e", "x =", "-e", "for i" })
  end)
end)

describe("--speed", function()
  it("makes the clock go faster", function()
    assert.is_true(seconds(function() prints("true\n", "--speed", "100", "-e",
      "local t = sandbox.now() sleep(10) print(sandbox.now() - t >= 10)") end) < 5)
  end)
end)

describe("--seed", function()
  local DRAW = "print(math.random(0)) spawn(function() print(math.random(0)) end):join()"

  it("repeats a run", function()
    local first = run { "--seed", "7", "-e", DRAW }.out
    prints(first, "--seed", "7", "-e", DRAW)
    prints(first, "--seed=0x7", "-e", DRAW)
    assert.not_equal(first, run { "--seed", "8", "-e", DRAW }.out)
    assert.not_equal(run { "-e", DRAW }.out, run { "-e", DRAW }.out)
  end)

  it("may be any number, 0 too", function()
    prints(run { "--seed", "0", "-e", DRAW }.out, "--seed", "0", "-e", DRAW)
    assert.not_equal(run { "--seed", "0", "-e", DRAW }.out, run { "--seed", "18446744073709551615", "-e", DRAW }.out)
  end)
end)

describe("--timeout", function()
  it("ends a run that takes longer", function()
    for _, script in ipairs { "while true do end", "sleep(100)", "spawn(sleep, 100)" } do
      local result
      assert.is_true(seconds(function() result = run { "--timeout", "0.3", "-e", script } end) < 10)
      assert.equal("", result.out)
      assert.equal(124, result.status)
      assert.truthy(result.err:match("^sandbox: [^\n]*time[^\n]*\n$"))
    end
  end)

  it("counts real seconds", function()
    prints("", "--timeout", "30", "--speed", "1000", "-e", "sleep(100)")
  end)

  it("may be longer than time", function() prints("", "--timeout", "1e300", "-e", "") end)
end)

describe("--max-procs", function()
  it("limits how many live at once", function()
    local result = run { "--max-procs", "2", "-e", "p = spawn(sleep, 0.1)", "-e", "print(pcall(spawn, sleep, 0))" }
    assert.truthy(result.out:match("^false\t.*raise %-%-max%-procs %(the limit is 2%)"))
    assert.equal("", result.err)
    prints("true\n", "--max-procs=3", "-e", "p = spawn(sleep, 0.1)", "-e", "print((pcall(spawn, sleep, 0)))")
  end)
end)

describe("--output", function()
  local SCRIPT = "print 'main' spawn({name = 'w'}, function() print 'child' io.write('a', 'b\\nc') end):join()"

  it("is raw unless said", function()
    prints("main\nchild\nab\nc", "-e", SCRIPT)
    prints("main\nchild\nab\nc", "--output", "raw", "-e", SCRIPT)
  end)

  it("may be tagged", function()
    prints("main\n[w#2] child\n[w#2] ab\n[w#2] c\n", "--output=tag", "-e", SCRIPT)
  end)
end)

describe("--color", function()
  local PLAIN = "sandbox: boom\nstack traceback:\n\t[C]: in function 'error'\n\t(command line):1: in main chunk\n" ..
    "\t[C]: in ?\n"
  local COLORED = "sandbox: \27[1;31mboom\27[0m\n\27[2mstack traceback:\n\t[C]: in function 'error'\n" ..
    "\t(command line):1: in main chunk\n\t[C]: in ?\27[0m\n"

  local function shows(text, env, ...)
    local t = { ... }
    t[#t + 1] = "-e"
    t[#t + 1] = "error('boom', 0)"
    t.env = env
    assert.same({ out = "", err = text, status = 1 }, run(t))
  end

  it("is off into a file", function() shows(PLAIN, { TERM = "xterm" }) end)

  it("does as it is told", function()
    shows(COLORED, { TERM = "dumb", NO_COLOR = "1" }, "--color", "always")
    shows(PLAIN, { FORCE_COLOR = "1" }, "--color=never")
  end)

  it("asks the environment when nothing is said", function()
    shows(COLORED, { TERM = "xterm", FORCE_COLOR = "1" })
    shows(COLORED, { TERM = "xterm", FORCE_COLOR = "1" }, "--color", "auto")
    shows(PLAIN, { TERM = "xterm", FORCE_COLOR = "0" })
    shows(PLAIN, { TERM = "xterm", FORCE_COLOR = "1", NO_COLOR = "1" })
  end)

  it("asks whether stderr is a terminal", function()
    local function on_terminal(env)
      return run { env = env, command = [[script -qec "\"$P\" -e 'error(\"boom\", 0)'" /dev/null </dev/null]] }.out
    end
    assert.equal(COLORED, (on_terminal({ TERM = "xterm" }):gsub("\r", "")))
    assert.equal(PLAIN, (on_terminal({ TERM = "dumb" }):gsub("\r", "")))
    assert.equal(PLAIN, (on_terminal({ TERM = "xterm", NO_COLOR = "1" }):gsub("\r", "")))
  end)
end)

describe("--completions", function()
  -- What bash offers for the last of `words` in a folder.
  local function offers_in(dir, ...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = shell.quote((select(i, ...))) end
    local result = run { dir = dir, command = ([[bash -c 'eval "$("$P" --completions bash)"
      COMP_WORDS=(sandbox "$@") COMP_CWORD=$# COMPREPLY=()
      _sandbox; printf "%%s " "${COMPREPLY[@]}"' bash %s]]):format(table.concat(words, " ")) }
    assert.equal("", result.err)
    return (result.out:gsub(" *$", ""))
  end

  local function offers(...) return offers_in(".", ...) end

  it("completes options and their arguments in bash", function()
    assert.equal("--speed --seed --shake --shake-same --shake-token --stats --sim --step --strict --spread", offers("--s"))
    assert.equal("--trace --trace-detail --trace-limit", offers("--tr"))
    assert.equal("--check --command --color --cpu --completions", offers("--c"))
    assert.equal("--replay", offers("--r"))
    assert.equal("raw tag", offers("--output", ""))
    assert.equal("tag", offers("--output", "t"))
    assert.equal("always", offers("--color", "=", "al"))
    assert.equal("auto always never", offers("--color", "="))
    assert.equal("", offers("--speed", ""))
    assert.equal("cli/help.txt", offers("--trace", "cli/he"))
    assert.equal("cli/help.txt", offers("--trace", "=", "cli/he"))
    assert.equal("json", offers("--stats", "="))
    assert.equal("cli/help.txt", offers("--stats", "cli/he"))
    assert.equal("cli/help.txt", offers("--check", "cli/he"))
    local empty <close> = shell.folder()
    assert.equal("trace", offers_in(empty.name, "tra"))
    assert.equal("", offers_in(empty.name, "--check", "tra"))
    assert.equal("-o --timeline --stats --color -h --help", offers("trace", "-"))
    assert.equal("cli/help.txt", offers("trace", "-o", "cli/he"))
    assert.equal("cli/help.txt", offers("trace", "cli/he"))
    assert.equal("auto always never", offers("trace", "--color", ""))
    assert.equal("check", offers_in(empty.name, "che"))
    assert.equal("--table --timeout --color -h --help", offers("check", "-"))
    assert.equal("cli/help.txt", offers("check", "1", "cli/he"))
    assert.equal("", offers("x.lua", "--sp"))
    assert.equal("cli/help.txt", offers("x.lua", "cli/he"))
  end)

  it("completes options and their arguments in fish", function()
    if select(2, shell.run("command -v fish")) ~= 0 then return pending("fish is not installed") end
    local function words(line)
      local result = run { dir = "cli", command = ([[fish -N -c '"$P" --completions fish | source; complete -C "%s"']]):format(
        line) }
      assert.equal("", result.err)
      local list = {}
      for word in result.out:gmatch("([^\t\n]+)[^\n]*\n") do list[#list + 1] = word end
      return table.concat(list, " ")
    end
    assert.equal("--speed --spread", words("sandbox --sp"))
    assert.equal("raw tag", words("sandbox --output "))
    assert.equal("--stats=json", words("sandbox --stats="))
    assert.equal("", words("sandbox --timeline="))
    assert.equal("help.txt", words("sandbox --trace he"))
    assert.equal("help.txt", words("sandbox --timeline he"))
    assert.equal("trace trace_spec.lua", words("sandbox tra"))
    assert.equal("--table --timeout", words("sandbox check --t"))
    assert.equal("--stats --stats=", words("sandbox trace --st"))
    assert.equal("", words("sandbox help.lua --sp"))
    assert.equal("help.txt", words("sandbox x.lua he"))
  end)

  for _, name in ipairs { "bash", "zsh", "fish" } do
    it("is good " .. name, function()
      local script = run { "--completions", name }
      assert.same({ "", 0 }, { script.err, script.status })
      assert.equal(script.out, run { "--completions=" .. name, "--sped" }.out)
      if select(2, shell.run("command -v " .. name)) ~= 0 then return pending(name .. " is not installed") end
      local file <close> = shell.file(script.out)
      assert.same({ "", 0 }, { shell.run(("%s -n %s 2>&1"):format(name, file.name)) })
    end)
  end
end)
