-- Code that has broken out of Lua, against the run itself: it writes what it likes into the memory that the processes of a run
-- share, and makes processes of which there are no records. See strict/kernel_probe.c.
local shell = require "support.shell"
local run = require "cli.run"

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

-- Processes of a run, by a word in their command line.
local function left(word)
  return (shell.run("ps -eo pid,stat,args | grep '[s]trict.*" .. word .. "' | grep -v ' Z'; true"))
end

local function nothing_is_left(word)
  local text
  for _ = 1, 300 do
    text = left(word)
    if text == "" then break end
    sleep(0.1)
  end
  assert.equal("", text)
end

local function new_word() return ("word%08x"):format(math.random(0, 0xffffffff)) end

describe("a process outside that shared memory names", function()
  for _, layers in ipairs { "SR", "SNR" } do
    for how, ending in pairs { ["is killed with the run"] = "os.exit(true, false)", ["is interrupted at a limit"] = "while true do end" } do
      it(how .. ", is not meant; layers " .. layers, function()
        -- In its namespace main cannot know its pid outside, so it names the one that it has there.
        local o = run { command = ([[sleep 100 & victim=$!
          "$P" --strict --cpu 0.3 -e "%s print(attack.name_pid(sandbox.self().pid, $victim) > 0) %s" >&2
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
  for _, missing in ipairs { "", "P", "N" } do
    it("are counted, and end with the run; missing: " .. missing, function()
      local word = new_word()
      local o = attacked("attack.bomb(60) sleep(30) --" .. word, { "--max-procs", "8" }, "FSNR", missing)
      assert.equal(125, o.status, o.err)
      assert.matches("^sandbox: the run had more than 24 processes, programs among them; its limit is 8 %(%-%-max%-procs%)\n$", o.err)
      nothing_is_left(word)
    end)

    it("use the CPU time of the run; missing: " .. missing, function()
      local word = new_word()
      local o = attacked("attack.burn(3) sleep(30) --" .. word, { "--cpu", "0.5" }, "FSNR", missing)
      assert.equal(124, o.status, o.err)
      assert.matches("^sandbox: the run used 0.5 s of CPU time", o.err)
      nothing_is_left(word)
    end)

    it("may be programs; missing: " .. missing, function()
      local word = new_word()
      local o = run { "--strict", "--allow-run", "--max-procs", "8", "-e",
        "os.execute 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do sleep 30 & done; wait' --" .. word,
        env = { SANDBOX_STRICT_MISSING = missing } }
      assert.equal(125, o.status, o.err)
      assert.matches("more than 24 processes, programs among them", o.err)
      nothing_is_left(word)
    end)
  end
end)

describe("the supervisor", function()
  local folder <const> = "a trace"
  local ways = {
    [""] = {}, ["with statistics"] = { "--stats" }, [folder] = { "--trace" }, ["with a deadlock"] = {},
  }
  local CRASHES <const> = { [132] = true, [134] = true, [135] = true, [136] = true, [139] = true }

  for name, options in pairs(ways) do
    it("bears whatever is written into shared memory " .. name, function()
      for seed = 1, tonumber(os.getenv("SANDBOX_SCRIBBLES") or 4) do
        local at <close> = shell.folder()
        local words = { table.unpack(options) }
        if words[1] == "--trace" then words[2] = at.name .. "/t.html" end
        words[#words + 1] = "--time=3"
        words[#words + 1] = "--memory=4G"
        -- The first bytes are the control block's own, then come stamps and seats, then records. It is written by a process
        -- that touches no more of it.
        local o = attacked(([[
          local q, v, l = queue(), sandbox.value(1), sandbox.lock()
          local bar = sandbox.progress { label = "bar", total = 10 }
          bar:add(1)
          for i = 1, 4 do spawn({ name = "w" .. i }, function() q:get() end) end
          print "begun"
          spawn(function() attack.scribbles(%d, 300) end)
          %s]]):format(seed, name == "with a deadlock" and "q:get()" or "sleep(0.5)"), words, "SNR")
        assert.matches("begun", o.out)
        -- Main may crash, and then the supervisor says so.
        if CRASHES[o.status] and not o.err:find "main %(pid %d+%) was killed" then
          error(("seed %d, status %s: %s"):format(seed, o.status, o.err))
        end
      end
    end)
  end
end)
