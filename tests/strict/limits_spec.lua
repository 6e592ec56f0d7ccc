-- The limits of a run: each is held, also without --strict, and its message says who asked for more.
local run = require "cli.run"
local shell = require "support.shell"

-- Run a script with options; returns what came of it, and the message of the limit.
local function limited(script, ...)
  local words = { ... }
  words[#words + 1] = "-e"
  words[#words + 1] = script
  return run(words)
end

-- `message` has @ for the place of main. How exactly that is told depends on what the supervisor saw first, the process that asked or
-- its size; and whether that had the time to say where it is.
local function over(o, message, status)
  local told = o.err:match("^sandbox: ([^\n]*)\n$") or o.err
  for _, form in ipairs { "main at ", "main running, after ", "main in %a+ at " } do
    told = told:gsub(form .. "%(command line%):1", "@", 1)
  end
  assert.equal(message, (told:gsub("main running asked", "@ asked", 1)))
  assert.equal(status, o.status)
end

describe("--memory", function()
  local MESSAGE = "the run used 32 MiB, its limit (--memory)        [@ asked for more]"
  local cases = {
    tables = "local t = {} for i = 1, 1e9 do t[i] = { i } end",
    strings = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end",
    ["a string of a gigabyte"] = "local s = ('x'):rep(2^30)",
    doubling = "local s = 'x' while true do s = s .. s end",
    ["a pcall around it"] = "local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = { i } end end) end",
    coroutines = "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end",
    ["the log of a queue"] = "local q, s = queue(), ('x'):rep(1e6) while true do q:put(s) end",
    ["many queues"] = "local t, s = {}, ('x'):rep(1e6) for i = 1, 1e9 do t[i] = queue() t[i]:put(s) t[i]:put(s) end",
    ["a dict"] = "local d, s = sandbox.dict(), ('x'):rep(1e5) for i = 1, 1e9 do d[i] = s end",
    arrays = "local t = {} for i = 1, 1e9 do t[i] = sandbox.array(1e5) end",
  }
  for name, script in pairs(cases) do
    it("ends " .. name, function() over(limited(script, "--memory", "32M"), MESSAGE, 125) end)
  end

  it("is of all processes together", function()
    local o = limited([[local ps = {}
      for i = 1, 8 do ps[i] = spawn({ name = "eater" }, function() local s = ("x"):rep(6 * 2^20) sleep(60) return s end) end
      ps[1]:join()]], "--memory", "32M")
    assert.equal(125, o.status)
    assert.matches("^sandbox: the run used 32 MiB, its limit %(%-%-memory%)        %[eater#%d [%a, ]+ %(command line%):2 asked for more%]\n$", o.err)
  end)

  it("ends what a buffer of Lua's library asks for, in any process", function()
    for script, place in pairs {
      [ [[local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(2^20) .. i end]] ] = "main",
      [ [[spawn({ name = "p" }, function() local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(2^20) end end):join()]] ] = "p#2",
      [ [[coroutine.wrap(function() local t = {} for i = 1, 1e9 do t[i] = table.concat({ ("x"):rep(2^20), i }) end end)()]] ] = "main",
    } do
      local o = limited(script, "--memory", "32M")
      assert.equal(125, o.status, o.err)
      assert.matches("^sandbox: the run used 32 MiB, its limit %(%-%-memory%)        %[" .. place .. " [%a, ]+ ?%(command line%):1 asked for more%]\n$", o.err)
    end
  end)

  it("is an error that a script may catch, where a buffer asks", function()
    local o = limited([[local s = ("x"):rep(14 * 2^20) print(pcall(string.rep, "x", 25 * 2^20)) print "well"]], "--memory", "32M")
    assert.same({ out = "false\tnot enough memory\nwell\n", err = "", status = 0 }, o)
  end)

  it("counts the copies that writing makes of a parent's memory", function()
    local o = limited([[local t = {} for i = 1, 200000 do t[i] = { i } end
      for _ = 1, 8 do spawn(function() for i = 1, #t do t[i][1] = 0 end sleep(60) end) end]], "--memory", "64M")
    assert.equal(125, o.status)
    assert.matches("^sandbox: the run used 64 MiB, its limit", o.err)
  end)

  it("gets back what a process had that has ended, however", function()
    local o = limited([[for i = 1, 40 do
        local p = spawn(function() local s = ("x"):rep(12 * 2^20) if i % 2 == 0 then sleep(60) end end)
        if i % 2 == 0 then p:kill() end
        p:join()
      end
      for i = 1, 100 do local s = ("x"):rep(10 * 2^20) end
      print "well"]], "--memory", "64M")
    assert.same({ out = "well\n", err = "", status = 0 }, o)
  end)

  it("lets garbage be collected first", function()
    local o = limited("for i = 1, 300 do local s = ('x'):rep(3e6) .. i end print 'well'", "--memory", "16M")
    assert.same({ out = "well\n", err = "", status = 0 }, o)
  end)
end)

describe("--cpu", function()
  it("is of all processes together", function()
    local o = limited("local p = spawn(function() while true do end end) while true do end", "--cpu", "0.4")
    assert.equal(124, o.status)
    assert.matches("^sandbox: the run used 0.4 s of CPU time, its limit %(%-%-cpu%): main [^;]+; process#2 ", o.err)
  end)

  it("counts those that have ended", function()
    local o = limited([[while true do
        spawn(function() local t = 0 for i = 1, 1e6 do t = t + i end end):join()
      end]], "--cpu", "0.5")
    assert.equal(124, o.status)
  end)

  it("ends what does not listen", function()
    local o = limited("local s = ('a'):rep(1e5) while true do s:find(('.-'):rep(6) .. 'b') end", "--cpu", "0.3")
    assert.equal(124, o.status)
  end)

  it("does not count sleeping, nor --speed", function()
    assert.same({ out = "", err = "", status = 0 }, limited("sleep(100)", "--cpu", "0.4", "--speed", "200"))
  end)
end)

describe("--output-limit", function()
  it("ends the run, and lets no byte more out", function()
    local o = limited("while true do print 'hello' end", "--output-limit", "10K")
    assert.equal(10240, #o.out)
    over(o, "the run wrote 10 KiB, its limit (--output-limit)        [@ asked for more]", 125)
  end)

  it("is of stdout and stderr, and of all processes", function()
    local o = limited([[for i = 1, 3 do spawn({ name = "writer" }, function()
        while true do io.write(("x"):rep(99), "\n") io.stderr:write(("y"):rep(99), "\n") end end) end]], "--output-limit=100K")
    assert.equal(125, o.status)
    local message = o.err:match("\n(sandbox: [^\n]*)\n$")
    assert.matches("the run wrote 100 KiB, its limit %(%-%-output%-limit%)        %[writer#%d at %(command line%):2 asked for more%]", message)
    assert.is_true(#o.out + #o.err - #message <= 100 * 1024 + 10)
  end)

  it("lets as much pass as it says", function()
    local o = limited("io.write(('x'):rep(10240))", "--output-limit", "10K")
    assert.same({ out = ("x"):rep(10240), err = "", status = 0 }, o)
  end)
end)

describe("control characters of a strict run", function()
  local script = [[print("\27[31mred\0\r\194\155x\195\164")]]
  it("are shown on a terminal", function()
    local file <close> = shell.file(script)
    local o = run { command = ([[script -qec "$P --strict=lua %s" /dev/null]]):format(file.name) }
    assert.equal("\\x1b[31mred\\x00\\x0d\\xc2\\x9bx\195\164\r\n", o.out)
  end)

  it("are sent to a file", function()
    assert.equal("\27[31mred\0\r\194\155x\195\164\n", limited(script, "--strict=lua").out)
  end)
end)
