-- Failures: which are reported, and when. One that somebody looked at is not; identical runs print the same.
local script = require "support.script"
local run, count = script.run, script.count

-- What looks at a failure; `p` is a process that fails with "boom".
local looks = {
  ["print of what join returns"] = "print(p:join())",
  ["a field"] = "local _, e = p:join() local m = e.message",
  ["a field that it has not"] = "local _, e = p:join() local m = e.signal",
  ["tostring"] = "local _, e = p:join() tostring(e)",
  ["string.format"] = "local _, e = p:join() assert(('%s'):format(e):find 'boom')",
  ["pairs"] = "local _, e = p:join() local n = {} for k in pairs(e) do n[#n + 1] = k end table.sort(n)" ..
    " assert(table.concat(n, ' ') == 'exitcode id message name pid traceback value')",
  ["result that raises it"] = "pcall(p.result, p)",
  ["join with a timeout, in the end"] = "local _, e repeat _, e = p:join(0.01) until e ~= 'timeout' print(e)",
  ["the first of two joins"] = "print(p:join()) p:join()",
  ["the second of two joins"] = "p:join() print(p:join())",
  ["join_all"] = "local _, e = sandbox.join_all { p } print(e)",
  ["as_completed"] = "for _, ok, e in sandbox.as_completed { p } do print(ok, e) end",
  ["select"] = "local _, _, e = sandbox.select { p } print(e)",
  ["an assert that is caught, and read"] = "local _, e = pcall(function() assert(p:join()) end) print(e)",
  ["an error handler"] = "local _, e = pcall(function() p:result() end) print(e.message)",
  ["another process, to which the handle was sent"] = "local q = queue() " ..
    "local r = spawn(function() print(q:get():join()) end) q:put(p) r:join()",
  ["another process, to which the failure was sent"] = "local q = queue() " ..
    "local r = spawn(function() print(q:get().message) end) q:put((select(2, p:join()))) r:join()",
  ["another process, of which it is the result"] = "local r = spawn(function() return (select(2, f():join())) end)" ..
    " print(r:result().message) print(p:join())",
  ["a reader, long after it was put into a queue"] = "local q = queue() q:put((select(2, p:join()))) sleep(0.3) print(q:get())",
  ["a value"] = "local v = sandbox.value((select(2, p:join()))) print(v:get().message)",
}

-- What does not.
local drops = {
  ["nothing"] = "",
  ["join, its results dropped"] = "join(p)",
  ["whether it went well"] = "local ok = p:join() assert(not ok)",
  ["the status of the process"] = "p:join() assert(p:status() == 'failed' and p.exitcode == 1)",
  ["a pcall that drops the error of assert"] = "pcall(function() assert(p:join()) end)",
  ["a queue that nobody reads"] = "local q = queue() q:put((select(2, p:join())))",
  ["join_all, its results dropped"] = "sandbox.join_all { p }",
  ["another field that the script sets"] = "local _, e = p:join() e.seen = true",
}

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return ipairs(names)
end

local HEAD = "local function f() return spawn(function() error('boom') end) end local p = f()\n"

describe("a failure is not reported when somebody looked at it:", function()
  for _, name in sorted(looks) do
    it(name, function()
      for _ = 1, 3 do
        local r = run(HEAD .. looks[name])
        assert.are.same({ "", 0 }, { r.err, r.status })
      end
    end)
  end

  it("also long before the second is over, and after the process has ended", function()
    local r = run(HEAD .. "while p:alive() do sleep(0.001) end sleep(0.3) print(p:join())")
    assert.are.same({ "", 0 }, { r.err, r.status })
  end)
end)

describe("a failure is reported when nobody looks at it:", function()
  for _, name in sorted(drops) do
    it(name, function()
      for _ = 1, 3 do
        local r = run(HEAD .. drops[name])
        assert.are.equal(1, count(r.err, "boom"), r.err)
        assert.is_truthy(r.err:find(("^sandbox: %s:1: boom %%(process process#2, pid %%d+%%)\nstack traceback:\n.*" ..
          "\nspawned at %s:1\n$"):format(r.name:gsub("%W", "%%%0"), (r.name:gsub("%W", "%%%0")))), r.err)
        assert.are.equal(name == "nothing" and 3 or 0, r.status)
      end
    end)
  end

  it("a second after its death, not when the run ends", function()
    local r = run(HEAD .. [[
      p:join()
      local from = sandbox.now()
      local err = io.open("/proc/self/fd/2")
      while err:seek("end") == 0 do sleep(0.01) end
      local took = sandbox.now() - from
      print(took > 0.9 and took < 10)
      print(p:join())
    ]])
    assert.is_truthy(r.out:find("^true\n"), r.out)
    assert.are.equal(1, count(r.err, "boom"), r.err)
  end)

  it("by a signal", function()
    local r = run [[
      local p = spawn({ name = "victim" }, sleep, 1000)
      os.execute("kill -9 " .. p.pid)
      p:join()
    ]]
    assert.is_truthy(r.err:find("^sandbox: victim#2 [^\n]*was killed by signal 9 %(Killed%); spawned at [^\n]*:1\n$"), r.err)
    assert.are.equal(0, r.status)
  end)

  it("whoever its parent is: a daemon, a child that has ended, one that was killed", function()
    for _, parent in ipairs { "spawn({ daemon = true }, g)", "spawn(g):join()", "spawn(function() g() sandbox.self():kill() end):join()" } do
      local r = run([[
        local done = queue()
        local function g() spawn({ name = "grandchild" }, function() done:put(1) error("boom", 0) end) end
      ]] .. parent .. " done:get() while #sandbox.children() > 0 do sleep(0.001) end sleep(0.3)")
      assert.are.equal(1, count(r.err, "sandbox: boom (process grandchild#"), r.err)
      assert.are.equal(3, r.status, r.err)
    end
  end)

  it("when main is killed, or ends by an error: before, or with it", function()
    for _, last in ipairs { "sandbox.self():kill()", "error('main')", "os.exit(5)" } do
      local r = run(HEAD .. "p:join() " .. last)
      assert.are.equal(1, count(r.err, ": boom"), r.err)
    end
  end)

  it("but not when it is quiet, nor when the script ended it on purpose", function()
    for _, text in ipairs {
      "spawn({ quiet = true }, function() error 'x' end):join()",
      "local p = spawn(sleep, 1000) p:kill() p:join()",
      "local p = spawn(sleep, 1000) p:terminate() p:join()",
      "local p = spawn(sleep, 1000) p:stop()",
      "local p = spawn(function() while true do pcall(sleep, 1000) end end) p:stop(0)",
      "spawn({ daemon = true }, sleep, 1000)",
    } do
      local r = run(text)
      assert.are.same({ "", 0 }, { r.err, r.status }, text)
    end
  end)

  it("an error in a process that is being stopped is one", function()
    local r = run [[
      local p = spawn(function() error("boom", 0) end)
      while p:alive() do sleep(0.001) end
      p:stop()
    ]]
    assert.are.equal(1, count(r.err, "boom"), r.err)
  end)
end)

describe("a failure object", function()
  it("that was sent and not read is reported once, whoever reads its copies later", function()
    local r = run(HEAD .. [[
      local q = queue()
      local _, e = p:join()
      q:put(e)
      q:put(e)
      sleep(1.5)
      print(q:get().message, tostring(q:get()), e.message)
    ]])
    assert.are.equal(1, count(r.err, "boom"), r.err)
    assert.are.equal(3, count(r.out, "boom"), r.out)
  end)

  it("keeps what the script writes into it before it is read", function()
    local _, e = spawn({ quiet = true }, function() error("boom", 0) end):join()
    e.message, e.extra = "mine", 1
    assert.are.same({ "mine", 1, "process" }, { e.message, e.extra, e.name })
  end)

  it("has its fields, its class and its text after every journey", function()
    local q = queue()
    local p = spawn({ quiet = true, name = "bad" }, function() error({ code = 5, q = q }) end)
    local _, e = p:join()
    q:put(e)
    local got = q:get()
    for _, failure in ipairs { e, got, spawn(function() return e end):result() } do
      assert.are.equal(sandbox.failure, getmetatable(failure))
      assert.are.same({ "bad", p.pid, 1, 5, q },
        { failure.name, failure.pid, failure.exitcode, failure.value.code, failure.value.q })
      assert.is_truthy(tostring(failure):find("(process bad#" .. p.id .. ", pid " .. p.pid .. ")", 1, true))
      assert.is_nil(rawget(failure, "(unread)"))
    end
  end)
end)

-- From join to join it gets the name of one process more.
it("a failure that was raised again and again names the first and the last processes", function()
  local names = {}
  local function raise(n)
    if n == 0 then error("boom (12 items)", 0) end
    spawn({ quiet = true, name = "n" .. n }, raise, n - 1):result()
  end
  for _, depth in ipairs { 5, 6, 40 } do
    local _, failure = pcall(raise, depth)
    local text = tostring(failure):gsub("#%d+, pid %d+", "")
    names[depth] = text
  end
  assert.are.equal("boom (12 items) (process n1) (process n2) (process n3) (process n4) (process n5)", names[5])
  assert.are.equal("boom (12 items) (process n1) (process n2) (process n3) (1 more) (process n5) (process n6)", names[6])
  assert.are.equal("boom (12 items) (process n1) (process n2) (process n3) (35 more) (process n39) (process n40)", names[40])
end)

describe("many failures", function()
  it("of different kinds are reported in full, in the order of the processes", function()
    -- Each is reported a second after its death at the latest; so the order is certain only if all have died within one.
    local quick
    for _ = 1, 5 do
      local r = run [[
        for i = 1, 60 do spawn(function() error(("<%d>"):format(i), 0) end) end
        for _, p in ipairs(sandbox.children()) do p:join() end
        io.write(sandbox.now())
      ]]
      local found = {}
      for i in r.err:gmatch("sandbox: <(%d+)> %(") do found[#found + 1] = tonumber(i) end
      quick = tonumber(r.out) < 0.9
      if not quick then table.sort(found) end
      assert.are.equal(60, #found, r.err)
      for i = 1, 60 do assert.are.equal(i, found[i], r.err) end
      if quick then return end
    end
    pending("this machine is too busy: 60 processes took more than a second, five times")
  end)

  it("that are alike are counted after the first: 2,000 of them", function()
    local r = run([[
      for i = 1, 2000 do
        local p = spawn(function() error("boom", 0) end)
        if i % 50 == 0 then p:join() end
      end
    ]], { seconds = 60 })
    assert.are.equal(1, count(r.err, "boom"), r.err)
    assert.is_truthy(r.err:find("\nsandbox: 1999 more failed like process#%d+, pid %d+\n$"), r.err:sub(-200))
  end)
end)

describe("a task of a pool that fails", function()
  local POOL = "local pool = sandbox.pool(2) local function boom() error('boom') end\n"

  it("is reported when nobody looks at it, and gives status 3 when nobody joins it", function()
    for text, status in pairs {
      ["pool:submit(boom)"] = 3,
      ["pool:submit(boom) pool:close() pool:join()"] = 3,
      ["do local pool <close> = pool pool:submit(boom) end"] = 3,
      ["pool:submit(boom):join()"] = 0,
      ["local f = pool:submit(boom) sandbox.join_all { f }"] = 0,
      ["local f = pool:submit(boom) sleep(1.5) f:join()"] = 0,
    } do
      local r = run(POOL .. text .. " sleep(0.3)")
      assert.are.equal(1, count(r.err, "boom"), text .. "\n" .. r.err)
      assert.is_truthy(r.err:find(("^sandbox: %s:1: boom %%(process worker#%%d, pid %%d+%%)\nstack traceback:\n.*" ..
        "\nsubmitted at %s:2\n$"):format(r.name:gsub("%W", "%%%0"), (r.name:gsub("%W", "%%%0")))), r.err)
      assert.are.equal(status, r.status, text)
    end
  end)

  it("is reported at the end in its turn, as the tasks were submitted, after the failures of processes", function()
    local r = run([[
      local first, second, gate = sandbox.pool(3), sandbox.pool(3), sandbox.barrier(4)
      local function fail(i) gate:wait() sleep((7 - i) * 0.01) error("no" .. i, 0) end
      for i = 4, 6 do second:submit(fail, i) end
      for i = 1, 3 do first:submit(function() error("no" .. i, 0) end) end
      gate:wait()
      spawn(function() error("no0", 0) end)
    ]])
    local order = {}
    for i in r.err:gmatch "sandbox: no(%d)" do order[#order + 1] = i end
    assert.are.equal("0123456", table.concat(order), r.err)
  end)

  it("is not reported when somebody looks at it", function()
    for _, text in ipairs {
      "print(pool:submit(boom):join())",
      "local f = pool:submit(boom) pcall(f.result, f)",
      "for _, _, e in sandbox.as_completed { pool:submit(boom) } do print(e) end",
      "print(select(2, sandbox.join_all { pool:submit(boom) }))",
      "pcall(pool.map, pool, boom, { 1, 2, 3, 4 })",
      "pcall(function() for _ in pool:imap(boom, { 1, 2, 3 }) do end end)",
      "local f = pool:submit(sleep, 5) local g = pool:submit(sleep, 5) local h = pool:submit(sleep, 5) h:cancel() pool:terminate()",
    } do
      for _ = 1, 3 do
        local r = run(POOL .. text)
        assert.are.same({ "", 0 }, { r.err, r.status }, text)
      end
    end
  end)

  it("since its worker died is told as its failure, once; a task that is tried again is none", function()
    local dies = "local function dies() os.execute('kill -9 ' .. sandbox.getpid()) end "
    local r = run(POOL .. dies .. "local f = pool:submit(dies) f:join()")
    assert.are.same({ 1, 0 }, { count(r.err, "\n") - 1, r.status }, r.err)
    assert.is_truthy(r.err:find("^sandbox: killed by signal 9 %(Killed%) %(process worker#%d, pid %d+%)\nsubmitted at "), r.err)
    r = run(POOL .. dies .. "print(pool:submit(dies):join())")
    assert.are.same({ "", 0 }, { r.err, r.status })
    r = run(dies .. [[
      local pool, first = sandbox.pool { workers = 1, retries = 1 }, sandbox.value(true)
      print(pool:submit(function() if first:get() then first:set(false) dies() end return "well" end):join())
    ]])
    assert.are.same({ "true\twell\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("since the pool's init failed is told once if somebody asks the pool, and not if that raises it", function()
    local init = "local pool = sandbox.pool { workers = 3, init = function() error('boom', 0) end } "
    local r = run(init .. "print(pcall(pool.map, pool, print, { 1 }))")
    assert.are.same({ "", 0 }, { r.err, r.status })
    assert.is_truthy(r.out:find("^false\tinit of the pool: boom"), r.out)
    r = run(init .. "pool:submit(print) pool:map(print, { 1 })")
    assert.are.same({ 1, 1 }, { count(r.err, "boom"), r.status }, r.err)
  end)

  it("a thousand of them: no record is kept of those that were told", function()
    local r = run([[
      local pool = sandbox.pool(2)
      for i = 1, 1000 do assert(not pool:submit(function() error("boom", 0) end):join()) end
    ]], { seconds = 60 })
    assert.are.equal(1, count(r.err, "boom"))
    assert.are.same({ true, 0 }, { r.err:find("999 more failed like", 1, true) ~= nil, r.status })
  end)
end)

describe("a scope", function()
  it("that raises a failure has looked at it; those that it stops are no news", function()
    for _ = 1, 5 do
      local r = run [[
        local ok, e = pcall(function()
          local g <close> = sandbox.scope()
          for _ = 1, 3 do g:spawn(sleep, 1000) end
          g:spawn(function() error("boom", 0) end)
        end)
      ]]
      assert.are.same({ "", 0 }, { r.err, r.status })
    end
  end)

  it("tells of the others, which are reported unless somebody reads them", function()
    local text = [[
      local ok, e = pcall(function()
        local g <close> = sandbox.scope { on_error = "wait" }
        g:spawn(function() error("one", 0) end):join()
        g:spawn(function() error("two", 0) end):join()
        g:spawn(function() error("three", 0) end):join()
      end)
      assert(e.message == "one")
    ]]
    local r = run(text)
    assert.are.same({ 0, 1, 1 }, { count(r.err, "one"), count(r.err, "two"), count(r.err, "three") }, r.err)
    r = run(text .. "print(e.others[1], e.others[2].message)")
    assert.are.equal("", r.err)
  end)

  it("that is left by an error of its block does not hide a child that had failed before", function()
    local r = run [[
      pcall(function()
        local g <close> = sandbox.scope()
        g:spawn(sleep, 1000)
        local p = g:spawn(function() error("boom", 0) end)
        while p:alive() do sleep(0.001) end
        error("the block's")
      end)
    ]]
    assert.are.same({ 1, 0 }, { count(r.err, "boom"), r.status }, r.err)
  end)
end)
