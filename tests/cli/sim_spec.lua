-- --sim: a run in one process with a virtual clock prints what a real run prints, and the same each time.
local shell = require "support.shell"
local run = require "cli.run"
local quote = shell.quote

-- The address sanitizer knows which bytes of an arena are in use, which images do not keep.
if os.getenv "SANDBOX_SANITIZED" ~= "" then
  describe("--sim", function() pending "under a sanitizer" end)
  return
end

local SCRIPTS = shell.source .. "/scripts/"

local function sim(code, ...) return run { "--sim", "-e", code, ... } end

-- What differs from run to run: numbers of processes, and seconds of a clock.
local function plain(text) return (text:gsub("pid %d+", "pid N")) end

describe("--sim runs a script:", function()
  -- name, arguments; what is printed is the same in a real run
  for _, name in ipairs { "chat", "globals", "heat", "life", "lost_update", "philosophers", "producers", "ratelimit",
    "readers_writers", "supervisor" } do
    it(name .. " prints what it prints in a real run", function()
      local real = run { "--speed", "20", SCRIPTS .. name .. ".lua" }
      local simulated = run { "--sim", SCRIPTS .. name .. ".lua" }
      assert.same({ real.out, real.err, real.status }, { simulated.out, simulated.err, simulated.status })
    end)
  end

  -- name, what is printed at the end; times are not those of a real run
  for name, pattern in pairs {
    async = "^ *0%.0 s .*\n *12%.0 s  got the answer of slow%.example\n$", process = "Total cost [%d%.]+ second%.\n$",
    parallel = "in parallel +wall +0%.00 s", pingpong = "20000 round trips, [%d.]+ microseconds each\n$",
    pipeline = " 8%.0 s  6 letters; one after the other they would take 18 s\n$", primes = "2 workers  148933 primes",
    queue = "Start reading java introduction%.%.%.\n$", serial = "Total cost [%d%.]+ second%.\n$",
  } do
    it(name .. " ends well", function()
      local result = run { "--sim", SCRIPTS .. name .. ".lua" }
      assert.same({ "", 0 }, { result.err, result.status })
      assert.truthy(result.out:find(pattern), result.out)
    end)
  end

  -- Of several, the quickest: a busy machine makes a run slow, but not all of them.
  local function quickest(...)
    local best = math.huge
    for _ = 1, 7 do
      local began = sandbox.now()
      assert.equal(0, run({ ... }).status)
      best = math.min(best, sandbox.now() - began)
    end
    return best
  end

  it("it starts about as quickly as without", function()
    local plain, simulated = quickest("-e", ""), quickest("--sim", "-e", "")
    assert.is_true(simulated < 5 * plain, ("%g s, %g s without"):format(simulated, plain))
  end)

  it("an hour of a thousand sleepers takes seconds", function()
    local began = sandbox.now()
    local result = run { "--sim", "-e", "for i = 1, 1000 do spawn(function() sleep(3600) end) end" }
    assert.equal(0, result.status)
    assert.is_true(sandbox.now() - began < 30, sandbox.now() - began)
  end)

  it("time is virtual: a thousand processes sleep an hour", function()
    local result = sim [[local list = {}
      for i = 1, 1000 do list[i] = spawn(function() sleep(3600) end) end
      sandbox.join_all(list)
      print(sandbox.now())]]
    assert.same({ "3600.0\n", "", 0 }, { result.out, result.err, result.status })
  end)

  it("a loop that waits for time to pass, or for somebody who sleeps, ends", function()
    local result = sim [[local p = spawn(function() sleep(0.01) end)
      while p:alive() do end
      print(sandbox.now() >= 0.01)
      local t = sandbox.now()
      while sandbox.now() < t + 1 do end]]
    assert.same({ "true\n", "", 0 }, { result.out, result.err, result.status })
  end)

  it("large processes keep their memory to themselves", function()
    local result = sim [[local big = {}
      for i = 1, 100000 do big[i] = { i } end
      local list = {}
      for i = 1, 4 do
        list[i] = spawn(function()
          local own = {}
          for k = 1, 3000 * i do own[k] = { k * i } end
          sleep(1)
          for k = 1, #own do assert(own[k][1] == k * i) end
          for k = 1, #big do assert(big[k][1] == k) end
          return #own
        end)
      end
      for i = 1, 4 do print(list[i]:result()) end]]
    assert.same({ "3000\n6000\n9000\n12000\n", "", 0 }, { result.out, result.err, result.status })
  end)

  it("gives main its standard input", function()
    local result = run { "--sim", "-e", "print(io.read()) print(io.read 'a')", stdin = "one\ntwo" }
    assert.same({ "one\ntwo\n", "", 0 }, { result.out, result.err, result.status })
    assert.equal("7\n", run({ "--sim", "-", stdin = "print(3 + 4)" }).out)
  end)
end)

-- Small scripts in which the order matters, or what depends on addresses, the time and chance.
local SMALL = {
  "print(math.random(1000000))", "print({}, print, coroutine.create(print))", "print(os.time(), os.date(), os.clock())",
  "local t = {} for i = 1, 50 do t['k' .. i] = i end for k, v in pairs(t) do io.write(k, ' ') end",
  "local t = {} for i = 1, 20 do t[{}] = i end for _, v in pairs(t) do io.write(v, ' ') end",
  "print(sandbox.now(), sandbox.time())", "print(getpid())", "print(sandbox.cpus())", "print(collectgarbage 'count')",
  "error 'oops'", "local x = nil + 1", "os.exit(9)", "io.stderr:write 'x\\n' print 'y'", "local q = queue() q:get()",
  "spawn(function() error 'child' end)", "print(spawn(function() return math.random(100) end):join())",
  "print(spawn(function() os.exit(3) end):join())", "local p = spawn(sleep, 9) p:kill() print(p:join())",
  "local l = lock() spawn(function() l:acquire() l:acquire() end)", "print(queue())",
  "local e = event() for i = 1, 5 do spawn(function() e:wait() print(i) end) end e:set()",
  "local b = sandbox.barrier(3) for i = 1, 3 do spawn(function() sleep(i) print(i, b:wait(), sandbox.now()) end) end",
  "local v = sandbox.value(0) for i = 1, 4 do spawn(function() v:set(v:get() + 1) end) end sleep(1) print(v:get())",
  "local d = sandbox.dict() for i = 1, 9 do spawn(function() d[i] = math.random(9) end) end sleep(1) for k, v in pairs(d) do print(k, v) end",
  "local p = sandbox.pool(3) print(table.concat(p:map(function(x) return x * x end, { 1, 2, 3, 4 }), ' ')) p:close()",
  "local s = semaphore(2) for i = 1, 5 do spawn(function() s:acquire() print(i, sandbox.now()) sleep(1) s:release() end) end",
  "local q = queue(1) spawn(function() for i = 1, 5 do q:put(i) end end) for _ = 1, 5 do print(q:get()) end",
  "local a, b = sandbox.pipe() spawn(function() b:send(b:recv() .. 'x') end) a:send 'y' print(a:recv())",
  "local q = queue() for i = 1, 5 do spawn(function() q:put(i) end) end for _ = 1, 5 do io.write(q:get(), ' ') end",
  "local l = lock() for i = 1, 5 do spawn(function() l:acquire() io.write(i, ' ') l:release() end) end",
  "print(select(2, pcall(queue().get, queue(), 'x')))", "print(sandbox.select({ sandbox.after(2) }), sandbox.now())",
}

describe("--sim is the same each time:", function()
  local function all(...)
    local words = {}
    for _, code in ipairs(SMALL) do
      words[#words + 1] = ("$P --sim %s -e %s; echo status $?"):format(table.concat({ ... }, " "), quote(code))
    end
    local result = run { command = "(" .. table.concat(words, "\n") .. ") 2>&1" }
    assert.equal(0, result.status)
    return result.out
  end

  it("more than thirty scripts, without a seed, byte for byte", function()
    assert.is_true(#SMALL >= 30)
    assert.equal(all(), all())
  end)

  it("and with one", function() assert.equal(all("--seed", "5"), all("--seed", "5")) end)

  it("other seeds have other orders", function()
    local code = "local q = queue() for i = 1, 4 do spawn(function() q:put(i) end) end " ..
      "for _ = 1, 4 do io.write(q:get(), ' ') end"
    local seen, count = {}, 0
    for seed = 1, 12 do
      local out = run({ "--sim", "--seed", tostring(seed), "-e", code }).out
      count = count + (seen[out] and 0 or 1)
      seen[out] = true
    end
    assert.is_true(count >= 4, count)
  end)
end)

describe("--sim refuses what reaches the outside:", function()
  for code, call in pairs {
    ["io.popen 'ls'"] = "io.popen", ["os.execute 'ls'"] = "os.execute", ["os.remove 'x'"] = "os.remove",
    ["os.rename('x', 'y')"] = "os.rename", ["os.tmpname()"] = "os.tmpname", ["io.tmpfile()"] = "io.tmpfile",
    ["io.open('x', 'w')"] = "io.open('x', 'w')", ["io.open('x', 'r+')"] = "io.open('x', 'r+')",
    ["package.loadlib('x', 'y')"] = "package.loadlib",
  } do
    it(call .. " names itself, and says what to do", function()
      local result = sim(code)
      assert.truthy(result.err:find("^sandbox: %(command line%):1: " .. call:gsub("%p", "%%%0") ..
        " is not possible in a simulated run, [^\n]*: run the script without %-%-sim\n"), result.err)
      assert.equal(1, result.status)
    end)
  end

  it("a module in C says so, too", function()
    local result = sim "require 'lfs'"
    assert.truthy(result.err:find("a simulated run loads no modules in C: run the script without --sim", 1, true), result.err)
    assert.equal(1, result.status)
  end)

  it("but files can be read", function() assert.equal("--\n", sim("print(io.open('cli/run.lua'):read(2))").out) end)
end)

describe("--sim tells of ends as a real run does:", function()
  for name, code in pairs {
    ["an error in main"] = "local function f() error 'no' end f()",
    ["an error that is a table"] = "error { 1 }",
    ["a failed child"] = "local function f() error 'no' end spawn(f)",
    ["a child that was joined"] = "print(spawn(function() error 'no' end):join())",
    ["a result that raises"] = "spawn({ name = 'x' }, function() error 'no' end):result()",
    ["a deadlock"] = "local q = queue() q:get()",
    ["a deadlock of two"] = "local a, b = lock { name = 'a' }, lock { name = 'b' }\nlocal p = spawn({ name = 'p' }, function() " ..
      "b:acquire() sleep(0.2) a:acquire() end) a:acquire() sleep(0.2) b:acquire()",
    ["os.exit"] = "os.exit(7)", ["os.exit(true)"] = "os.exit(true)", ["os.exit(false)"] = "os.exit(false, true)",
    ["os.exit in a child"] = "spawn(function() os.exit(6) end)",
    ["kill"] = "local p = spawn(sleep, 100) p:kill() print(p:join())",
    ["pause"] = "local p = spawn(sleep, 0.1) p:pause() print(p:status(), p:join(0.3)) p:resume() print(p:join())",
    ["interrupt"] = "local p = spawn(function() pcall(sleep, 100) while true do sleep(1) end end) sleep(0.1) " ..
      "p:interrupt() print(p:join())",
    ["stop"] = "local p = spawn(function() pcall(sleep, 100) end) sleep(0.1) print(p:stop(), p:status(), p:join())",
    ["a syntax error"] = "x ==", ["a forgotten lock"] = "spawn(function() lock():acquire() end)",
  } do
    it(name, function()
      local real, simulated = run { "-e", code }, sim(code)
      assert.same({ plain(real.out), plain(real.err), real.status },
        { plain(simulated.out), plain(simulated.err), simulated.status })
    end)
  end

  it("status 3 for a failed child, 4 for a deadlock", function()
    assert.equal(3, sim("spawn(error, 'no')").status)
    assert.equal(4, sim("queue():get()").status)
  end)
end)

describe("a simulated run has the limits of a real one:", function()
  local HEAP = "local t = {} for i = 1, 1e9 do t[i] = i end"
  for _, case in ipairs {
    { "--timeout", "0.3", "while true do end", 124, "the time limit of the run was reached" },
    { "--cpu", "0.3", "while true do end", 124, "the run used 0.3 s of CPU time, its limit (--cpu)" },
    { "--memory", "40M", HEAP, 125, "the run used 40 MiB, its limit (--memory)" },
    { "--output-limit", "1K", "while true do print 'more' end", 125, "the run wrote 1 KiB, its limit (--output-limit)" },
  } do
    local option, value, code, status, message = table.unpack(case)
    it(option, function()
      local result = run { "--sim", option, value, "-e", code }
      assert.equal(status, result.status, result.err)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end)
  end

  it("what stays within them is explored, and its page is written", function()
    local folder <close> = shell.folder()
    local result = run { "--explore", "--timeout", "50", "--memory", "1G", "--trace", "x.html", "-e",
      "spawn(print, 1) spawn(print, 2)", dir = folder.name }
    assert.same({ "", 0 }, { result.err, result.status })
    assert.truthy(result.out:find("of 3 processes, all tried", 1, true), result.out)
    local page <close> = assert(io.open(folder.name .. "/x.html"))
    assert.truthy(page:read("a"):find('id="data"', 1, true))
  end)
end)

describe("--sim and Ctrl-C:", function()
  for name, code in pairs {
    ["a loop without an op"] = "print 'on' while true do end",
    ["a loop in a child"] = "print 'on' spawn(function() while true do end end):join()",
    ["a loop that catches it"] = "print 'on' while true do pcall(function() while true do end end) end",
    ["processes that work together"] = "local a, b = queue(), queue() " ..
      "spawn(function() while true do b:put(a:get()) end end) print 'on' while true do a:put(1) b:get() end",
    ["time that goes on"] = "print 'on' while true do sleep(1) end",
  } do
    it("ends " .. name .. ", with a line and status 130", function()
      local result = run { command = "trap '' HUP; $P --sim -e " .. quote(code) ..
        " >out.$$ & p=$!; while ! grep -q on out.$$; do sleep 0.05; done; sleep 0.1; kill -INT $p; wait $p; s=$?; rm -f out.$$; exit $s",
        dir = shell.folder().name }
      assert.equal(130, result.status, result.err)
      assert.truthy(result.err:find("sandbox: interrupted[^\n]*\n$"), result.err)
    end)
  end
end)

it("--sim tells a failed task of a pool that nobody joined as a real run does: status 3", function()
  local text = "local pool = sandbox.pool(1) pool:submit(function() error('x', 0) end) pool:close() pool:join()"
  assert.same({ 3, 3 }, { run { "-e", text }.status, run { "--sim", "-e", text }.status })
end)
