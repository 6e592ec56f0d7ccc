-- A run in which nobody can ever go on ends with status 4, and says who waits where for whom; no other run does.
local script = require "support.script"
local run = script.run

-- The lines of a report under its head, divided by "; ", with "x.lua" for the script's name: those about processes, and
-- those about what happened last.
local function lines_under(head, r)
  local first, lines = r.err:match("^sandbox: ([^\n]*)\n(  [^\n].*\n)$")
  assert.are.equal(head, first, r.err)
  local waits, past = {}, {}
  for line in lines:gsub(r.name:gsub("%W", "%%%0"), "x.lua"):gmatch("  ([^\n]*)\n") do
    local list = (line:find(" waits? in ") or line:find("^and ")) and waits or past
    list[#list + 1] = line
  end
  return table.concat(waits, "; "), table.concat(past, "; ")
end

-- Those of a run that must be deadlocked; and what it printed, between them.
local function told(text, o)
  local r = run(text, o)
  assert.are.equal(4, r.status, r.err)
  local waits, past = lines_under("deadlock: nobody can ever go on", r)
  return waits, r.out, past
end

-- What it says of what happened last.
local function told_last(text) return (select(3, told(text))) end

-- In front of a script: await_told(n) waits until that many warnings stand on its stderr, which is a file.
local AWAIT = [[local function await_told(n) for _ = 1, 1000 do local f <close> = io.open("/proc/self/fd/2") if ]] ..
  [[select(2, f:read("a"):gsub("warning: deadlock", "")) >= n then return end sleep(0.01) end error "not told" end ]]

-- Those about the processes that wait for ever in a run that goes on, and ends well.
local function warned(head, text)
  local r = run(AWAIT .. text)
  assert.are.equal(0, r.status, r.err)
  return lines_under("warning: deadlock: " .. head, r)
end

describe("a deadlock is told and ends the run with status 4:", function()
  it("main waits for an item that nobody puts", function()
    local line, out = told [[
      local q = queue()
      print "before"
      q:get()
      print "after"
    ]]
    assert.are.equal("main waits in get at x.lua:3 for queue#1, which nobody else can fill", line)
    assert.are.equal("before\n", out)
  end)

  it("main waits for the end of a closed queue, of which something is in hand", function()
    local line, _, past = told [[
      local q, go, there = queue { redeliver = true, name = "jobs" }, sandbox.event(), queue()
      q:put(1)
      spawn({ name = "worker" }, function() q:get() there:put(true) go:wait() end)
      there:get()
      q:close()
      for _ in q:items() do end
    ]]
    assert.are.equal("main waits in get at x.lua:6 for queue jobs#1, which only worker#2 can fill; " ..
      "worker#2 waits in wait at x.lua:3 for event#2, which only main can set", line)
    assert.is_truthy(past:find("queue jobs#1: 1 put, 1 in hand, which may come back", 1, true), past)
  end)

  it("main waits for room that nobody makes", function()
    assert.are.equal("main waits in put at x.lua:3 for queue jobs#1, which nobody else can empty", (told [[
      local q = queue { name = "jobs", max = 1 }
      q:put(1)
      q:put(2)
    ]]))
  end)

  it("main publishes to a subscriber without room", function()
    assert.are.equal("main waits in publish at x.lua:4 for topic#1, and nobody else can help", (told [[
      local t = sandbox.topic()
      local s = t:subscribe(1)
      t:publish(1)
      t:publish(2)
    ]]))
  end)

  it("two wait for one another", function()
    assert.are.equal("main waits in join at the end of the script for a#2; a#2 waits in get at x.lua:4 for queue one#1, " ..
      "which only main and b#3 can fill; b#3 waits in get at x.lua:4 for queue two#2, which only main and a#2 can fill",
      (told [[
      local one, two = queue { name = "one" }, queue { name = "two" }
      local function relay(from, to)
        --
        to:put(from:get())
      end
      spawn({ name = "a" }, relay, one, two)
      spawn({ name = "b" }, relay, two, one)
    ]]))
  end)

  it("workers wait for a close that never comes, while main waits for their results", function()
    assert.are.equal("main waits in join at x.lua:7 for w#2; w#2 to w#21 wait in get at x.lua:3 for " ..
      "queue jobs#1, which only main can fill; nobody closed the queue: q:close() ends items()", (told [[
      local jobs = queue { name = "jobs" }
      local function work()
        for _ in jobs:items() do end
      end
      local list = {}
      for i = 1, 20 do list[i] = spawn({ name = "w" }, work); jobs:put(i) end
      list[1]:join()
    ]]))
  end)

  it("a child joins main", function()
    local line = told [[
      local main = sandbox.self()
      spawn({ name = "c" }, function() main:join() end):join()
    ]]
    assert.are.equal("main waits in join at x.lua:2 for c#2; c#2 waits in join at x.lua:2 for main", line)
  end)

  it("whoever could have helped has been killed", function()
    assert.are.equal("main waits in get at x.lua:4 for queue#1, which nobody else can fill", (told [[
      local q = queue()
      local p = spawn({ quiet = true }, function() sleep(1000) q:put(1) end)
      p:kill()
      q:get()
    ]]))
  end)

  it("daemons do not keep a run going", function()
    assert.are.equal("main waits in get at x.lua:4 for queue results#2, which only d#2 can fill; d#2 waits in get at " ..
      "x.lua:3 for queue jobs#1, which only main can fill", (told [[
      local jobs, results = queue { name = "jobs" }, queue { name = "results" }
      spawn({ daemon = true, name = "d" },
        function() results:put(jobs:get()) end)
      results:get()
    ]]))
  end)

  it("locks are taken in different orders", function()
    assert.are.equal("main waits in join at the end of the script for plato#2; plato#2 waits in acquire at x.lua:6 for " ..
      "lock right#2, which only kant#3 can release; kant#3 waits in acquire at x.lua:6 for lock left#1, which only " ..
      "plato#2 can release", (told [[
      local left, right = sandbox.lock { name = "left" }, sandbox.lock { name = "right" }
      local both = sandbox.barrier(2)
      local function eat(one, two)
        one:acquire()
        both:wait()
        two:acquire()
      end
      spawn({ name = "plato" }, eat, left, right)
      spawn({ name = "kant" }, eat, right, left)
    ]]))
  end)

  it("nobody sets, notifies or releases", function()
    for line, text in pairs {
      ["main waits in wait at x.lua:1 for event#1, which nobody else can set"] = "sandbox.event():wait()",
      ["main waits in wait at x.lua:1 for condition#2, which nobody else can notify"] =
        "local c = sandbox.condition() c:acquire() c:wait()",
      ["main waits in acquire at x.lua:1 for semaphore#1, which nobody else can release"] =
        "local s = sandbox.semaphore(1) s:acquire() s:acquire()",
    } do
      assert.are.equal(line, (told(text)))
    end
  end)

  it("the holder of a lock waits for something else", function()
    assert.are.equal("main waits in acquire at x.lua:8 for lock#1, which only p#2 can release; p#2 waits in get at " ..
      "x.lua:5 for queue#3, which nobody else can fill", (told [[
      local lock, held = sandbox.lock(), sandbox.event()
      spawn({ name = "p" }, function()
        lock:acquire()
        held:set()
        queue():get()
      end)
      held:wait()
      lock:acquire()
    ]]))
  end)

  it("two change values and dicts inside one another's updates", function()
    local kinds = {
      ["update#value"] = "x:update(function() return 1 end)", ["set#value"] = "x:set(1)", ["add#value"] = "x:add(1)",
      ["cas#value"] = "x:cas(0, 1)", ["set#dict"] = "x.k = 1", ["update#dict"] = "x:update('k', function() return 1 end)",
    }
    for name, change in pairs(kinds) do
      local verb, type = name:match "(%a+)#(%a+)"
      local key = type == "dict" and "'k', " or ""
      local text = ([[
        local first, second = sandbox.TYPE(TYPE_OF), sandbox.TYPE(TYPE_OF)
        local both = sandbox.barrier(2)
        local function change(x)
          CHANGE
        end
        spawn({ name = "a" }, function() first:update(KEYfunction() both:wait() change(second) return 1 end) end)
        spawn({ name = "b" }, function() second:update(KEYfunction() both:wait() change(first) return 1 end) end)
      ]]):gsub("TYPE_OF", type == "dict" and "{}" or "0"):gsub("TYPE", type):gsub("KEY", key):gsub("CHANGE", change)
      local line = told(text)
      assert.are.equal(("main waits in join at the end of the script for a#2; a#2 waits in %s at x.lua:4 for %s#2, which " ..
        "only b#3 can finish updating; b#3 waits in %s at x.lua:4 for %s#1, which only a#2 can finish updating")
        :format(verb, type, verb, type), line)
    end
  end)

  it("an update waits for a lock, whose holder waits for the update to end", function()
    assert.are.equal("main waits in join at x.lua:7 for p#2; p#2 waits in set at x.lua:3 for dict#3, which only main can " ..
      "finish updating", (told [[
      local lock, ready, d = sandbox.lock(), sandbox.event(), sandbox.dict()
      local p = spawn({ name = "p" }, function() lock:acquire() ready:set() sleep(0.1)
        d.k = 1
      end)
      ready:wait()
      d:update("k", function()
        p:join()
        lock:acquire()
      end)
    ]]))
  end)

  it("nothing is sent through a pipe", function()
    assert.are.equal("main waits in recv at x.lua:3 for pipe talk#4, which only p#2 can fill; p#2 waits in select at " ..
      "x.lua:2 for pipe talk#3, and only main can help", (told [[
      local a, b = sandbox.pipe { name = "talk" }
      spawn({ name = "p" }, function() sandbox.select { a } end)
      b:recv()
    ]]))
    assert.are.equal("main waits in poll at x.lua:1 for pipe#3, which nobody else can fill",
      (told "local a, b = sandbox.pipe() a:poll(math.huge)"))
  end)

  it("none of several things can happen", function()
    assert.are.equal("main waits in select at x.lua:3 for queue#1 or queue full#2, and only p#2 can help; p#2 waits in " ..
      "join at x.lua:2 for main", (told [[
      local q, full, main = queue(), queue { name = "full", max = 1 }, sandbox.self() full:put(1)
      spawn({ name = "p" }, function() main:join() end)
      sandbox.select { q, full:putting(2), ordered = true }
    ]]))
  end)

  it("what is to be closed is closed, and what was printed is there", function()
    local _, out = told [[
      spawn(function()
        local c <close> = setmetatable({}, { __close = function() print "child closed" end })
        queue():get()
      end)
      local c <close> = setmetatable({}, { __close = function() print "main closed" end })
      io.write "no newline, "
      queue():get()
    ]]
    assert.is_truthy(out:find("child closed\n", 1, true), out)
    assert.is_truthy(out:find("main closed\n", 1, true), out)
    assert.is_truthy(out:find("no newline, ", 1, true), out)
  end)

  it("a faster clock changes nothing", function()
    assert.are.equal("main waits in get at x.lua:1 for queue#1, which nobody else can fill",
      (told("queue():get()", { args = "--speed 1000" })))
  end)
end)

describe("a report of a deadlock", function()
  it("ends the run: nobody goes on with what another leaves that is ended first", function()
    for _ = 1, 10 do
      local r = run([[
        local s, q, ready = sandbox.semaphore(1), queue(), queue()
        spawn(function() s:acquire() ready:put(1) q:get() end)
        ready:get()
        for i = 1, 100 do spawn(function() q:get() end) end
        for i = 1, 20 do spawn(function() s:acquire() print "went on" end) end
      ]])
      assert.are.same({ 4, "" }, { r.status, r.out }, r.err)
    end
  end)

  it("folds those that wait alike, and keeps the line of each", function()
    assert.are.equal("main waits in join at the end of the script for reader#2; reader#2 to reader#11 wait in get at " ..
      "x.lua:2 for queue#1, which only main can fill; odd#12, even#13 and odd#14 wait in get at x.lua:4 for queue#1, which " ..
      "only main can fill; odd#15 waits in get at x.lua:7 for queue#1, which only main can fill", (told [[
      local q = queue() local function reader()
        q:get()
      end local function other()
        q:get()
      end
      for _ = 1, 10 do spawn(reader) end for i = 1, 3 do spawn({ name = i % 2 == 1 and "odd" or "even" }, other) end
      spawn({ name = "odd" }, function() q:get() end)
    ]]))
  end)

  it("says what became of a queue", function()
    assert.are.equal("queue#1: nothing was ever put", told_last "queue():get()")
    assert.are.equal("queue jobs#1: 3 put, all taken, and never closed",
      told_last "local q = queue { name = 'jobs' } for i = 1, 3 do q:put(i) end for _ = 1, 4 do q:get() end")
    assert.are.equal("queue#1: full, with 2 of 2 items", told_last "local q = queue(2) for i = 1, 3 do q:put(i) end")
    assert.are.equal("queue#1: 1 of 2 items are not marked by task_done", told_last [[
      local q = queue() q:put(1) q:put(2) q:get() q:task_done() q:join()
    ]])
    assert.are.equal("pipe#4: 1 sent, all taken", told_last "local a, b = sandbox.pipe() a:send(1) b:recv() b:recv()")
  end)

  it("says who has what is waited for, and since which line", function()
    assert.are.equal("lock fork2#1: taken by philosopher2#2 at x.lua:3; queue#3: nothing was ever put", told_last [[
      local fork, taken = sandbox.lock { name = "fork2" }, sandbox.event()
      spawn({ name = "philosopher2" }, function()
        fork:acquire()
        taken:set() queue():get()
      end)
      taken:wait() fork:acquire()
    ]])
    assert.are.equal("lock#1: taken by main at x.lua:1", told_last [[local r = sandbox.rlock() r:acquire()
      r:acquire() spawn(function() r:acquire() end):join()
    ]])
    assert.are.equal("lock#1: taken by p#2 at x.lua:3; queue#4: nothing was ever put", told_last [[
      local c, inside = sandbox.condition(), sandbox.event()
      spawn({ name = "p" }, function()
        local _ <close> = c:hold()
        inside:set() queue():get()
      end)
      inside:wait()
      c:acquire()
    ]])
    assert.are.equal("value#1: in an update by p#2 at x.lua:2; queue#3: nothing was ever put", told_last [[
      local v, inside = sandbox.value(0), sandbox.event() spawn({ name = "p" }, function()
        v:update(function() inside:set() queue():get() end) end)
      inside:wait() v:set(1)
    ]])
  end)

  it("says which notification came too early", function()
    assert.are.equal("condition c#2: notify at x.lua:3 by setter#2, when nobody waited", told_last [[
      local c = sandbox.condition { name = "c" }
      spawn({ name = "setter" }, function()
        c:acquire() c:notify() c:release()
      end):join()
      c:acquire() c:wait()
    ]])
    assert.are.equal("condition#2: nobody has notified it", told_last "local c = sandbox.condition() c:acquire() c:wait()")
    assert.are.equal("condition#2: notify at x.lua:4 by main", told_last [[
      local c, waits = sandbox.condition(), sandbox.event()
      spawn(function() c:acquire() waits:set() c:wait() c:release() end)
      waits:wait()
      c:acquire() c:notify() c:wait()
    ]])
  end)

  it("says what was done to events, semaphores and barriers", function()
    assert.are.equal("event#1: nobody has set it", told_last "sandbox.event():wait()")
    assert.are.equal("event#1: set by main at x.lua:1, then cleared by main at x.lua:2",
      told_last "local e = sandbox.event() e:clear() e:set()\n e:clear() e:wait()")
    assert.are.equal("semaphore#1: nobody has taken or released a unit", told_last "sandbox.semaphore(0):acquire()")
    assert.are.equal("semaphore#1: taken by main at x.lua:1, then taken by main at x.lua:2",
      told_last "local s = sandbox.semaphore(2) s:acquire()\n s:acquire()\n s:acquire()")
    local past = told_last [[
      local b = sandbox.barrier(3)
      spawn(function() b:wait() end)
      queue():get() b:wait()
    ]]
    assert.is_truthy(past:find("barrier#1: 1 of 3 came", 1, true), past)
  end)

  it("main waits in a select for a lock that it holds itself", function()
    for ops, what in pairs { ["l"] = "lock l#1", ["l, q"] = "lock l#1 or queue q#2", ["q, l"] = "queue q#2 or lock l#1" } do
      assert.are.equal("main waits in select at x.lua:3 for " .. what .. ", and nobody else can help", (told([[
        local l, q = sandbox.lock { name = "l" }, queue { name = "q" }
        l:acquire()
        sandbox.select { ordered = true, ]] .. ops .. " }")))
    end
  end)

  it("has a line for a worker whose task is a function of the library: only one without a task is idle", function()
    for task, idle in pairs { ["pool:submit(queue_get, q):join()"] = "", ["pool:map(queue_get, { q })"] = "",
      ["local kept = sandbox.pool(1) kept:map(tostring, { 1 }) pool:submit(queue_get, q):join()"] = "; and 1 idle worker of pools" } do
      local waits = told([[
        local q = queue { name = "Q" }
        local pool = sandbox.pool(1)
        ]] .. task)
      assert.is_truthy(waits:find("; worker#2 waits in get at x.lua:2 for queue Q#1, which only main[%w# ]* can fill" .. idle .. "$"), waits)
    end
  end)

  it("has a line for main that waits at its end for the tasks of a pool: it is no idle worker", function()
    local waits = told [[
      local q, pool = queue(), sandbox.pool(1)
      pool:submit(function() q:get() end)
    ]]
    assert.is_truthy(waits:find("^main waits in select at the end of the script for "), waits)
    assert.is_nil(waits:find("idle", 1, true), waits)
  end)

  it("does not blame the idle workers of pools, and has no place of the library in it", function()
    local waits, _, past = told [[
      local pool, ledger = sandbox.pool(3), sandbox.lock { name = "ledger" }
      pool:submit(function() ledger:acquire() end):join()
      sandbox.pool(2):map(function(x) return x end, { 1, 2, 3 })
      ledger:acquire()
    ]]
    assert.is_truthy(waits:find("^main waits in acquire at x.lua:4 for lock ledger#%d+, which only worker#%d can release; " ..
      "and 5 idle workers of pools$"), waits)
    assert.is_truthy(past:find("^lock ledger#%d+: taken by worker#%d at x.lua:2$"), past)
  end)

  it("tells of the owner of a pool that waits inside the iterator of an imap", function()
    local waits = told [[
      local words, pool = queue { name = "words" }, sandbox.pool(2)
      for _ in pool:imap(string.upper,
        words:items()) do end
    ]]
    assert.is_truthy(waits:find("^main waits in get at x.lua:[23] for queue words#1, which only worker#2 and worker#3 can fill; " ..
      "nobody closed the queue: q:close%(%) ends items%(%); and 2 idle workers of pools$"), waits)
  end)
end)

describe("a deadlock of a part is told once, and the run goes on:", function()
  it("two wait for one another's lock while a third works", function()
    local out, past = warned("2 of 3 processes can never go on", [[
      local left, right = sandbox.lock { name = "left" }, sandbox.lock { name = "right" }
      local both = sandbox.barrier(2)
      local function eat(one, two)
        one:acquire()
        both:wait()
        two:acquire()
      end
      local plato = spawn({ name = "plato", quiet = true }, eat, left, right)
      local kant = spawn({ name = "kant", quiet = true }, eat, right, left)
      await_told(1)
      plato:kill() kant:kill()
    ]])
    assert.are.equal("plato#2 waits in acquire at x.lua:6 for lock right#2, which only kant#3 can release; kant#3 waits " ..
      "in acquire at x.lua:6 for lock left#1, which only plato#2 can release", out)
    assert.are.equal("lock right#2: taken by kant#3 at x.lua:4; lock left#1: taken by plato#2 at x.lua:4", past)
  end)

  it("one waits for what it alone holds, while others come and go and make what they need", function()
    assert.are.equal("p#2 waits in get at x.lua:2 for queue own#ID, which nobody else can fill",
      (warned("a process can never go on", [[
      local p = spawn({ name = "p", quiet = true }, function() local q = queue { name = "own" }
        q:get()
      end)
      local told = spawn(await_told, 1)
      while not told:join(0) do
        local answers = queue()
        spawn(function() answers:put(1) end):join()
        answers:get()
      end
      p:kill()
    ]]):gsub("own#%d+", "own#ID")))
  end)

  it("main waits with them, and a daemon works on", function()
    local lines = warned("3 of 5 processes can never go on", [[
      local a, b, both = sandbox.lock { name = "a" }, sandbox.lock { name = "b" }, sandbox.barrier(2)
      local function take(one, two) one:acquire() both:wait() two:acquire() end
      local p, q
      spawn({ daemon = true, name = "clock" }, function() while true do sleep(0.01) end end)
      p = spawn({ name = "p" }, take, a, b)
      q = spawn({ name = "q", quiet = true }, take, b, a)
      spawn({ daemon = true, name = "killer" }, function() await_told(1) q:kill() end)
      p:join()
    ]])
    assert.is_truthy(lines:find("main waits in join at x.lua:8 for p#3; p#3 waits in acquire at x.lua:2 for lock b#2", 1,
      true), lines)
  end)

  it("parts are told of, each when it stands, and never again", function()
    local r = run(AWAIT .. [[
      local function lose(name) return spawn({ name = name, quiet = true }, function() queue():get() end) end
      local first = lose "first"
      await_told(1)
      local second = lose "second"
      await_told(2)
      local third = lose "third"
      await_told(3)
      first:kill() second:kill() third:kill()
    ]])
    assert.are.equal(0, r.status, r.err)
    local _, heads = r.err:gsub("sandbox: warning: deadlock: a process can never go on\n", "")
    assert.are.equal(3, heads, r.err)
    for name in pairs { ["first#2"] = true, ["second#3"] = true, ["third#4"] = true } do
      assert.are.equal(1, select(2, r.err:gsub(name .. " waits in get", "")), r.err)
    end
  end)

  it("and when the others come to wait, too, the run ends", function()
    local r = run(AWAIT .. [[
      local lock, held = sandbox.lock(), sandbox.event()
      spawn({ name = "p" }, function() lock:acquire() held:set() queue():get() end)
      held:wait()
      await_told(1)
      lock:acquire()
    ]])
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("^sandbox: warning: deadlock: a process can never go on\n  p#2 waits in get [^\n]*\n  queue#3: [^\n]*\n" ..
      "sandbox: deadlock: nobody can ever go on\n  main waits in acquire at [^\n]*\n  p#2 waits in get at "), r.err)
  end)
end)

-- Each waits longer than the supervisor does before it looks. All run at the same time: what they do is to sleep.
local QUIET = {
  ["a reader behind a writer whose time will be up"] = [[
    local w = sandbox.rwlock()
    local ours = w:read()
    spawn({ name = "w" }, function() assert(not w:write(2)) end)
    repeat sleep(0.01) until tostring(w):find("1 waiting")
    local r = spawn({ name = "r" }, function() local _ <close> = w:read() return true end)
    assert(r:result())
    ours:release()
  ]],
  ["a sleep"] = "sleep(0.8)",
  ["a get with a timeout"] = "assert(select(2, queue():get(0.8)) == 'timeout')",
  ["a wait for one who sleeps"] = "local q = queue() spawn(function() sleep(0.8) q:put(1) end) q:get()",
  ["a wait for one who waits with a timeout"] =
    "local q = queue() spawn(function() queue():get(0.8) q:put(1) end) q:get()",
  ["a select with a timer in it"] = "assert(sandbox.select { queue(), sandbox.after(0.8) } == 2)",
  ["a lock whose holder dies"] = [[
    local lock, held = sandbox.lock(), sandbox.event()
    local p = spawn({ quiet = true }, function() lock:acquire() held:set() sleep(1000) end)
    held:wait()
    spawn(function() sleep(0.8) p:kill() end)
    assert(select(2, lock:acquire()) == "abandoned")
    lock:release()
  ]],
  ["a lock whose holder is about to let go"] = [[
    local lock, held = sandbox.lock(), sandbox.event()
    spawn(function() lock:acquire() held:set() sleep(0.8) lock:release() end)
    held:wait()
    assert(lock:acquire())
    lock:release()
  ]],
  ["a value whose updater is about to be done"] = [[
    local x, inside = sandbox.value(0), sandbox.event()
    spawn(function() x:update(function() inside:set() sleep(0.8) return 1 end) end)
    inside:wait()
    x:set(2)
  ]],
  ["a pipe through which somebody will send"] = [[
    local a, b = sandbox.pipe()
    spawn(function() sleep(0.8) b:send(1) end)
    assert(a:recv() == 1)
  ]],
  ["a pipe whose other end is held by nobody soon"] = [[
    local a, b = sandbox.pipe()
    spawn({ quiet = true }, function() a = nil sleep(0.8) end)
    b = nil
    collectgarbage()
    assert(select(2, a:recv()) == "closed")
  ]],
  ["work without end in sight"] = [[
    local q = queue()
    spawn(function() local t = os.clock() while os.clock() - t < 0.6 do end q:put(1) end)
    q:get()
  ]],
  ["a program that runs"] = "local q = queue() spawn(function() os.execute 'sleep 0.8' q:put(1) end) q:get()",
  ["a read from a program"] =
    "local q = queue() spawn(function() q:put(io.popen('sleep 0.8; echo x'):read()) end) assert(q:get() == 'x')",
  ["a read from stdin"] = { "assert(io.read() == 'late')", { shell = "{ sleep 0.8; echo late; } | { %s ; }" } },
  ["a process that is stopped, and goes on"] = [[
    local q = queue()
    local p = spawn(function() q:get() end)
    os.execute("(kill -STOP " .. p.pid .. "; sleep 0.8; kill -CONT " .. p.pid .. ") &")
    while p:status() ~= "stopped" do sleep(0.001) end
    q:put(1)
    p:join()
  ]],
  ["a handle that is on its way"] = [[
    local post = queue()
    local p = spawn(function() local q = queue() post:put(q) q:get() end)
    sleep(0.8)
    post:get():put(1)
    p:join()
  ]],
  ["a handle in a value"] = [[
    local at = sandbox.value()
    local p = spawn(function() local q = queue() at:set(q) q:get() end)
    sleep(0.8)
    at:get():put(1)
    p:join()
  ]],
  ["a daemon that holds a handle, and works"] = [[
    local q = queue()
    spawn({ daemon = true }, function() sleep(0.8) q:put(1) sleep(1000) end)
    spawn(function() q:get() end)
  ]],
  ["the workers of a pool that is not used"] = [[
    local pool <close> = sandbox.pool(2)
    pool:map(function(x) return x end, { 1, 2 })
    sleep(0.8)
  ]],
  ["the workers of a pool that nobody knows any more"] = [[
    sandbox.pool(2):map(function(x) return x end, { 1, 2 })
    collectgarbage() collectgarbage()
    sleep(0.8)
  ]],
  ["a paused process that others wait for"] = [[
    local go = sandbox.event()
    local p = spawn(function() sleep(0.1) go:set() end)
    p:pause()
    local q = spawn(function() go:wait() end)
    sleep(0.8)
    p:resume()
    q:join()
  ]],
  ["what other parts wait for, if one can go on"] = [[
    local a, b = queue(), queue()
    spawn(function() a:get() b:put(1) end)
    spawn(function() b:get() a:put(1) end)
    spawn(function() sleep(0.8) a:put(1) end)
  ]],
}

describe("no deadlock is", function()
  local running = {}

  setup(function()
    for name, case in pairs(QUIET) do
      local text, options = case, nil
      if type(case) == "table" then text, options = case[1], case[2] end
      running[name] = spawn(function()
        local r = run(text, options)
        return { err = r.err, status = r.status }
      end)
    end
  end)

  for name in pairs(QUIET) do
    it(name, function() assert.are.same({ err = "", status = 0 }, running[name]:result()) end)
  end

  it("a barrier to which nobody else comes: it breaks", function()
    local r = run "print(sandbox.barrier(2):wait())"
    assert.are.same({ "nil\tbroken\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("anything that ends, over and over", function()
    local r = run([[
      local function relay(from, to) for v in from:items() do to:put(v) end to:close() end
      for round = 1, 100 do
        local first = queue(round % 3 + 1)
        local last = first
        for _ = 1, 4 do
          local to = queue(round % 2 + 1)
          spawn(relay, last, to)
          last = to
        end
        spawn(function() for i = 1, 20 do first:put(i) end first:close() end)
        local n = 0
        for v in last:items() do n = n + v end
        assert(n == 210)
        for _, p in ipairs(sandbox.children()) do p:join() end
      end
      print "well"
    ]], { seconds = 120 })
    assert.are.same({ "well\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("a short run", function()
    local before = run [[print(1)]]
    assert.are.equal(0, before.status)
    for _ = 1, 40 do
      local r = run [[
        local q = queue(1)
        local p = spawn(function() for v in q:items() do io.write(v) end end)
        for i = 1, 3 do q:put(i) end
        q:close()
      ]]
      assert.are.same({ "123", "", 0 }, { r.out, r.err, r.status })
    end
  end)
end)
