-- Where output goes, in what order, and what happens when it cannot go there.
local shell = require "support.shell"
local run = require "cli.run"

-- The result of a pipeline's first command ("$P" ...), whose stdout another command reads.
local function piped(arguments, reader)
  return run { command = ("{ \"$P\" %s; echo \"status $?\" >&2; } | %s"):format(arguments, reader) }
end

describe("a stdout that nobody reads any more", function()
  it("ends an endless script quietly", function()
    local result = piped("-e 'while true do print(1) end'", "head -n 3")
    assert.same({ out = "1\n1\n1\n", err = "status 141\n", status = 0 }, result)
  end)

  it("ends a script that writes without newlines", function()
    local result = piped("-e 'while true do io.write(\"xxxxxxxx\") end'", "head -c 3")
    assert.same({ out = "xxx", err = "status 141\n", status = 0 }, result)
  end)

  it("ends it however the program was started: with SIGPIPE ignored, too", function()
    local result = run { command = [[
      trap "" PIPE
      { "$P" -e 'while true do print(1) end'; echo "status $?" >&2; } | head -n 1]] }
    assert.same({ out = "1\n", err = "status 141\n", status = 0 }, result)
  end)

  it("ends a script whose children write", function()
    local result = piped("-e 'local p = spawn(function() while true do print(1) end end) p:join() print(2) print(2)'",
      "head -n 1")
    assert.equal("1\n", result.out)
    assert.truthy(result.err:match("^status %d+\n$"))
  end)

  it("is no matter to help and version", function()
    for _, option in ipairs { "--help", "--version", "--completions bash", "-v" } do
      local result = piped(option, "true")
      assert.truthy(result.err == "status 0\n" or result.err == "status 141\n")
    end
  end)
end)

describe("a full stdout", function()
  local LOST = "sandbox: cannot write to standard output: "
  local FULL = LOST .. "No space left on device\n"

  it("is told, and is a failure", function()
    for _, script in ipairs { "io.write(1)", "io.write(1) os.exit(0)" } do
      assert.same({ out = "", err = FULL, status = 1 }, run { "-e", script, closed = ">/dev/full" })
    end
    -- print has tried to write, and the reason is gone
    for _, script in ipairs { "print(1)", "for i = 1, 1e5 do print(i) end", "print(1) os.exit(0)",
      "print(('x'):rep(1e6))" } do
      assert.same({ out = "", err = LOST .. "an earlier write failed\n", status = 1 },
        run { "-e", script, closed = ">/dev/full" })
    end
  end)

  it("is told after an error of the script", function()
    local result = run { "-e", "print(1) error('boom', 0)", closed = ">/dev/full" }
    assert.equal(1, result.status)
    assert.truthy(result.err:match("^sandbox: boom\nstack traceback:\n.*" .. LOST .. "[^\n]+\n$"))
  end)

  it("does not change another status", function()
    assert.equal(1, run { "-e", "print(1) os.exit(false)", closed = ">/dev/full" }.status)
  end)

  it("is no matter to who prints nothing", function()
    assert.same({ out = "", err = "", status = 0 }, run { "-e", "", closed = ">/dev/full" })
  end)

  it("is told by help, too", function()
    assert.same({ out = "", err = FULL, status = 1 }, run { "--help", closed = ">/dev/full" })
    assert.same({ out = "", err = FULL, status = 1 }, run { "--version", closed = ">/dev/full" })
  end)
end)

describe("a stream that is closed from the start", function()
  it("is like /dev/null", function()
    assert.same({ out = "", err = "", status = 0 }, run { "-e", "print(1)", closed = ">&-" })
    assert.same({ out = "", err = "", status = 1 }, run { "-e", "error('boom')", closed = "2>&-" })
    assert.same({ out = "nil\n", err = "", status = 0 }, run { "-e", "print(io.read())", closed = "<&-" })
    assert.same({ out = "", err = "", status = 0 }, run { closed = "<&-" })
  end)

  it("is not taken for a queue", function()
    local script = "local q = queue() spawn(function() print 'noise' q:put(7) end):join() "
      .. "local f = io.open('/dev/fd/2', 'w') f:write(tostring(q:get()), '\\n') f:close()"
    assert.same({ out = "", err = "7\n", status = 0 }, run { "-e", script, closed = ">&- <&-" })
  end)
end)

describe("lines", function()
  it("leave at once, also into a pipe", function()
    local result = run { command = [["$P" -e 'print(1) io.write(2, "\n") os.execute("kill -9 $PPID")' | cat]] }
    assert.equal("1\n2\n", result.out)
  end)

  it("keep their order between stdout and stderr", function()
    local result = run { command = [["$P" -e 'print(1) io.stderr:write("2\n") print(3) error("4", 0)' 2>&1]] }
    assert.equal("1\n2\n3\nsandbox: 4\n", result.out:match("^(.-)stack"))
  end)

  it("of many processes do not mix", function()
    local script = [[
      for i = 1, 8 do
        spawn(function() for _ = 1, 200 do io.write(("x"):rep(1000), " ") io.write(i, "\n") end end)
      end]]
    local result = run { command = "\"$P\" - | cat", stdin = script }
    local count = 0
    for line in result.out:gmatch("[^\n]*\n") do
      count = count + 1
      assert.truthy(line:match("^x+ %d\n$") and #line == 1003)
    end
    assert.equal(1600, count)
  end)

  it("on stderr that are not finished leave at once while main is alone", function()
    for script, seen in pairs { ["io.stderr:write('a', 'b', 1)"] = "ab1", ["io.stderr:write('a\\nb')"] = "a\nb",
      ["io.output(io.stderr) io.write('a', 'b', 1)"] = "ab1", ["io.stderr:write('a') io.stderr:write('b')"] = "ab" } do
      local result = run { "-e", script .. "os.execute('kill -9 $PPID')" }
      assert.equal(seen, result.err:match("^(.-)\nsandbox: main"), result.err)
    end
  end)

  it("on stderr that are written in pieces stay whole, also those of main", function()
    local result = run { "-e", [[
      local function write() for _ = 1, 200 do io.stderr:write("a") io.stderr:write("b", 1) io.stderr:write("\n") end end
      for _ = 1, 3 do spawn(write) end
      write()]] }
    assert.equal(("ab1\n"):rep(800), result.err)
  end)

  it("that are not finished leave with their process", function()
    assert.same({ out = "ab", err = "c", status = 0 },
      run { "-e", "io.write('a') spawn(io.write, 'b'):join() io.stderr:write('c')" })
  end)
end)

-- A script whose `writers` processes print lines of one letter each; `length` is a number, or an expression of `k`.
local function letters(writers, length, count, write)
  return ([[
    for k = 1, %d do
      spawn(function()
        local letter = string.char(96 + k)
        for i = 1, %d do
          local line = letter:rep(%s)
          %s
        end
      end)
    end]]):format(writers, count, length, write or "print(line)")
end

-- How many lines there are of each letter, tags taken away; an error if one is of several.
local function count_letters(text, tagged)
  local counts = {}
  local at = 1
  for newline in text:gmatch("()\n") do
    local line = text:sub(at, newline - 1)
    at = newline + 1
    if tagged then line = assert(line:match("^%[p[^]]*#%d+%] (.*)$"), "without a tag: " .. line:sub(1, 80)) end
    local letter = line:sub(1, 1)
    assert(line == letter:rep(#line), "a torn line: " .. line:sub(1, 40) .. " ... " .. line:sub(-40))
    counts[letter] = (counts[letter] or 0) + 1
  end
  assert(at > #text, "an unfinished line")
  return counts
end

describe("long lines", function()
  local lengths = { [4096] = 40, [5000] = 40, [65521] = 6, [70000] = 6, [1000000] = 2 }

  for _, kind in ipairs { "raw", "tag" } do
    it("of several processes stay whole in a pipe, --output " .. kind, function()
      for length, count in pairs(lengths) do
        local result = run { stdin = letters(4, length, count),
          command = ("\"$P\" --output %s - | cat"):format(kind) }
        assert.same({ a = count, b = count, c = count, d = count }, count_letters(result.out, kind == "tag"))
      end
    end)

    it("stay whole in a file, and on stderr, --output " .. kind, function()
      for length, count in pairs(lengths) do
        local result = run { command = ("\"$P\" --output %s - >&2"):format(kind), stdin = letters(4, length, count,
          "if i % 2 == 0 then print(line) else io.stderr:write(line, '\\n') end") }
        assert.same({ a = count, b = count, c = count, d = count }, count_letters(result.err, kind == "tag"))
        result = run { command = ("\"$P\" --output %s - 2>&1 | cat"):format(kind), stdin = letters(4, length, count,
          "if i % 2 == 0 then print(line) else io.stderr:write(line, '\\n') end") }
        assert.same({ a = count, b = count, c = count, d = count }, count_letters(result.out, kind == "tag"))
      end
    end)
  end

  it("do not take short ones in", function()
    local result = run { command = "\"$P\" - | cat", stdin = letters(4, "k % 2 == 0 and 3 or 200000", 20) }
    assert.same({ a = 20, b = 20, c = 20, d = 20 }, count_letters(result.out))
  end)

  it("that are written bit by bit stay whole", function()
    local bits = "for n = 1, #line, 7001 do io.write(line:sub(n, n + 7000)) end io.write('\\n')"
    for _, option in ipairs { "", "io.stdout:setvbuf('full') " } do
      local result = run { command = "\"$P\" - | cat", stdin = option .. letters(4, 140001, 10, bits) }
      assert.same({ a = 10, b = 10, c = 10, d = 10 }, count_letters(result.out))
    end
  end)

  it("that are not finished leave in one piece, with their process", function()
    local script = letters(4, 9000, 20, "io.write(line)")
    local result = run { command = "\"$P\" - | cat", stdin = script }
    local whole = {}
    for letter in ("abcd"):gmatch(".") do whole[#whole + 1] = letter:rep(180000) end
    for _, piece in ipairs(whole) do assert.truthy(result.out:find(piece, 1, true)) end
    assert.equal(4 * 180000, #result.out)
    result = run { command = "\"$P\" --output tag - | cat", stdin = script }
    assert.same({ a = 1, b = 1, c = 1, d = 1 }, count_letters(result.out, true))
    assert.equal(4 * (180000 + #"[p#2] " + 1), #result.out:gsub("%[[^]]*#", "[p#"))
  end)

  it("are flushed when the script flushes them", function()
    for _, length in ipairs { 5, 70000 } do
      local result = run { command = ([[
        "$P" -e 'spawn(function() end):join() io.write(("x"):rep(%d)) io.flush() os.execute("kill -9 $PPID")' | cat]])
        :format(length) }
      assert.equal(("x"):rep(length), result.out)
    end
  end)

  -- `what` is done to a writer inside its line: its first byte was read, and more than fits the pipe is to come.
  local function in_the_middle(what)
    local folder <close> = shell.folder()
    local script = ([[
      local victim = spawn({ quiet = true }, function() print(("a"):rep(1000000)) end)
      io.open("began"):close()
      %s
      local others = {}
      for i, letter in ipairs { "b", "c" } do
        others[i] = spawn(function() for n = 1, 10 do print(letter:rep(n %% 2 == 0 and 3 or 9000)) end end)
      end
      io.open("go", "w"):close()
      sandbox.join_all(others)
      if victim:alive() then victim:resume() end]]):format(what)
    return run { dir = folder.name, stdin = script,
      command = "mkfifo began go; \"$P\" - | { head -c 1; : >began; read -r _ <go; cat; }" }
  end

  it("of a process that is killed inside one hold nobody up, and tear nothing", function()
    local result = in_the_middle("victim:kill() victim:join()")
    local torn, rest = result.out:match("^(a+)\n(.*)$")
    assert.truthy(torn and #torn < 1000000)
    assert.same({ b = 10, c = 10 }, count_letters(rest))
  end)

  it("of a process that is paused inside one hold nobody up for long, and tear nothing but themselves", function()
    local result = in_the_middle("victim:pause()")
    local counts = count_letters(result.out)
    assert.same({ a = 2, b = 10, c = 10 }, counts)
    assert.equal(1000000, select(2, result.out:gsub("a", "")))
  end)

  it("of reports stay whole", function()
    local result = run { command = "\"$P\" - 2>&1 | cat", stdin = [[
      for k = 1, 4 do
        spawn(function() for i = 1, 10 do io.stderr:write(("x"):rep(90000), "\n") end error(("e"):rep(90000) .. k, 0) end)
      end]] }
    assert.equal(4, select(2, ("\n" .. result.out):gsub("\nsandbox: e+%d %(process", "")))
    assert.equal(40, select(2, ("\n" .. result.out):gsub("\nx+%f[\n]", "")))
  end)
end)

describe("stdout", function()
  it("is what libraries expect of it: a place in a file, and a descriptor", function()
    local folder <close> = shell.folder()
    local script = "io.write('abc') io.stderr:write(io.stdout:seek('cur'), ' ', tostring(io.stdout:setvbuf('no')))"
    assert.equal("3 true", run { "-e", script, closed = (">%s/out"):format(folder.name) }.err)
    assert.equal("Illegal seek", run { command = [["$P" -e 'io.write((select(2, io.stdout:seek("set"))))' | cat]] }.out)
  end)
end)

describe("a file that the script leaves open", function()
  it("is written", function()
    local file <close> = shell.file("")
    assert.same({ out = "", err = "", status = 0 },
      run { "-e", ("f = io.open('%s', 'w') f:write('text')"):format(file.name) })
    local handle = assert(io.open(file.name))
    assert.equal("text", handle:read("a"))
    handle:close()
  end)
end)

describe("an error of main", function()
  it("is printed before children are waited for", function()
    local result = run { command = [["$P" -e 'spawn(function() sleep(0.3) print("child") end) error("boom", 0)' 2>&1]] }
    assert.truthy(result.out:match("^sandbox: boom\nstack traceback:\n.*\nchild\n$"))
  end)
end)

describe("the exit status", function()
  local function status(expected, ...) assert.equal(expected, run({ ... }).status) end

  it("is that of the run", function()
    status(0, "-e", "")
    status(1, "-e", "error 'x'")
    status(7, "-e", "os.exit(7)")
    status(3, "-e", "spawn(error, 'x')")
    status(0, "-e", "spawn(error, 'x'):join()")
    status(1, "-e", "spawn(error, 'x') error 'y'")
    status(137, "-e", "os.execute('kill -9 $PPID')")
    status(143, "-e", "os.execute('kill -15 $PPID')")
  end)

  it("of Ctrl-C is 130, and nothing but one line is said", function()
    local result = run { command = [[
      f=$(mktemp)
      "$P" -e 'io.stderr:write("ready\n") sleep(30)' 2>$f & p=$!
      until grep -q ready $f; do sleep 0.05; done
      kill -INT $p; wait $p; status=$?
      cat $f >&2; rm $f; exit $status]] }
    assert.equal(130, result.status)
    assert.truthy(result.err:match("^ready\nsandbox: interrupted[^\n]*\n$"))
  end)
end)
