-- What programs print in a run with an output limit: it counts, and stands where it would stand without one.
local left = require "strict.left"
local run = require "cli.run"
local shell = require "support.shell"

local function strict(script, limit)
  return run { "--strict", "--allow-run", limit or "--output-limit=16M", "-e", script }
end

describe("--output-limit counts what programs print", function()
  local MESSAGE = "sandbox: the run wrote 10 KiB, its limit (--output-limit)        [a program asked for more]\n"

  it("to stdout", function()
    local o = strict("os.execute 'yes'", "--output-limit=10K")
    assert.same({ out = ("y\n"):rep(5120), err = MESSAGE, status = 125 }, o)
  end)

  it("to stderr", function()
    local o = strict("io.popen('yes >&2'):read()", "--output-limit=10K")
    assert.same({ out = "", err = ("y\n"):rep(5120) .. MESSAGE, status = 125 }, o)
  end)

  it("from the background, while the script sleeps", function()
    local o = strict("os.execute 'yes &' sleep(50)", "--output-limit=10K")
    assert.same({ out = ("y\n"):rep(5120), err = MESSAGE, status = 125 }, o)
  end)

  it("of all programs, processes and streams together", function()
    local o = strict([[print(("x"):rep(3000))
      for _ = 1, 4 do spawn(function() os.execute "head -c 1500 /dev/zero; head -c 1500 /dev/zero >&2" end):join() end]],
      "--output-limit=10K")
    assert.equal(125, o.status)
    assert.equal(10240, #o.out + #(o.err:gsub("\n?sandbox: [^\n]*\n$", "")))
  end)

  it("also when not strict", function()
    local o = run { "--output-limit=10K", "-e", "os.execute 'yes'" }
    assert.same({ out = ("y\n"):rep(5120), err = MESSAGE, status = 125 }, o)
  end)

  it("also when it goes past the copier, into the stdout of the script", function()
    local o = run { command = [=["$P" --strict --allow-run --output-limit 10K -e 'os.execute [[
      for p in $PPID $((PPID + 1)); do head -c 30000 /dev/zero >/proc/$p/fd/1; echo sandbox: forged >/proc/$p/fd/2; done]]' 2>&1 |
      tr -d "\0"]=] }
    assert.same({ out = ("sh: N: cannot create /proc/N/fd/N: Permission denied\n"):rep(4), err = "", status = 0 },
      { out = (o.out:gsub("%d+", "N")), err = o.err, status = o.status })
  end)

  it("and lets pass what is below it", function()
    local o = strict("io.popen('cat', 'w'):write(('x'):rep(10240)):close()", "--output-limit=10K")
    assert.same({ out = ("x"):rep(10240), err = "", status = 0 }, o)
  end)
end)

describe("what a program prints", function()
  it("stands before what the script prints after it", function()
    local o = strict [[for i = 1, 20 do
        print("script", i)
        os.execute("echo program " .. i)
        local p = io.popen("cat", "w")
        p:write("reader ", i, "\n")
        p:close()
      end]]
    local lines = {}
    for i = 1, 20 do lines[i] = ("script\t%d\nprogram %d\nreader %d\n"):format(i, i, i) end
    assert.same({ out = table.concat(lines), err = "", status = 0 }, o)
  end)

  it("keeps its order where stdout and stderr go to the same place", function()
    local o = run { command = [["$P" --strict --allow-run -e 'for i = 1, 10 do os.execute "echo a; echo b >&2; echo c" print "d" end' 2>&1]] }
    assert.same({ out = ("a\nb\nc\nd\n"):rep(10), err = "", status = 0 }, o)
  end)

  it("is whole when it is much", function()
    local o = strict("os.execute 'seq 1 100000; seq 1 20000 >&2' print 'end'")
    assert.equal(0, o.status)
    local text = {}
    for i = 1, 100000 do text[i] = i .. "\n" end
    assert.is_true(table.concat(text) .. "end\n" == o.out)
    assert.is_true(table.concat(text, "", 1, 20000) == o.err)
  end)

  it("is there when the run ends, also of a process", function()
    local o = strict "spawn(function() os.execute 'printf x' end):join() io.popen('printf y >&2; cat', 'w')"
    assert.same({ out = "x", err = "y", status = 0 }, o)
  end)

  it("is no message of sandbox", function()
    local o = strict "os.execute [[echo 'sandbox: the run is over' >&2; echo sandbox: yes]]"
    assert.same({ out = "sandbox: yes\n", err = " sandbox: the run is over\n", status = 0 }, o)
  end)

  it("does not keep out of stderr because stdout is full", function()
    local folder <close> = shell.folder()
    local o = run { dir = folder.name, command = [["$P" --strict --allow-run -e 'os.execute "yes | head -c 300000 & echo here >&2; wait"' 2>err |
      { n=0; while ! grep -qs here err && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done; cat err; wc -c; }]] }
    assert.same({ out = "here\n300000\n", err = "", status = 0 }, o)
  end)
end)

describe("a program that prints", function()
  it("ends when nobody reads it", function()
    local o = run { command = [["$P" --strict --allow-run -e 'os.execute "yes" io.stderr:write "over\n"' | head -1]] }
    assert.same({ out = "y\n", err = "over\n", status = 0 }, o)
  end)

  it("does not hold up the end of the run", function()
    local word = left.new_word()
    local o = strict(("os.execute '(exec sleep 500) & : strict %s' print 'end'"):format(word))
    assert.same({ out = "end\n", err = "", status = 0 }, o)
    left.nothing(word)
  end)

  it("ends with a supervisor that is killed, and so does what passes it on", function()
    -- Where there is no namespace of processes to end it, SIGPIPE does.
    for missing, trap in pairs { [""] = [[trap \"\" PIPE; ]], N = "" } do
      local word = left.new_word()
      local o = run { env = { SANDBOX_STRICT_MISSING = missing }, dir = "/tmp", command = ([[
        "$P" --strict --allow-run --output-limit 1000G -e 'os.execute "%s echo here; while :; do echo there; done # strict %s"' >out.$$ & p=$!
        n=0; while ! grep -qs here out.$$ && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
        rm out.$$; kill -9 $p; wait $p]]):format(trap, word) }
      assert.equal(137, o.status)
      left.nothing(word)
    end
  end)

  it("cannot signal the script", function()
    if not run({ "--strict=report" }).out:find("signals to others", 1, true) then return pending "Landlock is older than version 6" end
    local o = strict "os.execute 'kill -9 $PPID 2>/dev/null || echo refused' print 'lives'"
    assert.same({ out = "refused\nlives\n", err = "", status = 0 }, o)
  end)

  it("is not waited for when what passes it on was killed", function()
    local o = run { "--strict=lua", "--allow-run", "-e", [[
      os.execute "for p in $(pgrep -P $PPID); do [ $p = $$ ] || kill -9 $p; done; echo lost"
      print(os.execute "echo lost; exit 3")]] }
    assert.equal("nil\tsignal\t13\n", o.out)
    assert.equal(0, o.status)
  end)
end)

describe("a terminal", function()
  local function on_terminal(script, more)
    local file <close> = shell.file(script)
    local o = run { command = ([[script -qec "$P --strict --allow-run %s %s" /dev/null]]):format(more or "", file.name) }
    return o.out
  end

  it("does not obey programs", function()
    assert.equal("\\x1b[31mred\\x07x\195\164y\r\n",
      on_terminal [[os.execute "printf '\\033[31mred\\007x\\303'; sleep 0.1; printf '\\244y\\n'"]])
  end)

  it("is no stdout to them, and a stdin that they cannot write to", function()
    assert.equal("pipe\r\nasks\r\nread only\r\n", on_terminal [[os.execute "test -t 1 || test -t 2 || echo pipe"
      os.execute "test -t 0 && echo asks; (printf x >&0) 2>/dev/null || echo read only"]])
  end)
end)
