-- --shake: what is wrong by order goes wrong in one of the runs, what is right never does; and what is told of it.
local shell = require "support.shell"
local run = require "cli.run"
local rounds = require "support.rounds"

local TOKEN = "sbxs1:[rp][0-3]:%x+"

local function program(kind, name) return ("%s/tests/%s/%s.lua"):format(shell.source, kind, name) end

-- The last message says which run of how many went wrong, and why; the command that has its pauses again follows.
local function wrong(result)
  local number, count, why, again = result.err:match("sandbox: shake: run (%d+) of (%d+) went wrong: ([^\n]*)\n" ..
    "again: sandbox ([^\n]*)\n%(the same pauses again; it need not fail each time%)\n$")
  assert.truthy(number, result.err)
  assert.equal(5, result.status)
  return why, again, tonumber(number), tonumber(count)
end

local function good(result, count)
  local told = result.err:match("sandbox: shake: (%d+) runs? in %d+%.%d s, none went wrong %(this proves nothing: ")
  assert.truthy(told, result.err)
  assert.same({ count, 0 }, { tonumber(told), result.status })
end

-- name, what is told, in how many runs at most
local WRONG = {
  { "missing_mutex", "exit status 1" }, { "missing_mutex_once", "exit status 1" }, { "naive_philosophers", "deadlock" },
  { "two_locks_busy", "deadlock" }, { "lost_wakeup", "deadlock" }, { "if_instead_of_while", "" },
  { "livelock", "exit status 1" }, { "starving_writer", "exit status 1" },
  { "forgotten_release", "a process ended and still held something" }, { "withdraw", "exit status 1" },
  { "one_condition", "deadlock" }, { "two_flags", "exit status 1" }, { "until_empty", "exit status 1" },
  { "empty_then_get", "deadlock" }, { "semaphore_lost_wakeup", "deadlock" }, { "barrier_reuse", "" },
  { "aba", "exit status 1", 1000 },
}

describe("--shake", function()
  for _, row in ipairs(WRONG) do
    it("provokes what is wrong in " .. row[1], function()
      local why = wrong(run { "--shake=" .. (row[3] or 100), program("wrong", row[1]) })
      assert.equal(row[2], why:sub(1, #row[2]))
    end)

    it("leaves its right twin alone: " .. row[1], function()
      local n = math.max(4, rounds.count(8))
      good(run { "--shake=" .. n, program("right", row[1]) }, n)
    end)
  end
end)

describe("--shake of what does not compile", function()
  for name, text in pairs { ["a file that is not there"] = false, ["an error of syntax"] = "x = = 1\n" } do
    it("says so as a plain run does, and repeats nothing: " .. name, function()
      local folder <close> = shell.folder()
      if text then assert(io.open(folder.name .. "/x.lua", "w")):write(text):close() end
      local plain = run { dir = folder.name, "x.lua" }
      assert.equal(1, plain.status)
      assert.same(plain, run { dir = folder.name, "--shake", "x.lua" })
    end)
  end
end)

describe("runs of --shake that all go well", function()
  it("are told when they did not all print the same", function()
    local result = run { "--shake=3", "-e", "print(math.random(1 << 60))" }
    good(result, 3)
    assert.truthy(result.err:find("\nnot all runs printed the same: '%d+' instead of '%d+' " ..
      "%(%-%-shake%-same stops at such a run%)\n$"), result.err)
    for _, statement in ipairs { "print 'x'", "spawn(print, 'a') spawn(print, 'b')" } do
      assert.is_nil(run { "--shake=3", "-e", statement }.err:find("not all runs", 1, true))
    end
  end)
end)

describe("a run of --shake that goes wrong", function()
  it("is the only one that is shown", function()
    local result = run { "--shake=50", "-e", "print 'out' io.stderr:write 'err\\n' " ..
      "assert(math.random(8) ~= 3, 'three')" }
    wrong(result)
    assert.equal("out\n", result.out)
    assert.truthy(result.err:find("^err\nsandbox: [^\n]*three\n"))
    assert.is_nil(result.err:find("err\n.*err\n"))
  end)

  it("has random numbers and pauses that a token repeats", function()
    local _, again, number = wrong(run { "--shake=200", "-e", "print(math.random(0)) assert(math.random(8) ~= 3)" })
    assert.is_true(number >= 1)
    assert.truthy(again:find("^%-%-shake=1 %-%-shake%-token " .. TOKEN .. " %-e 'print"))
    local results = {}
    for i = 1, 2 do
      results[i] = run { command = "\"$P\" " .. again }
      local why, same, first, count = wrong(results[i])
      assert.same({ "exit status 1: an error in main, or os.exit", again, 1, 1 }, { why, same, first, count })
    end
    assert.equal(results[1].out, results[2].out)
  end)

  it("may fail in any way", function()
    local function why(script, ...)
      return (wrong(run { "--shake=2", "-e", script, ... }))
    end
    assert.equal("exit status 7", why("os.exit(7)"))
    assert.equal("a process failed, and was not joined", why("spawn({ quiet = true }, error)"))
    assert.equal("signal 9 ended it", why("sandbox.self():kill() sleep(9)"))
    assert.equal("deadlock", why("queue():get()"))
    assert.equal("not over after 0.3 s", why("sleep(9)", "--timeout=0.3"))
    assert.equal("a process ended and still held something", why("sandbox.lock():acquire()"))
    assert.equal("deadlock", why("spawn({ daemon = true, name = 'busy' }, function() while true do sleep(0.01) end end) " ..
      "local a, b = queue(), queue() spawn(function() a:get() b:put(1) end) spawn(function() b:get() a:put(1) end) " ..
      "a, b = nil collectgarbage() sleep(20)"))
  end)

  it("may write without end, and is not shown to its end then", function()
    local result = run { "--shake=3", "-e", "local s = ('x'):rep(1 << 20) while true do print(s) end" }
    local why = wrong(result)
    assert.equal("it wrote more than 64 MiB", why)
    assert.equal(("x"):rep(16 << 10), result.out)
  end)

  it("may fail before the deadlock", function()
    local why = wrong(run { "--shake=2", "-e", "local l = sandbox.lock() l:acquire() " ..
      "spawn({ quiet = true }, function() error 'x' end) spawn(l.acquire, l):join()" })
    assert.equal("a process failed, and was not joined; deadlock", why)
  end)

  it("stands alone on a terminal", function()
    local screen = run { command = [[script -qec ""$P" --shake=3 -e 'print(123) os.exit(7)'" /dev/null </dev/null]],
      env = { NO_COLOR = "1" } }
    assert.truthy(screen.out:find("run 1 of 3\r\27[K123\r\nsandbox: shake: run 1 of 3 went wrong: exit status 7\r\n", 1, true),
      screen.out)
  end)

  it("has a command that a shell takes as it was", function()
    local script <close> = shell.file("error 'x'")
    local _, again = wrong(run { "--speed", "10", "--shake=3", "--seed=4", script.name, "it's", "a b", "" })
    assert.truthy(again:find("^%-%-shake=1 %-%-shake%-token " .. TOKEN .. " %-%-speed 10 %-%-seed=4 "))
    assert.equal((" %s 'it'\\''s' 'a b' ''"):format(script.name), again:match("seed=4(.*)"))
  end)
end)

describe("--shake-same", function()
  it("finds lines that differ", function()
    local why = wrong(run { "--shake-same", "-e", "local v = sandbox.value(0) " ..
      "local function inc() v:set(v:get() + 1) end sandbox.join_all { spawn(inc), spawn(inc) } print(v:get())" })
    assert.truthy(why:find("^its output is not that of a run without pauses: '[12]' instead of '[12]'$"), why)
  end)

  it("lets lines come in any order", function()
    good(run { "--shake-same", "--shake=10", "-e", "for i = 1, 3 do spawn(function() print(i) sandbox.value(0):get() end) end" },
      10)
  end)

  it("tells when not even a run without pauses goes well", function()
    local result = run { "--shake-same", "-e", "error 'always'" }
    assert.truthy(result.err:find("sandbox: shake: even the run without pauses went wrong: exit status 1", 1, true))
    assert.equal(5, result.status)
  end)
end)

describe("runs of --shake that go well", function()
  it("look like a plain one", function()
    local result = run { "--shake=3", "-e", "print(arg[0] ~= nil, io.read()) io.stderr:write 'err\\n'" }
    good(result, 3)
    assert.equal("true\tnil\n", result.out)
    assert.equal("err\n", result.err:match("^[^\n]*\n"))
  end)

  it("may be one, or one more with a token", function()
    good(run { "--shake=1", "-e", "" }, 1)
    good(run { "--shake-token", "sbxs1:p3:0123456789abcdef", "-e", "" }, 1)
  end)

  it("read the same script from stdin each time", function()
    for _, words in ipairs { { "--shake=3", "-" }, { "--shake=3" } } do
      words.stdin = "print(io.read())"
      local result = run(words)
      good(result, 3)
      assert.equal("nil\n", result.out)
    end
  end)

  it("read the same file each time", function()
    local result = run { "--shake-same", "--shake=3", "-e", "print(io.read('a'))", stdin = "some\ntext" }
    good(result, 3)
    assert.equal("some\ntext\n", result.out)
  end)

  it("do not wait for a stdin that does not end", function()
    local result = run { command = [[f=$(mktemp -u) && mkfifo "$f" && exec 3<>"$f" && rm "$f" && ]] ..
      [["$P" --shake=2 -e 'print(io.read())' <&3]] }
    good(result, 2)
    assert.equal("nil\n", result.out)
  end)

  it("have the random numbers that --seed says", function()
    local result = run { "--shake-same", "--shake=4", "--seed=5", "-e", "print(math.random(0))" }
    good(result, 4)
    assert.equal(run { "--seed=5", "-e", "print(math.random(0))" }.out, result.out)
  end)

  it("may write more than a pipe holds", function()
    local result = run { "--shake=2", "-e", "for i = 1, 30000 do print(i, 'a line') end" }
    good(result, 2)
    assert.equal("30000\ta line\n", result.out:match("[^\n]*\n$"))
  end)
end)

describe("--shake and traces", function()
  it("show the run that went wrong", function()
    local folder <close> = shell.folder()
    local file = folder.name .. "/run.json"
    local result = run { "--shake=50", "--stats", "--trace", file, "-e",
      "local n = math.random(6) sandbox.mark('n' .. n) assert(n ~= 3)" }
    wrong(result)
    local handle = assert(io.open(file))
    local text = handle:read("a")
    handle:close()
    assert.truthy(text:find("n3", 1, true))
    assert.equal("run.json\n", (shell.run("ls -A " .. folder.name)))
  end)

  it("show the last run when none goes wrong", function()
    local folder <close> = shell.folder()
    local file = folder.name .. "/run.json"
    local result = run { "--shake=3", "--trace", file, "--timeline", "-e", "print(1)" }
    good(result, 3)
    assert.equal("1\n", result.out)
    assert.truthy(result.err:find("\nmain ", 1, true), result.err)
    assert.equal("run.json\n", (shell.run("ls -A " .. folder.name)))
  end)

  it("may be JSON on stdout", function()
    local result = run { "--shake=2", "--trace", "-", "-e", "print 'out'" }
    good(result, 2)
    assert.truthy(result.out:find("^out\n{"), result.out)
  end)

  it("refuse a file that cannot be written", function()
    local result = run { "--shake=3", "--trace", "/nowhere/run.html", "-e", "" }
    assert.equal(2, result.status)
    assert.is_nil(result.err:find("shake:", 1, true))
  end)
end)

describe("--shake is refused", function()
  local HINT = "'sandbox --help' lists the options\n"

  it("at a prompt", function()
    assert.same({ out = "", status = 2, err = "sandbox: option '--shake' runs a script many times, which a prompt " ..
      "cannot: leave out -i\n" .. HINT }, run { "--shake", "-i", "x.lua" })
  end)

  it("without a script on a terminal", function()
    local screen = run { command = [[script -qec '"$P" --shake' /dev/null </dev/null]] }
    assert.equal("sandbox: option '--shake' needs a script; for example sandbox --shake job.lua\n" .. HINT,
      (screen.out:gsub("\r", "")))
  end)
end)

describe("--shake that is interrupted", function()
  for _, how in ipairs { "kill -INT $!", "kill -INT -$!" } do
    it("tells how far it got: " .. how, function()
      local script = "print(1) io.open([[$begun]], [[w]]):close() sleep(60)"
      local result = run { command = "bash -c 'set -m; begun=$(mktemp -u); \"$P\" --shake=3 -e \"" .. script .. "\" & " ..
        "for i in $(seq 500); do [ -e $begun ] && break; sleep 0.02; done; rm -f $begun; " .. how .. "; wait $!'",
        env = { P = shell.program } }
      assert.equal(130, result.status)
      assert.equal("1\n", result.out)
      assert.truthy(result.err:find("^sandbox: interrupted: main [^\n]+\n" ..
        "sandbox: shake: interrupted in run 1 of 3; none before it went wrong\n"), result.err)
    end)
  end

  it("leaves nobody behind when it is killed", function()
    local folder <close> = shell.folder()
    local file = folder.name .. "/pid"
    local script <close> = shell.file(([[
      spawn(function()
        local pid = io.open("/proc/self/stat"):read("n")
        io.open(%q, "w"):write(pid):close()
        sleep(60)
      end)]]):format(file))
    local result = run { env = { S = script.name, F = file }, command =
      [["$P" --shake=3 "$S" & while ! [ -s "$F" ]; do sleep 0.01; done; kill -9 $!; wait $!; pid=$(cat "$F");
      for i in $(seq 500); do kill -0 $pid 2>/dev/null || { echo gone; break; }; sleep 0.01; done]] }
    assert.equal("gone\n", result.out)
  end)

  it("shows how far it is on a terminal", function()
    local screen = run { command = [[script -qec "\"$P\" --shake=3 -e 'sleep(0.01)'" /dev/null </dev/null]] }
    assert.truthy(screen.out:find("run 3 of 3", 1, true))
  end)
end)
