-- --explore --trace x.html: the page of an exploration. Its looks are tested in a browser, trace/test_explore.py.
local shell = require "support.shell"
local run = require "cli.run"
local cjson = require "cjson"

local LOST = [[
local count = sandbox.value(0)
local function add() count:set(count:get() + 1) print "added" end
sandbox.join_all { spawn(add), spawn(add) }
assert(count:get() == 2, "count is </script> " .. count:get())
]]

local function slurp(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function list(folder) return (shell.run("ls -A " .. shell.quote(folder))) end

-- Explore a script with a page: its data, and the result.
local function explored(text, ...)
  local folder <close> = shell.folder()
  local args = table.pack(...)
  args[#args + 1] = "--trace"
  args[#args + 1] = "x.html"
  args[#args + 1] = "-e"
  args[#args + 1] = "\n" .. text -- one that begins with -- is no option
  args.dir = folder.name
  local result = run(args)
  assert.equal("x.html\n", list(folder.name), result.err)
  local page = slurp(folder.name .. "/x.html")
  return cjson.decode((page:match '<script type="application/json" id="data">(.-)</script>')), result
end

-- The states that a failure goes through, as numbers in the page.
local function states_of(data, failure)
  local at, passed = 0, { 0 }
  for _, k in ipairs(failure.path) do
    at = data.states[at + 1][6][k + 1][2]
    passed[#passed + 1] = at
  end
  return passed
end

-- Programs, and the exit status of a real run. An exploration finds a failure exactly if that is not 0, or if the run tells on
-- stderr of a failure that was joined, and that nobody looked at.
local ENDS = {
  { [[spawn({ quiet = true }, function() error "x" end)]], 3 },
  { [[spawn({ quiet = true }, function() os.exit(3) end)]], 3 },
  { [[local a, b = spawn({ quiet = true }, error, "x"), spawn({ quiet = true }, error, "y") sandbox.join_all { a, b }]],
    3 },
  { [[spawn({ daemon = true, quiet = true }, function() error "x" end) sleep(0.1)]], 3 },
  { [[spawn({ quiet = true }, function() error "x" end):join()]], 0 },
  { [[spawn(function() error "x" end)]], 3 },
  { [[spawn(function() error "x" end):join()]], 0, unseen = true },
  { [[spawn(function() os.exit(3) end):join()]], 0, unseen = true },
  { [[sandbox.team(2, function(i) if i == 2 then error "x" end end):join()]], 0, unseen = true },
  { [[spawn(function() spawn(function() error "x" end) end):join()]], 3 },
  { [[spawn(function() sleep(10) end):interrupt()]], 0 },
  { [[spawn(function() sandbox.self():kill() end)]], 0 },
  { [[sandbox.self():kill()]], 137 },
  { [[local p = sandbox.pool(1) p:submit(function() error "x" end) p:close() p:join()]], 3 },
  { [[spawn(function() error "x" end) sandbox.queue():get()]], 3 },
  { [[os.exit(7)]], 7 },
  { [[error "x"]], 1 },
}

-- Loops that a real run comes out of: time ends them.
local POLLS = {
  [[local done, left = sandbox.event(), sandbox.deadline(0.2)
    spawn(function() sleep(0.1) done:set() end)
    while left:left() > 0 and not done:is_set() do end]],
  [[local v, t = sandbox.value(0), sandbox.now()
    spawn(function() while sandbox.now() - t < 0.1 do v:add(0) end v:set(1) end):join()]],
  [[local v, t = sandbox.value(0), sandbox.now()
    while sandbox.now() - t < 0.1 do v:add(0) end]],
  [[local e = sandbox.event() spawn(function() sleep(0.1) e:set() end) while not e:is_set() do end]],
}

describe("an exploration and a run", function()
  for _, row in ipairs(ENDS) do
    local code, status = table.unpack(row)
    it("agree about how it ends: " .. code, function()
      local real, simulated, told = run { "-e", code }, run { "--sim", "-e", code }, run { "--explore", "-e", code }
      assert.same({ status, status }, { real.status, simulated.status }, real.err .. simulated.err)
      assert.equal((status ~= 0 or row.unseen) and 5 or 0, told.status, told.out .. told.err)
    end)
  end

  for i, code in ipairs(POLLS) do
    it("agree that a loop has an end that waits for time, " .. i, function()
      for _, option in ipairs { "--seed=1", "--sim" } do assert.equal(0, run { option, "-e", code }.status) end
      local told = run { "--explore", "-e", code }
      assert.equal(125, told.status, told.out .. told.err)
      assert.truthy(told.out:find("not all: a process polls the clock", 1, true), told.out)
    end)
  end

  it("know a loop that time does not end", function()
    local told = run { "--explore", "-e", "local t, e = sandbox.now(), sandbox.event() while not e:is_set() do end" }
    assert.equal(5, told.status, told.out .. told.err)
    assert.truthy(told.out:find("some never end", 1, true), told.out)
  end)

  -- Once the signal is caught, it is sent.
  local SIGNAL = [=[
    $P %s -e '%s' & p=$!
    until [ $((0x$(sed -n 's/^SigCgt:[[:space:]]*//p' /proc/$p/status) & 0x%x)) -ne 0 ]; do sleep 0.02; done
    kill -%d $p; wait $p]=]
  local COUNTERS = [[local v = sandbox.value(0)
    for _ = 1, 5 do spawn(function() for _ = 1, 9 do v:set(v:get() + 1) end end) end]]

  for name, number in pairs { TERM = 15, HUP = 1 } do
    it("end with one line at SIG" .. name, function()
      for option, code in pairs { ["--sim"] = "while true do sandbox.sleep(1) end", ["--explore"] = COUNTERS } do
        local told = run { command = SIGNAL:format(option, code, 1 << (number - 1), number) }
        assert.equal(128 + number, told.status, told.out .. told.err)
        assert.truthy((told.out .. told.err):find("terminated", 1, true), told.out .. told.err)
      end
    end)
  end
end)

describe("--explore", function()
  it("tries orders with few preemptions, if that is asked for", function()
    local r = run { "--explore=preemptions:0", "-e", LOST }
    assert.equal(125, r.status, r.out .. r.err)
    assert.truthy(r.out:find("all with at most 0 preemptions tried", 1, true), r.out)
    r = run { "--explore=preemptions:1,states:1000", "-e", LOST }
    assert.equal(5, r.status, r.out .. r.err)
    assert.truthy(r.out:find("1 preemption", 1, true), r.out)
  end)

  it("says when there is nothing that the processes share", function()
    local words = "the processes share no object"
    local counting = "count = %s spawn(function() %s end) spawn(function() %s end)"
    local r = run { "--explore", "-e", counting:format("0", "count = count + 1", "count = count + 1") }
    assert.truthy(r.out:find("nobody waits for ever\n" .. words, 1, true), r.out)
    r = run { "--explore", "-e", counting:format("sandbox.value(0)", "count:add(1)", "count:add(1)") }
    assert.falsy(r.out:find(words, 1, true), r.out)
    assert.falsy(run { "--explore", "-e", "count = 0" }.out:find(words, 1, true))
  end)

  it("says when it is right only because somebody sleeps", function()
    local words = "sleeps and timeouts are in virtual time"
    local result = run { "--explore", "-e", "local q = queue() spawn(function() sleep(1) q:put(1) end) q:get()" }
    assert.equal(0, result.status)
    assert.is_truthy(result.out:find(words, 1, true), result.out)
    result = run { "--explore", "-e", "local q = queue() spawn(function() q:put(1) end) q:get()" }
    assert.is_falsy(result.out:find(words, 1, true), result.out)
  end)

  it("tells tables as Lua has them, cut where they are long", function()
    local result = run { "--explore", "-e", [[local q = queue() local t = { "x" } t.me = t
      spawn(function() q:put({ 1, -300, a = true, ["b c"] = 1.5 }) q:put(t) q:put({}) q:put({ {}, { { {} } } })
        q:put({ function() return q end, q }) q:put({ ("x"):rep(100), "and more" }) q:put('quo"te') end):join()
      for _ = 1, 7 do q:get() end error("seen")]] }
    for _, text in ipairs { '{1, -300, ', 'a = true', '["b c"] = 1.5', '{"x", me = {"x", me = {"x"', "q:put({})", "q:put({{}, {{{}}}})",
      "q:put({a function, a value})", 'q:put({"xxxxxxxxxxxxxxxxxxxxxxxx...", ...})', [[q:put("quo\"te")]] } do
      assert.is_truthy(result.out:find(text, 1, true), text .. "\n" .. result.out)
    end
  end)

  it("tells what part of the interleavings ends wrong: as one in so many only where that is exact, or rare", function()
    local text = "local v = sandbox.value(0) spawn(function() for _ = 1, %d do v:add(1) end end) assert(v:get() < %d)"
    for told, numbers in pairs {
      ["2 of 5 end wrong (40 %)"] = { 4, 3 }, ["1 of 5 end wrong (1 in 5)"] = { 4, 4 },
      ["5 of 5 end wrong (100 %)"] = { 4, 0 }, ["2 of 7 end wrong (29 %)"] = { 6, 5 },
      ["2 of 4 end wrong (50 %)"] = { 3, 2 }, ["2 of 151 end wrong (1 in 76)"] = { 150, 149 },
    } do
      local r = run { "--explore", "-e", text:format(table.unpack(numbers)) }
      assert.truthy(r.out:find("\n" .. told .. "\n", 1, true), r.out)
    end
  end)

  it("calls the methods of a condition as the script does", function()
    local r = run { "--explore", "-e", [[
      local c, v = sandbox.condition(), sandbox.value(0)
      spawn(function() c:acquire() v:add(1) c:notify_all() c:notify() c:release() end)
      c:acquire()
      c:wait_for(function() return v:get() == 1 end)
      error("seen")]] }
    for _, call in ipairs { "c:notify_all()", "c:notify()", "c:wait_for()" } do
      assert.truthy(r.out:find(call, 1, true), r.out)
    end
    assert.falsy(r.out:find("c:wait_for%(%)[^\n]*lost"), r.out)
  end)

  it("sees no good moment in a script that always ends wrong", function()
    local moment = "the last good moment"
    local six = [[
      local v, list = sandbox.value(0), {}
      for i = 1, 6 do list[i] = spawn(function() v:add(1) end) end
      sandbox.join_all(list)
      assert(v:get() == %d)]] -- six sixths, added up as floating point numbers, are less than 1
    local polls = [[
      local done = sandbox.value(false)
      spawn(function() done:set(true) end)
      while not done:get() do end
      error "never good"]]
    for _, text in ipairs { six:format(7), polls } do
      local data, r = explored(text, "--explore")
      assert.equal(5, r.status, r.err)
      assert.falsy(r.out:find(moment, 1, true), r.out)
      assert.equal(1, data.states[1][2])
    end
    assert.equal(0, run({ "--explore", "-e", six:format(6) }).status)
    local r = run { "--explore", "-e", LOST }
    assert.truthy(r.out:find(moment, 1, true), r.out)
  end)

  it("names a script that comes from stdin as its errors do", function()
    for _, script in ipairs { "-", "" } do
      local r = run { command = ('"$P" --explore %s'):format(script), stdin = "spawn(print)" }
      assert.truthy(r.out:find("^stdin: 1 interleaving of 2 processes"), r.out)
    end
  end)

  it("tells the join at the end of a script as a run does, also step by step", function()
    local text = "local q = queue() for _ = 1, 4 do spawn(q.get, q) end"
    local r = run { "--explore", "-e", text }
    assert.truthy(r.out:find("main waits for ever in join at the end of the script for %w+#2, %w+#3, %w+#4, %.%.%.\n"), r.out)
    r = run { "--step", "-e", text, stdin = "f\n" }
    assert.truthy(r.out:find("main waits in join at the end of the script for %w+#2, %w+#3, %w+#4, %.%.%.\n"), r.out)
  end)

  it("names the processes for which join_all waits", function()
    local result = run { "--explore", "-e", "local q = queue() local function get() q:get() end " ..
      "sandbox.join_all { spawn(get), spawn(get), spawn(get), spawn(get) }" }
    assert.is_truthy(result.out:find("main waits for ever in join at (command line):1 for get#2, get#3, get#4, ...", 1, true), result.out)
  end)

  it("says that items are never read", function()
    local result = run { "--explore", "-e", "local q = queue() spawn(function() q:put(1) q:put(2) end):join() q:get()" }
    assert.equal(0, result.status)
    assert.is_truthy(result.out:find("1: ends well, items are never read\n", 1, true), result.out)
    result = run { "--explore", "-e", "local q = queue() spawn(function() q:put(1) q:put(2) end):join() q:get() q:get()" }
    assert.is_falsy(result.out:find("never read", 1, true), result.out)
  end)

  it("names a run of each outcome", function()
    local text = "local q = queue() for i = 1, 2 do spawn(function() q:put(i) end) end print(q:get(), q:get())"
    local result = run { "--explore", "-e", text }
    local seen = {}
    for printed, token in result.out:gmatch("prints\n    (%d\t%d)\n    such a run: %-%-replay '(%S+)'\n") do
      seen[printed] = true
      for _, sim in ipairs { "--sim", "-E" } do
        assert.equal(printed .. "\n", run({ sim, "--replay", token, "-e", text }).out)
      end
    end
    assert.is_true(seen["1\t2"] and seen["2\t1"], result.out)
  end)
end)

describe("--explore-kills", function()
  local ADD = [[
local lock, count = sandbox.lock(), sandbox.value(0)
local function add()
  lock:acquire()
  count:set(count:get() + 1)
  lock:release()
end
local p, q = spawn(add), spawn(add)
p:join() q:join()
assert(count:get() >= %d, "count is " .. count:get())
]]

  it("finds what goes wrong when a process is killed", function()
    local well = run { "--explore", "-e", ADD:format(2) }
    assert.equal(0, well.status, well.out)
    local result = run { "--explore-kills", "-e", ADD:format(2) }
    assert.equal(5, result.status)
    assert.is_truthy(result.out:find("3 processes, of which one may be killed, all tried", 1, true), result.out)
    assert.is_truthy(result.out:find("wrong: count is 1", 1, true), result.out)
    assert.is_truthy(result.out:find("is killed", 1, true), result.out)
  end)

  it("is no failure if the others get on: the lock of one that was killed is free", function()
    local result = run { "--explore-kills", "-e", ADD:format(1) }
    assert.equal(0, result.status, result.out)
  end)

  it("finds the reader that waits for one that was killed", function()
    local text = "local q = queue() spawn(function() q:put(1) end) spawn(function() q:get() end)"
    assert.equal(0, run({ "--explore", "-e", text }).status)
    local result = run { "--explore-kills", "-e", text }
    assert.is_truthy(result.out:find("end in a deadlock", 1, true), result.out)
  end)

  it("finds it also where the run is explored a second time, with ends as steps", function()
    for text, what in pairs {
      [ [[local main = sandbox.self() spawn(function() main:send(1) end) assert(sandbox.receive() == 1)]] ] = "mailbox",
      [ [[local t = sandbox.topic() local s <close> = t:subscribe(1) spawn(function() t:publish(1) end) s:get()]] ] = "topic",
    } do
      local result = run { "--explore-kills", "-e", text }
      assert.equal(5, result.status, what .. result.out)
      assert.is_truthy(result.out:find("end in a deadlock", 1, true), result.out)
    end
  end)

  it("says so if there is nobody to kill", function()
    local result = run { "--explore-kills", "-e", "print(1)" }
    assert.equal(0, result.status)
    assert.is_truthy(result.out:find("1 process, of which none could be killed, all tried", 1, true), result.out)
  end)

  it("tells a command that shows the run again", function()
    local text = ADD:format(2)
    local result = run { "--explore-kills", "-e", text }
    assert.truthy(result.out:find("\nsee it again: sandbox %-%-replay '%S+!p%S+' %-e "), result.out)
    assert.truthy(result.out:find("such a run: --replay '", 1, true), result.out)
  end)

  it("has a token, which is followed in the simulator and by real processes", function()
    local text = ADD:format(2)
    local token = run({ "--explore-kills", "-e", text }).out:match("%-%-replay '(%S+!p%S+)'")
    assert.is_truthy(token)
    for _, simulated in ipairs { true, false } do
      local result = run(simulated and { "--sim", "--replay", token, "-e", text } or { "--replay", token, "-e", text })
      assert.is_truthy(result.err:find("count is 1", 1, true), result.err)
      assert.equal(1, result.status)
    end
  end)

  it("has a page, too", function()
    local data = explored(ADD:format(2), "--explore-kills")
    assert.is_true(data.failures[1].story.steps[#data.failures[1].path] ~= nil)
    local killed = 0
    for _, step in ipairs(data.failures[1].story.steps) do killed = killed + (step.killed and 1 or 0) end
    assert.equal(1, killed)
  end)
end)

describe("--explore --trace x.html", function()
  it("has each state, and the failing schedule as a path through them", function()
    local data, result = explored(LOST, "--explore")
    assert.equal(5, result.status)
    assert.equal(result.out, data.report)
    assert.is_true(data.complete)
    assert.is_false(data.cut)
    assert.are.same({ "error" }, { data.failures[1].kind, data.failures[2] })
    local passed = states_of(data, data.failures[1])
    assert.equal(2, data.states[passed[#passed] + 1][1]) -- it ends wrong
    assert.is_true(data.states[1][2] > 0 and data.states[1][2] < 1)
    assert.equal(1, data.states[passed[#passed] + 1][2])
    assert.equal(6, data.states[1][3])
    assert.equal("lost update", data.failures[1].story.cause)
    assert.are.same({ "main", "add#2", "add#3" }, data.processes)
    assert.are.same({ { "count", "value" } }, data.objects)
  end)

  it("tells of each process what it asks for, and of each object how it is", function()
    local data = explored(LOST, "--explore")
    local calls, values, printed = {}, {}, 0
    for _, h in ipairs(data.histories) do calls[("%s%d"):format(data.strings[h[1] + 1], h[5])] = true end
    for _, call in ipairs { "count:get()3", "count:set(1)3", "count:set(2)3", "count:get()5" } do assert.is_true(calls[call], call) end
    for _, s in ipairs(data.states) do
      values[data.strings[(s[5][1] or 0) + 1]] = true
      for _, step in ipairs(s[6]) do printed = printed + (data.strings[step[4] + 1] == "added\n" and 1 or 0) end
    end
    assert.is_true(values["0"] and values["1"] and values["2"])
    assert.is_true(printed > 1)
  end)

  it("has the circle of a process that waits for ever", function()
    local data = explored(slurp(shell.source .. "/tests/explore/starving_writer.lua"), "--explore")
    local last = data.failures[#data.failures]
    assert.equal("starves", last.kind)
    assert.is_truthy(last.story.loop)
    local passed = states_of(data, last)
    assert.equal(passed[last.story.loop + 1], passed[#passed])
  end)

  it("tells the states near the failures when there are too many", function()
    local data = explored(slurp(shell.source .. "/tests/explore/dining.lua"):gsub("tonumber%(.-%) or 3", "6"), "--explore")
    assert.is_true(data.cut)
    assert.is_true(#data.states < 20000)
    local passed = states_of(data, data.failures[1])
    assert.equal(3, data.states[passed[#passed] + 1][1])
    local without = 0
    for _, s in ipairs(data.states) do without = without + (s[6] == cjson.null and 1 or 0) end
    assert.is_true(without > 0)
  end)

  it("has a page of a script in which nothing goes wrong, and of one that was not explored to its end", function()
    local data, result = explored("local q = queue() spawn(function() q:put(1) end) q:get()", "--explore")
    assert.equal(0, result.status, result.err)
    assert.are.same({}, data.failures)
    data, result = explored(LOST, "--explore=4")
    assert.is_false(data.complete)
    assert.equal(125, result.status)
  end)

  it("refuses what it cannot write", function()
    local function refuses(words, ...)
      local result = run { ... }
      assert.equal(2, result.status)
      assert.is_truthy(result.err:find(words, 1, true), result.err)
      assert.equal("", result.out)
    end
    refuses("option '--explore' writes its trace as .html, not into 'x.svg'", "--explore", "--trace", "x.svg", "-e", "")
    refuses("option '--explore' writes its trace as .html, not into 'x.json'", "--explore", "--trace", "a.html", "--trace", "x.json",
      "-e", "")
    refuses("cannot write the trace '/nowhere/x.html': No such file or directory", "--explore", "--trace", "/nowhere/x.html", "-e", "")
    refuses("option '--explore' cannot be used together with '--stats'", "--explore", "--stats", "--trace", "x.html", "-e", "")
  end)

  it("leaves the old page if the script cannot be read", function()
    local folder <close> = shell.folder()
    local file = assert(io.open(folder.name .. "/x.html", "w"))
    file:write "old"
    file:close()
    file = assert(io.open(folder.name .. "/x.lua", "w"))
    file:write "this is not Lua"
    file:close()
    local result = run { dir = folder.name, "--explore", "--trace", "x.html", "x.lua" }
    assert.equal(1, result.status)
    assert.equal("old", slurp(folder.name .. "/x.html"))
    assert.equal("x.html\nx.lua\n", list(folder.name))
  end)

  it("warns when the disk is full, and has the report all the same", function()
    local folder <close> = shell.folder()
    shell.run("ln -s /dev/full " .. shell.quote(folder.name .. "/x.html"))
    local result = run { dir = folder.name, "--explore", "--trace", "x.html", "-e", LOST }
    assert.equal(5, result.status)
    assert.is_truthy(result.err:find("cannot write the trace 'x.html': No space left on device", 1, true), result.err)
    assert.is_truthy(result.out:find("4 of 6 end wrong", 1, true), result.out)
  end)
end)
