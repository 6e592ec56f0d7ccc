-- --replay: an interleaving that --explore has told, again: it ends as it was told.
local shell = require "support.shell"
local run = require "cli.run"
local rounds = require "support.rounds"

local TIMES = tonumber(os.getenv("SANDBOX_REPLAYS")) or 10 -- of each program, with real processes

local function program(name) return ("%s/tests/wrong/%s.lua"):format(shell.source, name) end

-- The words of a command line that the report shows: only the token is quoted.
local function words_of(command)
  local words = {}
  for word in command:gmatch("%S+") do words[#words + 1] = (word:gsub("'", "")) end
  return words
end

-- The command for the first failure that --explore tells.
local function again(...)
  local told = run { "--explore=100000", ... }
  local command = told.out:match("\nsee it again: sandbox ([^\n]*)\n")
  assert.truthy(command, told.out .. told.err)
  assert.equal(5, told.status)
  return words_of(command), told.out
end

-- As `again`, of a script with this text; also its name, to be removed.
local function again_text(text)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  finally(function() os.remove(name) end)
  return again(name)
end

-- name of a program, exit status, what is told on stderr
local PROGRAMS = {
  { "missing_mutex_once", 1, "missing_mutex_once.lua:5: an addition is lost" },
  { "withdraw", 1, "withdraw.lua:5" },
  { "lost_wakeup", 4, "waiter#2 waits in wait at [^\n]*lost_wakeup.lua:5 for condition#2" },
  { "naive_philosophers", 4, "philosopher1#2 waits in acquire at [^\n]*philosophers.lua:8 for lock fork2#2" },
  { "if_instead_of_while", 1, "if_instead_of_while.lua:17: took from an empty buffer" },
  { "barrier_reuse", 1, "barrier_reuse.lua:17: too early" },
  { "empty_then_get", 4, "take#3 waits in get at [^\n]*empty_then_get.lua:4 for queue#1" },
  { "one_condition", 4, "wait in wait at [^\n]*one_condition.lua:6 for condition#2" },
  { "semaphore_lost_wakeup", 4, "waits in acquire at [^\n]*semaphore_lost_wakeup.lua:6 for semaphore#3" },
  { "starving_writer", 1, "starving_writer.lua:20" },
  { "until_empty", 1, "until_empty.lua:7" },
}

describe("--sim --replay", function()
  for _, row in ipairs(PROGRAMS) do
    it("ends as --explore has told: " .. row[1], function()
      local command = again(program(row[1]))
      for _ = 1, 2 do
        local result = run { "--sim", table.unpack(command) }
        assert.truthy(result.err:find(row[3]), result.err)
        assert.equal(row[2], result.status)
      end
    end)
  end

  it("prints what the processes print in the order of the steps", function()
    local text = [[
      local turn = sandbox.value(0)
      local function f(name) turn:set(name) io.write(name, ' has set it\n') end
      sandbox.join_all { spawn(f, 'a'), spawn(f, 'b') }
      assert(turn:get() == 'a')]]
    local command = again("-e", text)
    assert.equal("--replay", command[1])
    local result = run { "--sim", command[1], command[2], "-e", text }
    assert.equal("a has set it\nb has set it\n", result.out)
    assert.equal(1, result.status)
  end)

  it("tells that a run never ends", function()
    local command = again(program "two_locks_busy")
    assert.equal("--sim", command[1])
    local result = run(command)
    assert.equal(5, result.status)
    assert.truthy(result.err:find("it never ends", 1, true), result.err)
  end)

  it("has the seed of the exploration", function()
    local text = "local v = sandbox.value(0) sandbox.join_all { spawn(function() v:set(math.random(1000)) end) } " ..
      "error('it was ' .. v:get())"
    local told = run { "--explore", "--seed", "7", "-e", text }
    assert.truthy(told.out:find(" --seed 7 ", 1, true), told.out)
    local token = told.out:match("--replay '(%S+)'")
    local result = run { "--sim", "--replay", token, "--seed", "7", "-e", text }
    assert.equal(told.out:match("it was %d+"), result.err:match("it was %d+"))
  end)
end)

describe("--replay of a circle", function()
  it("says what real processes do not show", function()
    local text = [[
      local v, stop = sandbox.value(0), sandbox.value(false)
      spawn(function() while not v:cas(0, 1) do end v:set(0) stop:set(true) end)
      spawn(function() while not stop:get() do if v:cas(0, 1) then v:set(0) end end end)]]
    local command = again("-e", text)
    assert.same({ "--sim", "--replay" }, { command[1], command[2] })
    local result = run { "--sim", "--replay", command[3], "-e", text }
    assert.equal(5, result.status)
    result = run { "--replay", command[3], "-e", text }
    local words = "and then go on by themselves; with --sim it is seen to come back"
    assert.truthy(result.err:find(words, 1, true), result.err)
    assert.equal(0, result.status)
  end)
end)

-- text of a program, exit status, what is told
local TEXTS = {
  ["a process that kills itself"] = { [[
    local v = sandbox.value(0)
    local p = spawn(function() sandbox.self():kill() end)
    p:join() v:add(1)
    error "over"]], 1, "over" },
  ["a process that terminates itself between others"] = { [[
    local v = sandbox.value(0)
    local p = spawn(function() v:add(1) sandbox.self():terminate() end)
    local q = spawn(function() v:set(v:get() + 1) end)
    p:join() q:join()
    assert(v:get() == 2, "an addition is lost")]], 1, "an addition is lost" },
  ["a worker of a pool that kills itself"] = { [[
    local v, pool = sandbox.value(0), sandbox.pool(1)
    local task = pool:submit(function() v:add(1) sandbox.self():kill() end)
    local ok, failure = task:join()
    error("over " .. tostring(ok) .. (failure and "" or ""))]], 1, "over" },
  ["a message by a handle that comes again"] = { [[
    local boxes, go = queue(), sandbox.event()
    local p = spawn(function()
      go:wait()
      boxes:peek()[1]:send(1) boxes:peek()[1]:send(3)
    end)
    local q = spawn(function() sandbox.receive() return sandbox.receive() end)
    boxes:put { q } go:set()
    p:join()
    error("got " .. q:result())]], 1, "got 3" },
  ["a lock that times out"] = { [[
    local l, v = sandbox.lock(), sandbox.value(0)
    local p = spawn(function() l:acquire() sandbox.sleep(.1) v:add(1) l:release() end)
    local q = spawn(function() if l:acquire(.02) then v:add(10) l:release() else v:add(100) end end)
    sandbox.join_all { p, q }
    assert(v:get() ~= 101, "q timed out")]], 1, "q timed out" },
  ["a lock that does not time out, whatever the time is"] = { [[
    local l, v = sandbox.lock(), sandbox.value(0)
    local p = spawn(function() l:acquire() v:add(1) l:release() end)
    local q = spawn(function() if l:acquire(.000001) then v:add(10) l:release() end end)
    sandbox.join_all { p, q }
    assert(v:get() ~= 11, "q had it")]], 1, "q had it" },
  ["a wait for a condition that times out"] = { [[
    local c, v = sandbox.condition(), sandbox.value(0)
    local p = spawn(function() c:acquire() local ok = c:wait(.02) v:set(ok and 1 or 2) c:release() end)
    local q = spawn(function() c:acquire() sandbox.sleep(.1) c:notify() c:release() end)
    sandbox.join_all { p, q }
    assert(v:get() == 1, "p timed out")]], 1, "p timed out" },
  ["a wait that times out, while another is notified"] = { [[
    local c, n = sandbox.condition(), sandbox.value(0)
    local a = spawn(function() c:acquire() if c:wait(0.02) then n:add(1) end c:release() end)
    local b = spawn(function() sandbox.sleep(.005) c:acquire() if c:wait(10) then n:add(10) end c:release() end)
    local d = spawn(function() sandbox.sleep(.01) c:acquire() sandbox.sleep(.02) c:notify() c:release() end)
    sandbox.join_all { a, b, d }
    error("woken up: " .. n:get())]], 1, "woken up: 10" },
  ["a condition, whose waiter has its lock only after another"] = { [[
    local c, turn = sandbox.condition(), sandbox.value(0)
    local p = spawn(function() c:acquire() c:wait(10) turn:set(2 * turn:get()) c:release() end)
    local q = spawn(function() c:acquire() c:notify() turn:add(1) c:release() end)
    local r = spawn(function() c:acquire() turn:add(10) c:release() end)
    sandbox.join_all { p, q, r }
    assert(turn:get() ~= 22, "q, r, p")]], 1, "q, r, p" },
  ["a barrier"] = { [[
    local b, v = sandbox.barrier(2), sandbox.value(0)
    local function f(i) b:wait() v:set(i) b:wait() end
    sandbox.join_all { spawn(f, 1), spawn(f, 2) }
    assert(v:get() == 2, "1 was last")]], 1, "1 was last" },
  ["an event that is cleared too early, but not for who waits"] = { [[
    local e, v = sandbox.event(), sandbox.value(0)
    local p = spawn({ name = "waiter" }, function() v:get() e:wait() v:set(1) end)
    local q = spawn(function() e:set() e:clear() end)
    q:join()
    if v:get() == 0 then p:join() error("it was in line") end]], 1, "it was in line" },
  ["a select with a timeout"] = { [[
    local q, r = sandbox.queue(), sandbox.queue()
    local p = spawn(function() return sandbox.select({ q, r }, .02) ~= nil end)
    spawn(function() sandbox.sleep(.1) r:put(1) end)
    assert(p:result(), "nothing came")]], 1, "nothing came" },
  ["a sentinel that comes too early"] = { [[
    local q, out = sandbox.queue(1), sandbox.queue()
    local c = spawn(function() for x in function() return q:get() or nil end do out:put(x) end end)
    sandbox.join_all { spawn(function() q:put(1) q:put(2) end), spawn(function() q:put(false) end) }
    c:join()
    assert(#out == 2, "the end came early")]], 1, "the end came early" },
  ["a process that asks whether another one lives"] = { [[
    local v = sandbox.value(0)
    local p = spawn(function() v:set(1) end)
    local q = spawn(function() if p:alive() then v:add(10) end end)
    q:join() p:join()
    assert(v:get() ~= 11, "it was alive")]], 1, "it was alive" },
  ["a kill"] = { [[
    local l, v = sandbox.lock(), sandbox.value(0)
    local p = spawn(function() l:acquire() v:set(1) l:release() v:set(2) end)
    local k = spawn(function() p:kill() end)
    k:join() p:join()
    assert(v:get() ~= 1, "killed in between")]], 1, "killed in between" },
  ["a select that chooses the first of those that are ready"] = { [[
    local a, b = sandbox.queue(), sandbox.queue()
    sandbox.join_all { spawn(function() a:put "a" end), spawn(function() b:put "b" end) }
    assert(select(2, sandbox.select { a, b }) ~= "a", "it was a")]], 1, "it was a" },
  ["a select that chooses the second of those that are ready"] = { [[
    local a, b = sandbox.queue(), sandbox.queue()
    sandbox.join_all { spawn(function() a:put "a" end), spawn(function() b:put "b" end) }
    assert(select(2, sandbox.select { a, b }) ~= "b", "it was b")]], 1, "it was b" },
  ["random numbers, and grandchildren"] = { [[
    local v = sandbox.value(0)
    local function f()
      local r = math.random(1000)
      v:set(v:get() + r)
      spawn(function() print(math.random(1000)) end):join()
    end
    sandbox.join_all { spawn(f), spawn(f) }
    error("sum " .. v:get())]], 1, "sum %d+" },
}

-- Without what is not the same each time.
local function plain(text) return (text:gsub("pid %d+", "pid N"):gsub("\t", " ")) end

describe("--replay", function()
  local function ends_each_time(command, status, words)
    local simulated = run { "--sim", table.unpack(command) }
    local said = plain(simulated.err):match(words)
    assert.truthy(said, simulated.err)
    for _ = 1, rounds.count(TIMES) do
      local result = run(command)
      assert.equal(said, plain(result.err):match(words), result.err)
      assert.equal(status, result.status)
      assert.equal(#simulated.out, #result.out)
    end
  end

  for _, row in ipairs(PROGRAMS) do
    it("has the same end with real processes: " .. row[1], function()
      ends_each_time(again(program(row[1])), row[2], row[3])
    end)
  end

  for name, row in pairs(TEXTS) do
    it("takes the same steps: " .. name, function() ends_each_time(again_text(row[1]), row[2], row[3]) end)
  end

  it("works together with --timeline, --trace and --speed", function()
    local trace = os.tmpname() .. ".json"
    finally(function() os.remove(trace) end)
    local command = again(program "naive_philosophers")
    local result = run { "--timeline=80", "--trace", trace, "--speed", "5", table.unpack(command) }
    assert.equal(4, result.status)
    assert.truthy(result.err:find("philosopher1#2 waits in acquire", 1, true), result.err)
    assert.truthy(result.err:find("waits for lock", 1, true), result.err)
    assert.truthy(assert(io.open(trace)):read("a"):find("fork1", 1, true))
  end)

  -- The time of day is another one in the simulator.
  local DIFFERS = [[
    local v, real = sandbox.value(0), os.time() > 1000000000
    local p = spawn({ name = "p" }, function() %s v:set(2) end)
    local q = spawn({ name = "q" }, function() v:set(3) end)
    sandbox.join_all { p, q }
    assert(v:get() == 2, "q came last")]]

  it("tells the first step that differs", function()
    local function differs(text, words)
      local result = run(again_text(DIFFERS:format(text)))
      assert.truthy(result.err:find("sandbox: replay: step %d+ differs: p#2 was to set value#1, but " .. words), result.err)
      assert.equal(5, result.status)
    end
    differs("if real then v:get() else v:set(1) end", "it is to get\n")
    differs("if real then os.exit(0) end v:set(1)", "it has ended\n")
    differs("if real then os.execute 'sleep 30' end v:set(1)", "it does not come\n")
  end)

  it("does not hold up what sleeps or computes for long", function()
    local text = DIFFERS:format("if real then sandbox.sleep(60) end v:set(1)")
    local command = again_text(text)
    local result = run { "--speed", "10", table.unpack(command) }
    assert.truthy(result.err:find("q came last", 1, true), result.err)
    assert.equal(1, result.status)
  end)
end)

describe("a token that is wrong", function()
  local function refused(words, ...)
    local result = run { "--sim", ... }
    assert.truthy(result.err:find(words, 1, true), result.err)
    assert.equal("", result.out)
    assert.equal(2, result.status)
  end

  it("is refused, with what is wrong with it", function()
    local file = program "missing_mutex_once"
    local token = again(file)[2]
    refused("the token is not one of --explore: those begin with sbx1:", "--replay", "hello", file)
    refused("the token names pauses, and is one of --shake-token", "--replay", "sbxs1:r0:0123456789abcdef", file)
    refused("the token is of another version", "--replay", (token:gsub("sbx1", "sbx2")), file)
    refused("the token is cut off", "--replay", token:sub(1, -2), file)
    refused("the token is of another script", "--replay", token, program "withdraw")
    refused("has changed since", "--replay", token, "-e", "print(1)", file)
    refused("option '--replay' cannot be used together with '--explore'", "--replay", token, "--explore", file)
    refused("option '--replay' cannot be used together with '--shake'", "--replay", token, "--shake", file)
    refused("option '--replay' needs the script of its token", "--replay", token)
  end)

  it("that names other steps is told with the first that differs", function()
    local file = program "missing_mutex_once"
    local head, tail = again(file)[2]:match("^(sbx1:%x+:v:)[^~]*(~%x+)$")
    local function differs(words, turns)
      local result = run { "--sim", "--replay", head .. turns .. tail, file }
      assert.truthy(result.err:find(words, 1, true), result.err)
      assert.equal(5, result.status)
    end
    differs("step 2 differs: process 0 was to go on, but it cannot: SELECT", "2>p0")
    differs("step 1 differs: process 9 was to go on, and there is none", "1>p9")
    differs("the token goes on, but the run is over", "99>p1")
    differs("they are not those of the token", "")
  end)
end)
