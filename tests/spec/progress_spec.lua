-- sandbox.progress where no terminal is: what it takes, how it is shared, when it is closed, what is written. On a
-- terminal: repl/test_bars.py; the texts: unit/test_bars.c.
local script = require "support.script"

local function message(f, ...)
  local ok, err = pcall(f, ...)
  return not ok and err or "no error"
end

local function has(text, part) assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text)) end

-- The last line of each bar in the stderr of a run, without rates and times: "work 40% 40/100", "work 7 stopped". There may be
-- others before it, should the machine be busy: a bar that lasts for a quarter of a second has lines on its way. `all`: those, too.
local function bars(r, all)
  local list, open = {}, {}
  for line in r.err:gmatch "[^\n]+" do
    local label, rest = line:match "^(.-): (.*)$"
    local what = (rest or ""):match "^%d+%% %d+/%d+" or (rest or ""):match "^%d+"
    if what then
      local stopped = rest:find(", stopped", 1, true)
      for i = all and 0 or #list, 1, -1 do
        if list[i]:sub(1, #label + 1) == label .. " " and open[list[i]] then table.remove(list, i) break end
      end
      list[#list + 1] = label .. " " .. what .. (stopped and " stopped" or "")
      open[list[#list]] = not stopped and not what:find "^100%%"
    end
  end
  return list
end

-- In a script: read what the run has written to stderr so far.
local written = [[
  local function written()
    local f <close> = io.open("/proc/self/fd/2")
    return f:read "a"
  end
  local function await(text)
    local stop = sandbox.now() + 20
    while not written():find(text, 1, true) do
      assert(sandbox.now() < stop, text .. " is not in " .. written())
      sleep(0.005)
    end
  end
]]

describe("sandbox.progress", function()
  it("takes a total and a label, or nothing", function()
    local r = script.run [[
      local a = sandbox.progress { total = 3, label = "a" }
      local b = sandbox.progress { total = 2.0 }
      local c = sandbox.progress {}
      local d = sandbox.progress()
      for _, x in ipairs { a, b, c, d } do print((tostring(x):gsub("#%d+", ""))) end
      print(getmetatable(a).__name, a == a, a == b)
    ]]
    assert.are.equal("progress: a (0 of 3)\nprogress: progress (0 of 2)\nprogress: progress (0)\n" ..
      "progress: progress (0)\nsandbox.progress\ttrue\tfalse\n", r.out)
    assert.are.equal(0, r.status)
  end)

  it("refuses other options and other values, and says which", function()
    local progress = sandbox.progress
    has(message(progress, { totl = 1 }), "unknown option 'totl'; there are total, label")
    has(message(progress, 3), "table of options expected")
    has(message(progress, { total = -1 }), "total must be a whole number, 0 or more, not -1")
    has(message(progress, { total = 1.5 }), "total must be a whole number, 0 or more, not 1.5")
    has(message(progress, { total = "3" }), "total must be a whole number, 0 or more, not the string 3")
    has(message(progress, { total = 2 ^ 53 + 2 }), "total must be at most 2^53")
    has(message(progress, { label = 1 }), "label must be a string")
    has(message(progress, { label = "a\nb" }), "label must be text on one line, without control characters")
  end)

  it("refuses steps that are none", function()
    local r = script.run [[
      local bar = sandbox.progress {}
      for _, step in ipairs { 1.5, "1", 2^53 + 2, -2^53 - 2, {}, 0/0 } do
        print(select(2, pcall(bar.add, bar, step)))
      end
      for _, n in ipairs { -1, 0.5, "x", 2^53 + 2 } do print(select(2, pcall(bar.set, bar, n))) end
      print(pcall(bar.set, bar))
      print(pcall(bar.add, 1))
      print(bar)
    ]]
    has(r.out, "k must be a whole number, at most 2^53, not 1.5")
    has(r.out, "k must be a whole number, at most 2^53, not the string 1")
    has(r.out, "k must be a whole number, at most 2^53, not a table")
    has(r.out, "n must be a whole number, 0 or more, not -1")
    has(r.out, "n must be at most 2^53")
    has(r.out, "n must be a whole number, 0 or more, not nil")
    has(r.out, "progress expected, got number")
    has(r.out, "progress: progress#1 (0)")
  end)

  it("counts: forth and back, at least 0, also beyond the total", function()
    local r = script.run [[
      local bar <close> = sandbox.progress { total = 3, label = "work" }
      print(bar:add(), bar:add(4), bar:add(-2), bar:add(0), bar)
      print(bar:add(-10), tostring(bar), bar:set(2), bar)
      print(bar:set(2^53), bar:add(2^53), bar)
    ]]
    assert.are.equal("true\ttrue\ttrue\ttrue\tprogress: work#1 (3 of 3)\n" ..
      "true\tprogress: work#1 (0 of 3)\ttrue\tprogress: work#1 (2 of 3)\n" ..
      "true\ttrue\tprogress: work#1 (9007199254740992 of 3)\n", r.out)
  end)

  it("is shared by processes: no step is lost", function()
    local r = script.run [[
      local bar <close> = sandbox.progress { total = 40000, label = "work" }
      local q = queue()
      local inherited = {}
      for i = 1, 4 do inherited[i] = spawn(function() for _ = 1, 5000 do bar:add() end end) end
      local received = {}
      for i = 1, 2 do
        received[i] = spawn(function() local b = q:get() for _ = 1, 10000 do b:add(1) end return b == bar end)
        q:put(bar)
      end
      assert(sandbox.join_all(inherited))
      for i = 1, 2 do print(received[i]:result()) end
      print(bar)
    ]]
    assert.are.equal("true\ntrue\nprogress: work#1 (40000 of 40000)\n", r.out)
    assert.are.same("work 100% 40000/40000", bars(r)[#bars(r)])
  end)

  it("is closed by close, and at the end of its block; from then on nothing moves it", function()
    local r = script.run [[
      local a = sandbox.progress { total = 3, label = "a" }
      do
        local b <close> = sandbox.progress { total = 3, label = "b" }
        b:add(2)
        kept = b
      end
      print(kept:add(), kept:set(1), kept)
      a:add(3)
      print(a:close(), a:close(), a)
      print(a:add())
      print(pcall(function() local c <close> = sandbox.progress { label = "c" } c:add(5) error("boom", 0) end))
    ]]
    assert.are.equal("nil\tnil\tprogress: b#2 (2 of 3, closed)\ntrue\ttrue\tprogress: a#1 (3 of 3, closed)\n" ..
      "nil\tclosed\nfalse\tboom\n", r.out:gsub("nil\tclosed\tnil\tclosed", "nil\tnil"))
    assert.are.same({ "b 66% 2/3 stopped", "a 100% 3/3", "c 5" }, bars(r))
  end)

  it("is closed with the process that made it, however that ends", function()
    local r = script.run([[
      local q = queue()
      for i, ends in ipairs { function() end, function() sandbox.self():kill() end, function() os.exit(0) end,
                              function() error("x") end } do
        local p = spawn({ quiet = true }, function()
          local bar = sandbox.progress { total = 9, label = "bar" .. i }
          bar:add(i)
          q:put(bar)
          ends()
        end)
        local bar = q:get()
        p:join()
        print(bar:add(), (tostring(bar):gsub("#%d+", "")))
      end
    ]])
    for i = 1, 4 do has(r.out, ("nil\tprogress: bar%d (%d of 9, closed)"):format(i, i)) end
    local list = bars(r)
    table.sort(list)
    assert.are.same({
      "bar1 11% 1/9 stopped", "bar2 22% 2/9 stopped", "bar3 33% 3/9 stopped", "bar4 44% 4/9 stopped",
    }, list)
  end)

  it("goes on when a process ends that has not made it", function()
    local r = script.run [[
      local bar <close> = sandbox.progress { total = 4, label = "work" }
      spawn({ quiet = true }, function() bar:add() sandbox.self():kill() end):join()
      spawn(function() bar:add() end):join()
      print(bar:add(), bar)
    ]]
    assert.are.equal("true\tprogress: work#1 (3 of 4)\n", r.out)
    assert.are.same({ "work 75% 3/4 stopped" }, bars(r))
  end)

  it("is closed when nobody has it any more", function()
    local r = script.run(written .. [[
      sandbox.progress { total = 4, label = "lost" }:add(3)
      collectgarbage()
      collectgarbage()
      await "lost: 75% 3/4"
      print "told"
      sandbox.progress { label = "sent" }:add(2)
      local q = queue()
      do
        local bar = sandbox.progress { label = "stored" }
        bar:add(5)
        q:put(bar)
      end
      collectgarbage()
      collectgarbage()
      local bar = q:get()
      print(bar:add(), bar)
    ]])
    has(r.out, "told\ntrue\tprogress: stored#")
    has(r.out, " (6)\n")
    local list = bars(r)
    assert.are.equal("lost 75% 3/4 stopped", list[1])
    table.sort(list)
    assert.are.same({ "lost 75% 3/4 stopped", "sent 2", "stored 6" }, list)
  end)

  it("makes room for others: so many, one after the other", function()
    local r = script.run([[
      for i = 1, 10000 do
        local bar <close> = sandbox.progress { total = 1, label = "b" }
        bar:add()
      end
      for i = 1, 10000 do sandbox.progress { label = "dropped" } end
      print "done"
    ]], { seconds = 120 })
    assert.are.equal("done\n", r.out)
    assert.are.equal(0, r.status)
    assert.are.equal(20000, script.count(r.err, "\n"))
  end)

  it("waits for room while the supervisor is held up", function()
    local r = script.run([[
      local f <close> = io.open "/proc/self/status"
      local supervisor = f:read("a"):match "PPid:%s*(%d+)"
      os.execute(("kill -STOP %s; (sleep 1; kill -CONT %s) &"):format(supervisor, supervisor))
      for i = 1, 10000 do sandbox.progress { label = "dropped" } end
      print "done"
    ]], { seconds = 60 })
    assert.are.equal("", (r.err:gsub("dropped: 0[^\n]*\n", "")))
    assert.are.equal("done\n", r.out)
  end)
end)

describe("without a terminal, progress", function()
  it("is a line for each tenth, and one at the end", function()
    local r = script.run(written .. [[
      local bar <close> = sandbox.progress { total = 50, label = "work" }
      bar:add(4)
      for i = 1, 9 do
        bar:add(i == 1 and 1 or 5)
        await(("work: %d%% %d/50"):format(10 * i, 5 * i))
      end
      bar:add(5)
      bar:close()
      io.stderr:write "after\n"
    ]])
    local wanted = {}
    for i = 1, 10 do wanted[i] = ("work %d%% %d/50"):format(10 * i, 5 * i) end
    assert.are.same(wanted, bars(r, true))
    assert.is_truthy(r.err:find("\nafter\n$"), r.err) -- the end stands above what is written next
    assert.is_nil(r.err:find "\27")
    assert.is_truthy(r.err:match "^work: 10%% 5/50, %d[%d.kM]*/s, 0:0%d, %d+:%d%d left\n", r.err)
  end)

  it("is written to stderr, whatever --output says", function()
    for _, args in ipairs { "", "--output tag" } do
      local r = script.run([[
        local bar <close> = sandbox.progress { total = 2, label = "work" }
        spawn(function() bar:add(2) print "hello" end):join()
      ]], { args = args })
      assert.is_truthy(r.out:find "hello\n$")
      assert.is_truthy(r.err:find "^work: 100%% 2/2, [^\n]*\n$", r.err)
    end
  end)

  it("changes no exit status, and no report", function()
    local ends = { [""] = 0, ["os.exit(7)"] = 7, ["error('boom', 0)"] = 1, ["spawn(error, 'boom', 0)"] = 3 }
    for code, status in pairs(ends) do
      local text = [[
        local bar = sandbox.progress { total = 2, label = "work" }
        bar:add()
      ]] .. code
      local r = script.run(text)
      assert.are.equal(status, r.status, code)
      assert.are.same({ "work 50% 1/2 stopped" }, bars(r), r.err)
      assert.are.equal(code:find "boom" and 1 or 0, script.count(r.err, "boom"))
      local lost = script.run(text, { shell = "{ %s ; } 2>/dev/full" })
      assert.are.equal(status, lost.status, code)
      local closed = script.run(text, { shell = "{ %s ; } 2>&-" })
      assert.are.equal(status, closed.status, code)
    end
  end)

  it("is there when the run is ended from outside", function()
    local r = script.until_limit([[
      local bar = sandbox.progress { total = 2, label = "work" }
      bar:add()
      sleep(100)
    ]], 0.2, function(r) return bars(r)[1] == "work 50% 1/2 stopped" end)
    assert.are.equal(124, r.status)
    assert.are.same({ "work 50% 1/2 stopped" }, bars(r))
    has(r.err, "the time limit of the run was reached")
  end)

  it("tells the run's time", function()
    local r = script.run([[
      local bar <close> = sandbox.progress { total = 2, label = "work" }
      bar:add(2)
      sleep(3725)
    ]], { args = "--speed 5000" })
    has(r.err, ", 1:0")
  end)

  it("lets a close go on while the supervisor is stopped", function()
    local r = script.run([[
      local parent = io.open("/proc/self/stat"):read("a"):match("^%d+ %(.*%) %a (%d+)")
      local bar = sandbox.progress { total = 2, label = "work" }
      os.execute("kill -STOP " .. parent)
      bar:add()
      bar:close()
      print(bar:add())
      os.execute("kill -CONT " .. parent)
    ]])
    assert.are.equal("nil\tclosed\n", r.out)
    assert.are.equal(0, r.status)
    assert.are.same({ "work 50% 1/2 stopped" }, bars(r))
  end)
end)

describe("progress of a pool's", function()
  -- A run whose pool does this; its bars.
  local function run(text)
    local r = script.run("local pool <close> = sandbox.pool(2)\n" .. text)
    return bars(r), r
  end

  it("map, starmap, imap and imap_unordered counts the results, to the end", function()
    local list, r = run [[
      local items, pairs_of = {}, {}
      for i = 1, 500 do items[i], pairs_of[i] = i, { i, 1 } end
      local function add(a, b) return a + (b or 1) end
      print(#pool:map(add, items, { progress = "map" }),
        pool:starmap(add, pairs_of, { progress = "starmap", chunk = 7 })[500])
      local n = 0
      for _, v in pool:imap(add, items, { progress = "imap" }) do n = n + v end
      for _, v in pool:imap_unordered(add, items, { progress = "unordered", timeout = 20 }) do n = n + v end
      local i = 0
      local function each() i = i + 1 if i <= 70 then return i end end
      for _, v in pool:imap(add, each, { progress = "iterator" }) do n = n + v end
      print(n, #pool:map(add, {}, { progress = "nothing" }))
      print(#pool:map(add, items, { chunk = 3 }), #pool:map(add, items, {}))
    ]]
    assert.are.equal(0, r.status, r.err)
    assert.are.equal("500\t501\n254055\t0\n500\t500\n", r.out)
    assert.are.same({
      "map 100% 500/500", "starmap 100% 500/500", "imap 100% 500/500", "unordered 100% 500/500", "iterator 70",
      "nothing 100% 0/0",
    }, list)
  end)

  it("map stops where a task fails, or the time is over", function()
    local list, r = run [[
      local items = {}
      for i = 1, 20 do items[i] = i end
      local function fail(x) if x == 11 then error("eleven", 0) end end
      print(pcall(pool.map, pool, fail, items, { chunk = 1, progress = "fails" }))
      print(pool:map(sleep, { 0, 0, 0, 100 }, { chunk = 1, progress = "late", timeout = 0.3 }))
      pool:terminate()
    ]]
    assert.is_truthy(r.out:find "^false\televen[^\n]*\nnil\ttimeout\n$", r.out)
    local stopped = {} -- on a busy machine there are lines on the way, too
    for _, line in ipairs(list) do
      if line:find "stopped$" then stopped[#stopped + 1] = line end
    end
    assert.are.equal(2, #stopped, table.concat(list, "\n"))
    assert.is_truthy(stopped[1]:match "^fails %d+%% 1?%d/20 stopped$", stopped[1])
    assert.is_truthy(stopped[2]:match "^late %d+%% [0-3]/4 stopped$", stopped[2])
  end)

  it("imap ends with its loop", function()
    local list = run [[
      for i in pool:imap(function(x) return x end, { 1, 2, 3, 4, 5, 6, 7, 8 }, { chunk = 1, progress = "left" }) do
        if i == 2 then break end
      end
      print "after"
      local next_result = pool:imap(function(x) return x end, { 1, 2 }, { progress = "never asked" })
      local never_ended = pool:imap(function(x) return x end, { 1, 2, 3 }, { chunk = 1, progress = "never ended" })
      never_ended()
      next_result = nil
    ]]
    assert.is_truthy(list[1]:match "^left %d+%% [2-8]/8", list[1])
    assert.is_truthy(list[2]:match "^never ended %d+%% [1-3]/3", list[2])
    assert.are.equal(2, #list)
  end)

  it("options are checked", function()
    local pool <close> = sandbox.pool(1)
    local function f(x) return x end
    local function refused(...) return message(pool.map, pool, f, { 1 }, ...) end
    has(refused { chunks = 1 }, "bad argument #3 to 'map' (unknown option 'chunks'; there are chunk, progress, ")
    has(refused { chunk = 0 }, "bad argument #3 to 'map' (chunk must be a whole number, 1 or more, not 0)")
    has(refused { timeout = -1 }, "bad argument #3 to 'map' (a timeout cannot be negative)")
    has(refused({ timeout = 1 }, 1), "bad argument #4 to 'map' (timeout is one of the options)")
    has(refused { progress = true }, "bad argument #3 to 'map' (progress must be the label of a bar: text on one line)")
    has(refused { progress = "a\nb" }, "progress must be the label of a bar: text on one line")
    has(message(pool.imap, pool, f, { 1 }, { progress = 1 }), "bad argument #3 to 'imap' (progress must be")
    has(refused(0), "bad argument #3 to 'map' (chunk must be a whole number, 1 or more, not 0)")
    has(refused(1, -1), "bad argument #4 to 'map' (a timeout cannot be negative)")
  end)
end)
