-- A run over several hosts in which nobody can ever go on ends with status 4, and says who waits where for whom; that
-- no other run does, is in alarm_spec.lua.
local hosts = require "support.hosts"

if hosts.missing then return describe("a deadlock over hosts", function() pending(hosts.missing) end) end

local engine

-- What is told, with "x.lua" for the script's name.
local function lines(r) return (r.err:gsub("/tmp/lua_%w+", "x.lua")) end

local function told(want, text)
  local r = engine:run(text)
  assert.same({ 4, "sandbox: deadlock: nobody can ever go on\n" .. want }, { r.status, lines(r) })
end

describe("a deadlock over hosts", function()
  setup(function() engine = hosts.engine("anna:8", "bert:8") end)
  teardown(function() engine:close() end)

  it("is told when two locks are taken in different orders", function()
    told([[
  main waits in join at the end of the script for plato#2@anna
  plato#2@anna waits in acquire at x.lua:6 for lock right#2, which only kant#3@bert can release
  kant#3@bert waits in acquire at x.lua:6 for lock left#1, which only plato#2@anna can release
]], [[
      local left, right = sandbox.lock { name = "left" }, sandbox.lock { name = "right" }
      local both = sandbox.barrier(2)
      local function eat(one, two)
        one:acquire()
        both:wait()
        two:acquire()
      end
      spawn({ name = "plato", on = "anna" }, eat, left, right)
      spawn({ name = "kant", on = "bert" }, eat, right, left)]])
  end)

  it("is told when nobody will put", function()
    told(([[
  main waits in join at the end of the script for w#2@anna
  w#2@anna waits in get at x.lua:2 for queue jobs#1, which only main can fill; ENDLESS
  w#3@bert waits in get at x.lua:3 for queue jobs#1, which only main can fill; ENDLESS
  queue jobs#1: 2 put, all taken, and never closed
]]):gsub("ENDLESS", "nobody closed the queue: q:close() ends items()"), [[
      local jobs = queue { name = "jobs" }
      spawn({ name = "w", on = "anna" }, function() for _ in jobs:items() do end end)
      spawn({ name = "w", on = "bert" }, function() for _ in jobs:items() do end end)
      jobs:put(1) jobs:put(2)]])
  end)

  it("is told when nobody will take", function()
    local pasts = { ["0"] = "a queue without room: nobody takes the item", ["1"] = "full, with 1 of 1 items" }
    for max, past in pairs(pasts) do
      told([[
  main waits in join at x.lua:2 for p#2@anna
  p#2@anna waits in put at x.lua:4 for queue#1, which only main can empty
  queue#1: ]] .. past .. "\n", ([[
      local q = queue { max = MAX }
      spawn({ name = "p", on = "anna" }, function()
        if MAX == 1 then q:put(0) end
        q:put(1)
      end):join()]]):gsub("MAX", max))
    end
  end)

  it("is told of what nobody releases, sets, notifies or counts down", function()
    for want, text in pairs {
      ["acquire for semaphore#1, which only main can release"] =
        "local o = sandbox.semaphore(0) local function wait() o:acquire() end",
      ["wait for event#1, which only main can set"] = "local o = sandbox.event() local function wait() o:wait() end",
      ["wait for condition#2, which only main can notify"] =
        "local o = sandbox.condition() local function wait() o:acquire() o:wait() end",
      ["wait for latch#1, which only main can count down\n  latch#1: 2 left"] =
        "local o = sandbox.latch(2) local function wait() o:wait() end",
      ["wait for barrier#1, which only main can come to\n  barrier#1: 1 of 2 came"] =
        "local o = sandbox.barrier(2) local function wait() o:wait() end",
    } do
      local verb, rest = want:match("^(%a+) (.*)$")
      told(("  main waits in join at x.lua:2 for p#2@bert\n  p#2@bert waits in %s at x.lua:1 %s\n"):format(verb, rest),
        text .. "\nspawn({ name = 'p', on = 'bert' }, wait):join()")
    end
  end)

  it("is told of a select", function()
    told([[
  main waits in select at x.lua:3 for queue#1, and only p#2@anna can help
  p#2@anna waits in select at x.lua:2 for event#2, and only main can help
  queue#1: nothing was ever put
]], [[
      local q, e = queue(), sandbox.event()
      spawn({ name = "p", on = "anna" }, function() sandbox.select({ e }) end)
      sandbox.select({ q })]])
  end)

  it("is told when processes of one other host wait for each other, and for what is there alone", function()
    told([[
  main waits in join at x.lua:1 for p#2@anna
  p#2@anna waits in join at x.lua:4 for c#3@anna
  c#3@anna waits in join at x.lua:3 for p#2@anna
]], [[
      spawn({ name = "p", on = "anna" }, function()
        local me = sandbox.self()
        local c = spawn({ name = "c" }, function() me:join() end)
        c:join()
      end):join()]])
    told([[
  main waits in join at x.lua:1 for p#2@anna
  p#2@anna waits in join at x.lua:4 for c#3@anna
  c#3@anna waits in get at x.lua:3 for queue here#1, which only p#2@anna can fill
  queue here#1: nothing was ever put
]], [[
      spawn({ name = "p", on = "anna" }, function()
        local q = queue { here = true, name = "here" }
        local c = spawn({ name = "c" }, function() q:get() end)
        c:join()
      end):join()]])
  end)

  it("is told when nobody will send through a pipe", function()
    told([[
  main waits in recv at x.lua:3 for pipe#3, which only p#2@anna can fill
  p#2@anna waits in recv at x.lua:2 for pipe#2, which only main can fill
  pipe#3: 1 sent, all taken
  pipe#2: nothing was ever sent
]], [[
      local a, b = sandbox.pipe()
      spawn({ name = "p", on = "anna" }, function() a:send(1) a:recv() end)
      b:recv() b:recv()]])
  end)

  it("is told when nobody will send", function()
    told([[
  main waits in join at x.lua:1 for p#2@anna
  p#2@anna waits in receive at x.lua:1 for a message, which only main can send
  the mailbox of p#2@anna: nothing was ever put
]], "spawn({ name = 'p', on = 'anna' }, function() sandbox.receive() end):join()")
  end)

  it("is told of processes that were spawned from a third host", function()
    told([[
  main waits in join at x.lua:2 for p#2@anna
  p#2@anna waits in join at x.lua:3 for deep#3@bert
  deep#3@bert waits in get at x.lua:3 for queue#1, which only main and p#2@anna can fill
  queue#1: nothing was ever put
]], [[
      local q = queue()
      spawn({ name = "p", on = "anna" }, function()
        spawn({ name = "deep", on = "bert" }, function() q:get() end):join()
      end):join()]])
  end)

  it("of a part is told, and the run goes on", function()
    local job = engine:start([[
      local left, right = sandbox.lock { name = "left" }, sandbox.lock { name = "right" }
      local both, told = sandbox.barrier(2), arg[1]
      local function eat(one, two)
        one:acquire()
        both:wait()
        two:acquire()
      end
      spawn({ name = "plato", on = "anna", daemon = true }, eat, left, right)
      spawn({ name = "kant", on = "bert", daemon = true }, eat, right, left)
      repeat
        sleep(0.05)
        local f = io.open(told)
      until f
      print "the end"]], "", engine.folder .. "/told")
    job:says("can never go on\n.-can release\n.-can release\n")
    io.open(engine.folder .. "/told", "w"):close()
    local text, status = job:result()
    assert.same({ 0, [[
sandbox: warning: deadlock: 2 of 3 processes can never go on
  plato#2@anna waits in acquire at x.lua:6 for lock right#2, which only kant#3@bert can release
  kant#3@bert waits in acquire at x.lua:6 for lock left#1, which only plato#2@anna can release
the end
]] }, { status, (text:gsub("/tmp/lua_%w+", "x.lua")) })
  end)
end)
