-- The jail from outside: it goes on whole or not at all, and a run in it ends as any other does.
local run = require "cli.run"
local left = require "strict.left"

-- Run a script with --strict, and with variables of a build for tests.
local function strict(script, options, env)
  local words = { "--strict" }
  for _, word in ipairs(options or {}) do words[#words + 1] = word end
  words[#words + 1] = "-e"
  words[#words + 1] = script
  words.env = env
  return run(words)
end

-- May this user make a namespace of the network?
local function has_network()
  return run { "--strict=report" }.out:find("namespaces  [^\n]*net") ~= nil
end

describe("a layer that is missing", function()
  local function refused(message, env)
    local o = strict("print 'runs'", nil, env)
    assert.equal("", o.out)
    assert.equal("sandbox: " .. message .. "\n         --strict=lua holds by the language alone: not for people you do not trust\n",
      o.err)
    assert.equal(2, o.status)
  end

  it("keeps the run from beginning", function()
    refused("--strict needs Landlock (Linux 5.13); this machine has none", { SANDBOX_STRICT_MISSING = "F" })
    refused("--strict cannot be held: seccomp of seccomp failed: Function not implemented", { SANDBOX_STRICT_MISSING = "S" })
  end)

  it("may be the namespaces, or those of processes, or that of the network", function()
    for _, missing in ipairs { "N", "P", "T" } do
      local o = strict("print(spawn(function() return 7 end):result())", nil, { SANDBOX_STRICT_MISSING = missing })
      assert.same({ out = "7\n", err = "", status = 0 }, o)
    end
  end)

  it("is told when it is the namespace of the network; not when that cannot be made beside the start", function()
    if not has_network() then return pending("this user may not make namespaces") end
    for missing, there in pairs { T = "", B = "net%+" } do
      local env, kinds = { SANDBOX_STRICT_MISSING = missing }, ("user%%+[pid+]-%sipc%%+mount"):format(there)
      assert.matches("namespaces " .. kinds .. ";", strict("", { "--stats" }, env).err)
      assert.matches("\nnamespaces  " .. kinds .. "\n", run { "--strict=report", env = env }.out)
    end
  end)
end)

describe("--strict=report", function()
  it("tells which layers there are", function()
    local o = run { "--strict=report" }
    assert.equal(0, o.status)
    assert.matches("language    yes\nLandlock    version %d: files", o.out)
    assert.matches("\nseccomp     yes\nnamespaces  ", o.out)
    assert.matches("\n%-%-strict runs on this machine\n$", o.out)
    local none = run { "--strict=report", env = { SANDBOX_STRICT_MISSING = "FN" } }
    assert.equal(2, none.status)
    assert.matches("Landlock    no: it needs Linux 5.13", none.out)
    assert.matches("namespaces  no: this user may not make any", none.out)
    assert.matches("%-%-strict does not run on this machine; %-%-strict=lua does", none.out)
  end)
end)

describe("a strict run ends", function()
  it("with the exit status of its script", function()
    assert.equal(0, strict("").status)
    assert.equal(1, strict("error 'x'").status)
    assert.equal(7, strict("os.exit(7)").status)
    assert.equal(3, strict("spawn(error, 'x')").status)
    assert.equal(4, strict("queue():get()").status)
  end)

  it("at its time limit", function()
    local o = strict("while true do end", { "--time", "0.3" })
    assert.equal(124, o.status)
    assert.matches("the time limit of the run was reached: main at %(command line%):1", o.err)
  end)

  it("when it is interrupted, or terminated, as any other", function()
    for signal, status in pairs { INT = 130, TERM = 143 } do
      local sleeps, o = "^sandbox: %a+: main in sleep at %(command line%):1\n$"
      for _, pause in ipairs { 0, 1, 5 } do -- what is printed is there before main sleeps
        o = run { command = ([[
          "$P" --strict -e 'print "here" sleep(60)' >out.$$ & p=$!
          n=0; while ! grep -qs here out.$$ && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
          rm out.$$; sleep %d; kill -%s $p; wait $p]]):format(pause, signal), dir = "/tmp" }
        if o.err:find(sleeps) then break end
      end
      assert.equal(status, o.status)
      assert.matches(sleeps, o.err)
    end
  end)

  it("when one of its two upper processes is killed", function()
    for _, victim in ipairs { "$p", "$(pgrep -P $p)" } do
      local word = left.new_word()
      local o = run { command = ([[
        "$P" --strict -e 'spawn(sleep, 60) print "here" sleep(60) --%s' >out.$$ & p=$!
        n=0; while ! grep -qs here out.$$ && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
        rm out.$$; kill -9 %s; wait $p]]):format(word, victim), dir = "/tmp" }
      assert.equal(137, o.status)
      left.nothing(word)
    end
  end)
end)

describe("the two processes above main", function()
  it("have no capability, and another network", function()
    if not has_network() then return pending("this user may not make namespaces") end
    local o = run { command = [[
      "$P" --strict -e 'print "here" sleep(60)' >out.$$ & p=$!
      n=0; while ! grep -qs here out.$$ && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
      rm out.$$
      for pid in $p $(pgrep -P $p); do
        n=0; while ! grep -q "^CapPrm:.0*$" /proc/$pid/status && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
        grep "^CapPrm\|^CapEff" /proc/$pid/status
        [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/$$/ns/net)" ] && echo apart
      done
      kill $p; wait $p]], dir = "/tmp" }
    local none = ("0"):rep(16)
    local each = ("CapPrm:\t%s\nCapEff:\t%s\napart\n"):format(none, none)
    assert.equal(each:rep(2), o.out)
  end)
end)

describe("-l of a module in C", function()
  it("is a wrong command line", function()
    local o = run { "--strict", "-l", "lfs", "-e", "print 'runs'" }
    assert.equal(2, o.status)
    assert.equal("", o.out)
    assert.matches("module 'lfs' not found", o.err)
  end)
end)

describe("a process that is paused", function()
  it("is seen to be", function()
    local o = strict([[local p = spawn(sleep, 60)
      p:pause() print(p:status(), spawn(function() return (p:status()) end):result())
      p:resume() print(p:status()) p:kill()]])
    assert.same({ out = "stopped\tstopped\nrunning\n", err = "", status = 0 }, o)
  end)
end)

describe("--stats", function()
  it("tells what holds, and how often the kernel refused what is dangerous", function()
    local o = strict("print(1)", { "--stats" })
    assert.matches("\nstrict     language, Landlock %d, seccomp, [%a ]*namespaces[%a+ ]*; memory by sandbox\n$", o.err)
    local probe = assert(os.getenv("SANDBOX_PROBE"))
    o = strict(("local probe = package.loadlib(%q, 'luaopen_kernel_probe')() probe 'ptrace' probe 'udp'"):format(probe),
      { "--stats" }, { SANDBOX_STRICT_LAYERS = "FSNR", SANDBOX_STRICT_PRELOAD = probe })
    assert.matches("; memory by sandbox; 2 dangerous system calls refused\n$", o.err)
    assert.is_nil(run { "--stats", "-e", "" }.err:find("strict"))
    o = strict("print(1)", { "--stats=json" })
    local facts = require "cjson".decode(o.err).strict
    assert.same({ "language", "landlock", "seccomp" }, { table.unpack(facts.layers, 1, 3) })
    assert.equal(0, facts.refused)
    assert.is_true(facts.landlock >= 1 and (#facts.namespaces == 0) == (facts.layers[4] == nil))
    assert.is_nil(require "cjson".decode(run { "--stats=json", "-e", "" }.err).strict)
    assert.same({ "language" }, require "cjson".decode(run { "--strict=lua", "--stats=json", "-e", "" }.err).strict.layers)
  end)
end)

describe("a strict run has", function()
  it("no environment but what is allowed and what the program itself reads", function()
    local o = strict('os.execute "env | sort"', { "--allow-run", "--allow-env=MINE" },
      { MINE = "yes", YOURS = "no", LC_TIME = "C", SANDBOX_STRICT_LAYERS = "FSNR" })
    assert.matches("MINE=yes\n", o.out)
    assert.matches("LC_TIME=C\n", o.out)
    assert.is_nil(o.out:find("YOURS"))
    assert.is_nil(o.out:find("HOME="))
  end)

  it("no descriptors but its own", function()
    local o = run { command = [["$P" --strict --allow-run -e 'os.execute "cat <&7"' 7</etc/passwd]],
      env = { SANDBOX_STRICT_LAYERS = "FSNR" } }
    assert.is_nil(o.out:find("root:"))
    assert.not_equal("", o.err)
  end)

  it("programs that may do no more than it", function()
    local o = strict([[print(os.execute "cat /etc/passwd; echo >/tmp/no-such-file-here; ls / >/dev/null")]],
      { "--allow-run" }, { SANDBOX_STRICT_LAYERS = "FSNR" })
    assert.is_nil(o.out:find("root:"))
    assert.is_nil(io.open("/tmp/no-such-file-here"))
  end)
end)
