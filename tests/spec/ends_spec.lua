-- How runs end: what decides the exit status when several things happen, signals without a terminal, and the clock that
-- begins with the run.
local script = require "support.script"
local shell = require "support.shell"
local run, count = script.run, script.count

-- -- the exit status -------------------------------------------------------------------------------

local others = {
  ["nothing else"] = "",
  ["a child that failed"] = "local p = spawn({ quiet = true }, error) while p:alive() do sleep(0.001) end",
  ["a deadlock"] = "local q = queue() spawn(function() q:get() end)",
  ["a child that failed, then a deadlock"] =
    "local p = spawn({ quiet = true }, error) while p:alive() do sleep(0.001) end local q = queue() spawn(function() q:get() end)",
  ["a child that failed and was joined, then a deadlock"] =
    "spawn({ quiet = true }, error):join() local q = queue() spawn(function() q:get() end)",
}

local undecided = {
  ["nothing else"] = 0, ["a child that failed"] = 3, ["a deadlock"] = 4, ["a child that failed, then a deadlock"] = 3,
  ["a child that failed and was joined, then a deadlock"] = 4,
}

-- How main ends, and the status; nil: what the others make of it.
local ends = {
  { "", nil }, { "os.exit()", nil }, { "error('main broke')", 1 }, { "local x = nil + 1", 1 }, { "error()", 1 },
  { "os.exit(7)", 7 }, { "os.exit(7, true)", 7 }, { "os.exit(0)", 0 }, { "os.exit(true)", 0 }, { "os.exit(false)", 1 },
  { "os.exit(256 + 9)", 9 }, { "setmetatable({}, { __gc = function() end }) os.exit(5, true)", 5 },
}

describe("the exit status of main that ends by", function()
  for _, row in ipairs(ends) do
    it(row[1] == "" and "itself" or row[1], function()
      for name, text in pairs(others) do
        local r = run(text .. "\n" .. row[1])
        assert.are.equal(row[2] or undecided[name], r.status, name .. "\n" .. r.err)
        assert.are.equal(name:find "deadlock" and 1 or 0, count(r.err, "sandbox: deadlock"), r.err)
      end
    end)
  end

  it("waiting in a deadlock of its own", function()
    assert.are.equal(4, run("queue():get()").status)
    assert.are.equal(3, run(others["a child that failed"] .. " queue():get()").status)
  end)

  it("anything is 124 when the time of the run is up meanwhile, and 130 or 143 after a signal", function()
    for _, row in ipairs(ends) do
      local r = run("spawn(function() while true do end end) " .. row[1], { args = "--timeout 0.3" })
      assert.are.equal(124, r.status, row[1])
    end
    for signal, status in pairs { INT = 130, TERM = 143, HUP = 129 } do
      local text = ("os.execute('kill -%s ' .. io.open('/proc/self/stat'):read('a'):match('^%%d+ %%b() %%a (%%d+)'))")
        :format(signal)
      for _, last in ipairs { "while true do end", "spawn(sleep, 1000) error('x')", "spawn(sleep, 1000) os.exit(7)" } do
        local r = run("spawn(function() sleep(0.2) " .. text:gsub("self", "'..sandbox.parent().pid..'") .. " end) " .. last)
        assert.are.equal(status, r.status, last .. r.err)
      end
    end
  end)

  it("one line says, also if others have died of the same signal long before the run hears of it", function()
    for signal, status in pairs { TERM = 143, HUP = 129 } do
      local r = run(([[
        local pid = sandbox.value(0)
        spawn(function() spawn(function() pid:set(sandbox.getpid()) sleep(1000) end) end)
        while pid:get() == 0 do sleep(0.001) end
        local run, p = io.open("/proc/self/stat"):read("a"):match("^%d+ %b() %a (%d+)"), pid:get()
        os.execute("kill -STOP " .. run .. "; kill -SIGNAL " .. p .. "; while test -e /proc/" .. p .. "; do sleep 0.01; done")
        os.execute("sleep 1.5; kill -SIGNAL " .. run .. "; kill -CONT " .. run)
        sleep(1000)]]):gsub("SIGNAL", signal), { args = "--timeout 60" })
      assert.are.equal(status, r.status, r.err)
      assert.are.equal(1, count(r.err, "\n"), r.err)
      assert.truthy(r.err:find("^sandbox: terminated: "), r.err)
    end
  end)

  it("anything is 128+n when a signal kills main itself", function()
    assert.are.equal(137, run(others["a child that failed"] .. " sandbox.self():kill()").status)
    assert.are.equal(143, run("sandbox.self():terminate() sleep(1000)").status)
  end)

  it("a line of a prompt", function()
    local function status(line)
      return select(2, shell.run(("printf '%%s\\n' %s | %s -i 2>&1"):format(shell.quote(line), shell.quote(shell.program))))
    end
    assert.are.equal(0, status "error('x')")
    assert.are.equal(7, status "os.exit(7)")
    assert.are.equal(3, status "p = spawn({ quiet = true }, error) while p:alive() do sleep(0.001) end")
    assert.are.equal(4, status "queue():get()")
    assert.are.equal(0, status "os.exit(0)")
  end)
end)

describe("main that has ended, by an error or os.exit, and waits for children", function()
  it("says for whom, after a second", function()
    for text, status in pairs { ["error('broken')"] = 1, ["os.exit(7)"] = 7 } do
      local r = run("spawn({ name = 'busy' }, function() while true do end end) spawn({ daemon = true }, sleep, 9) " .. text,
        { args = "--timeout 2" })
      assert.are.equal(1, count(r.err,
        ("sandbox: main has ended with status %d, and waits for its children: busy#2 running\n"):format(status)), r.err)
    end
  end)

  it("says nothing when it need not wait for long, nor when it ended by itself", function()
    assert.are.equal("", run("spawn(sleep, 0.1) os.exit(7)").err)
    assert.are.equal("", run("spawn(sleep, 1.5)").err)
  end)
end)

-- -- signals without a terminal --------------------------------------------------------------------

-- Run a script until it prints "ready", send a signal, and return what run does.
local function signalled(text, signal, target)
  return run(text, { shell = ([[
    out=$(mktemp); err=$(mktemp)
    %%s >$out 2>$err & wrapper=$!
    for i in $(seq 500); do grep -q ready $out && break; sleep 0.02; done
    main=$(grep -o 'ready [0-9]*' $out | cut -d' ' -f2)
    super=$(ps -o ppid= -p $main | tr -d ' '); group=-$(ps -o pgid= -p $main | tr -d ' ')
    env kill -s %s -- $%s
    wait $wrapper; status=$?
    cat $out; cat $err >&2; rm -f $out $err
    ( exit $status )]]):format(signal, target) })
end

local scripts = {
  ["busy main"] = "print('ready ' .. sandbox.getpid()) while true do end",
  ["busy children"] = [[
    local q = queue()
    for i = 1, 8 do spawn(function() q:put(i) while true do end end) end
    for i = 1, 8 do q:get() end
    print("ready " .. sandbox.getpid())
    while true do end]],
  ["children in protected loops"] = [[
    local q = queue()
    for i = 1, 3 do spawn(function() q:put(i) while true do pcall(function() while true do end end) end end) end
    for i = 1, 3 do q:get() end
    print("ready " .. sandbox.getpid())
    sandbox.join_all(sandbox.children())]],
  ["sleepers"] = [[
    for i = 1, 8 do spawn(function() sleep(1000) end) end
    print("ready " .. sandbox.getpid())
    sleep(1000)]],
  ["a pool"] = [[
    local pool = sandbox.pool(2)
    print("ready " .. sandbox.getpid())
    pool:map(function() while true do end end, { 1, 2, 3 })]],
  ["a scope"] = [[
    local g <close> = sandbox.scope()
    for i = 1, 3 do g:spawn(function() while true do end end) end
    print("ready " .. sandbox.getpid())]],
  ["a main that waits at its end"] = [[
    spawn(function() while true do end end)
    print("ready " .. sandbox.getpid())]],
}

local statuses = { INT = 130, TERM = 143, HUP = 129, QUIT = 131 }

describe("without a terminal, one line tells the end of", function()
  for name, text in pairs(scripts) do
    it(name, function()
      for signal, status in pairs(statuses) do
        for _, target in ipairs { "super", "group", "main" } do
          if signal == "INT" or target ~= "main" then
            local r = signalled(text, signal, target)
            assert.are.equal(status, r.status, signal .. " to " .. target .. r.err)
            assert.is_truthy(r.err:find("^sandbox: [^\n]+\n$"), signal .. " to " .. target .. ":\n" .. r.err)
            assert.is_truthy(r.err:find(signal == "INT" and "interrupted: main " or "terminated: main "), r.err)
            assert.is_nil(r.err:find("[sandbox ", 1, true), r.err)
          end
        end
      end
    end)
  end

  it("a main that is killed alone", function()
    local r = signalled(scripts["busy children"], "TERM", "main")
    assert.are.equal(143, r.status)
    assert.is_truthy(r.err:find("^sandbox: main %(pid %d+%) was killed by signal 15\n$"), r.err)
  end)

  it("a run that failed before: the failure is reported, what the signal ended is not", function()
    local r = signalled([[
      local p = spawn(function() error("boom", 0) end)
      spawn(function() while true do end end)
      p:join()
      print("ready " .. sandbox.getpid())
      sleep(1000)]], "INT", "group")
    assert.are.equal(130, r.status)
    assert.are.same({ 1, 1, 6 }, { count(r.err, "boom"), count(r.err, "interrupted: main "), count(r.err, "\n") }, r.err)
  end)

  it("nothing but the process that is meant: a child alone", function()
    local r = run [[
      local ready = queue()
      local p = spawn({ name = "one" }, function() ready:put(1) while true do end end)
      local r = spawn({ name = "other" }, function() ready:put(1) sleep(0.3) return "well" end)
      ready:get() ready:get()
      os.execute("kill -INT " .. p.pid)
      print(select(2, p:join()).exitcode, r:join())
    ]]
    assert.are.same({ "130\ttrue\twell\n", "", 0 }, { r.out, r.err, r.status })
  end)
end)

describe("--timeout", function()
  it("tells the line where each process is, as Ctrl-C does", function()
    local function told(r)
      return r.err:find((("^sandbox: the time limit of the run was reached: main at %s:6; busy#2 at %s:2; " ..
        "sleeper#3 in sleep at %s:4; deaf#4 running\n$"):gsub("%%s", (r.name:gsub("%W", "%%%%%0")))))
    end
    local r = script.until_limit([[
      spawn({ name = "busy" }, function()
        while true do end
      end)
      spawn({ name = "sleeper" }, function() sleep(1000) end)
      spawn({ name = "deaf" }, function() string.rep("a", 40):find(("a*"):rep(40) .. "b") end)
      while true do pcall(function() while true do end end) end
    ]], 0.5, told)
    assert.are.equal(124, r.status)
    assert.is_truthy(told(r), r.err)
  end)

  it("runs what is to be closed", function()
    local r = script.until_limit("local x <close> = setmetatable({}, { __close = function() print 'closed' end }) sleep(1000)",
      0.3, function(r) return r.out ~= "" end)
    assert.are.same({ "closed\n", 124 }, { r.out, r.status })
  end)
end)

-- -- the clock -------------------------------------------------------------------------------------

describe("the run's clock", function()
  it("begins with the run, at any speed, and is the same in every process", function()
    for speed, most in pairs { [1] = 20, [10] = 200, [0.1] = 2 } do
      local r = run([[
        local a = sandbox.now()
        local b = spawn(function() return spawn(sandbox.now):result() end):result()
        local pool <close> = sandbox.pool(1)
        local c = pool:submit(sandbox.now):result()
        print(a, b, c, sandbox.now())
      ]], { args = "--speed " .. speed })
      local a, b, c, d = r.out:match("^(%S+)\t(%S+)\t(%S+)\t(%S+)\n$")
      a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
      assert.is_true(0 < a and a < b and b < c and c < d and d < most, r.out .. r.err)
    end
  end)

  it("tells the time of day as os.time does", function()
    local before = os.time()
    local now = sandbox.time()
    assert.is_true(before <= now and now < os.time() + 1)
    assert.is_true(spawn(sandbox.time):result() >= now)
  end)
end)
