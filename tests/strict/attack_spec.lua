-- Code that has broken out of Lua, against the run itself: it writes what it likes into the memory that the processes of a run
-- share, and makes processes of which there are no records. See strict/kernel_probe.c.
local shell = require "support.shell"
local run = require "cli.run"
local left = require "strict.left"

local PROBE <const> = assert(os.getenv("SANDBOX_PROBE"), "SANDBOX_PROBE must name the module")
local ATTACK <const> = ("local attack = package.loadlib(%q, 'luaopen_attack')() "):format(PROBE)

-- Run a script that has `attack`, with the layers of these letters and none of `missing`.
local function attacked(script, options, layers, missing)
  local words = { "--strict", table.unpack(options or {}) }
  words[#words + 1] = "-e"
  words[#words + 1] = ATTACK .. script
  words.env = { SANDBOX_STRICT_LAYERS = layers, SANDBOX_STRICT_PRELOAD = PROBE, SANDBOX_STRICT_MISSING = missing }
  return run(words)
end

describe("a process outside that shared memory names", function()
  for _, layers in ipairs { "SR", "SNR" } do
    for how, ending in pairs { ["is killed with the run"] = "os.exit(true, false)", ["is interrupted at a limit"] = "while true do end" } do
      it(how .. ", is not meant; layers " .. layers, function()
        -- In its namespace main cannot know its pid outside, so it names the one that it has there. To search all of the memory
        -- takes half a second of the CPU time.
        local o = run { command = ([[sleep 100 & victim=$!
          "$P" --strict --cpu 3 -e "%s print(attack.name_pid(sandbox.self().pid, $victim) > 0) %s" >&2
          kill -0 $victim && echo alive
          kill $victim]]):format(ATTACK:gsub('"', "'"), ending),
          env = { SANDBOX_STRICT_LAYERS = layers, SANDBOX_STRICT_PRELOAD = PROBE } }
        assert.equal("alive\n", o.out, o.err)
        assert.matches("^true\n", o.err)
      end)
    end
  end
end)

describe("processes without a record", function()
  -- On a busy machine a second of CPU time takes a minute: the limit that is meant must come before that of real time, and the end.
  local WAIT <const>, TIME <const> = " sleep(1000) --", "--time=200"

  for _, missing in ipairs { "", "P", "N" } do
    it("are counted, and end with the run; missing: " .. missing, function()
      local word = left.new_word()
      local o = attacked("attack.bomb(60)" .. WAIT .. word, { "--max-procs", "8", TIME }, "FSNR", missing)
      assert.equal(125, o.status, o.err)
      assert.matches("^sandbox: the run had more than 24 processes, programs among them; its limit is 8 %(%-%-max%-procs%)\n$", o.err)
      left.nothing(word)
    end)

    it("use the CPU time of the run; missing: " .. missing, function()
      local word = left.new_word()
      local o = attacked("attack.burn(3)" .. WAIT .. word, { "--cpu", "0.5", TIME }, "FSNR", missing)
      assert.equal(124, o.status, o.err)
      assert.matches("^sandbox: the run used 0.5 s of CPU time", o.err)
      left.nothing(word)
    end)

    it("use it however deep their tree is; missing: " .. missing, function()
      local word = left.new_word()
      local o = attacked("attack.chain(400)" .. WAIT .. word, { "--cpu", "1", "--max-procs", "512", TIME }, "FSNR", missing)
      assert.equal(124, o.status, o.err)
      assert.matches("^sandbox: the run used 1 s of CPU time", o.err)
      left.nothing(word)
    end)

    it("use it though their parent does not want to know how they end; missing: " .. missing, function()
      local word = left.new_word()
      local o = attacked("attack.lose() --" .. word, { "--cpu", "0.5", "--time=60" }, "FSNR", missing)
      assert.equal(124, o.status, o.err)
      assert.matches("^sandbox: the run used 0.5 s of CPU time", o.err)
      left.nothing(word)
    end)

    it("may be programs; missing: " .. missing, function()
      local word = left.new_word()
      local o = run { "--strict", "--allow-run", "--max-procs", "8", "-e",
        "os.execute 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do sleep 30 & done; wait' --" .. word,
        env = { SANDBOX_STRICT_MISSING = missing } }
      assert.equal(125, o.status, o.err)
      assert.matches("more than 24 processes, programs among them", o.err)
      left.nothing(word)
    end)
  end
end)

describe("stdin, stdout and stderr", function()
  for _, missing in ipairs { "", "N" } do
    it("block as before when the run is over; missing: " .. missing, function()
      local o = run { command = ([["$P" --strict -e "%s for fd = 0, 2 do print(fd, attack.unblock(fd)) end" >&2
          for fd in 0 1 2; do grep flags /proc/self/fdinfo/$fd; done]]):format(ATTACK:gsub('"', "'")), stdin = "",
        env = { SANDBOX_STRICT_LAYERS = "FSNR", SANDBOX_STRICT_PRELOAD = PROBE, SANDBOX_STRICT_MISSING = missing } }
      assert.equal("0\ttrue\n1\ttrue\n2\ttrue\n", o.err)
      local n = 0
      for flags in o.out:gmatch "flags:%s*(%d+)" do
        n = n + 1
        assert.equal(0, tonumber(flags, 8) & 2048, o.out)
      end
      assert.equal(3, n)
    end)
  end
end)

describe("the supervisor", function()
  it("looks at its limits, however many messages come", function()
    local began = sandbox.now()
    local o = attacked("attack.flood(12) sleep(60)", { "--time=2" }, "FSNR")
    assert.matches("time limit of the run was reached", o.err)
    assert.is_true(sandbox.now() - began < 30)
  end)

  it("ends at the time limit, though nobody reads what it reports", function()
    local word = left.new_word()
    local o = run { dir = "/tmp", command = ([[
      { "$P" --strict --time 1 -e 'for i = 1, 2000 do
          pcall(function() spawn(function() error(("x"):rep(500) .. i) end):join() end)
        end
        sleep(60) --%s'; echo $? >status.$$; } 2>&1 >/dev/null | {
        n=0; while [ ! -s status.$$ ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
        cat status.$$; rm -f status.$$; }]]):format(word) }
    assert.equal("124\n", o.out)
    left.nothing(word)
  end)

  it("closes descriptors that come with a message of no bytes, and so can go on to look", function()
    local o = run { command = ([[ulimit -n 256
      "$P" --strict --cpu 0.5 --time 60 -e "%s print(attack.drown(2000) > 100) while true do end"]]):format(ATTACK:gsub('"', "'")),
      env = { SANDBOX_STRICT_LAYERS = "FSNR", SANDBOX_STRICT_PRELOAD = PROBE } }
    assert.equal("true\n", o.out)
    assert.matches("^sandbox: the run used 0.5 s of CPU time", o.err)
    assert.equal(124, o.status)
  end)

  it("looks at memory, though nobody reads what it reports", function()
    local word = left.new_word()
    local o = run { dir = "/tmp", command = ([[
      exec 3>out.$$
      { "$P" --strict --memory 64M --time 100 -e 'for i = 1, 28 do spawn(function() error(("x"):rep(8000) .. i, 0) end) end
          sleep(0.3)
          local all = {}
          for i = 1, 40 do
            all[i] = queue()
            for k = 1, 16 do all[i]:put(("y"):rep(500000)) end
          end
          print "through" --%s'; echo $? >status.$$; } 2>&1 >&3 | {
        n=0; while sleep 0.1; n=$((n + 1)); [ ! -s out.$$ ] && [ $n -lt 600 ]; do # main lives, its supervisor and the outer process
          [ $(ps -eo stat,args | grep -v "^Z" | grep -c "^[^ ]* *[^ ]*sandbox --strict .*%s") -gt 2 ] || break; done
        tail -n 1; }
      cat out.$$ status.$$; rm -f out.$$ status.$$]]):format(word, word) }
    assert.equal("", o.err)
    assert.matches("^sandbox: the run used 64 MiB, its limit %(%-%-memory%)[^\n]*\n125\n$", o.out)
    left.nothing(word)
  end)

  it("has room for the places of six processes, however long they are", function()
    local o = run { "--strict", "--cpu=2", "--memory=1G", "-e", [[
      local all = {}
      for i = 1, 7 do all[i] = sandbox.semaphore(0) end
      local wait = load(("\n"):rep(9999998) .. "local all, select = ... return (select(all))", "@" .. ("A"):rep(70) .. ".lua")
      for i = 1, 7 do spawn({ name = ("n"):rep(47) }, wait, all, sandbox.select) end
      spawn(function() -- what reaches the limit, when all others wait
        while not tostring(all[7]):find "8 waiting" do sleep(0.01) end
        while true do end
      end)
      wait(all, sandbox.select)]] }
    assert.equal(124, o.status, o.err)
    local places = o.err:match "its limit %(%-%-cpu%): ([^\n]*)"
    assert.equal(5, select(2, places:gsub("n#%d in select %(acquire, acquire, acquire, acquire, acquire, acquire, %.%.%.%) at %.%.%.A+%.lua:9999999; ", "")))
    assert.matches("; and 3 more$", places)
  end)
end)
