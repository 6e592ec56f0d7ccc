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

  it("that are not finished leave with their process", function()
    assert.same({ out = "ab", err = "c", status = 0 },
      run { "-e", "io.write('a') spawn(io.write, 'b'):join() io.stderr:write('c')" })
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
