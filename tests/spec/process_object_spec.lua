-- Processes made by sandbox.process and started later; who may join, and what comes back.
local rounds = require "support.rounds"
local T = 20

local function new(options)
  local o = { target = function(...) return ... end, quiet = true }
  for k, v in pairs(options or {}) do o[k] = v end
  return sandbox.process(o)
end

describe("sandbox.process", function()
  it("runs when it is started, with its arguments, nils among them", function()
    local p = new { args = { nil, 2, nil, n = 3 }, name = "later" }
    assert.are.same({ "new", "later", false }, { p:status(), p.name, p.daemon })
    assert.are.equal("process: later (new)", tostring(p))
    assert.is_true(rawequal(p, p:start()))
    assert.are.same({ true, nil, 2, nil, n = 4 }, table.pack(p:join(T)))
    assert.are.same({ "done", 0 }, { p:status(), p.exitcode })
  end)

  it("has no number, no exit code and no signal before", function()
    local p = new()
    assert.are.same({ n = 4 }, table.pack(p.id, p.pid, p.exitcode, p.signal))
    p:start()
    assert.are.equal("integer", math.type(p.id))
    p:join(T)
  end)

  it("takes the options of spawn, and is called what the caller calls its target", function()
    local function baker() return sandbox.self().name, sandbox.self().daemon end
    local p = sandbox.process { target = baker, daemon = true, cpu = 0 }
    assert.are.same({ "baker", true }, { p.name, p.daemon })
    assert.are.same({ true, "baker", true }, { p:start():join(T) })
  end)

  it("nothing but start can be done to it before: each is an error that says so", function()
    local p = new()
    for _, method in ipairs { "join", "result", "terminate", "kill" } do
      local ok, e = pcall(p[method], p)
      assert.is_false(ok, method)
      assert.is_truthy(e:find("the process was not started: call its start()", 1, true), e)
    end
    assert.is_false(p:alive())
    assert.has_error(function() join(p) end)
    local ok, e = pcall(queue().put, queue(), { p })
    assert.is_false(ok)
    assert.is_truthy(e:find("item[1]: a process that was not started cannot be sent", 1, true), e)
  end)

  it("starts once", function()
    local p = new():start()
    local ok, e = pcall(p.start, p)
    assert.is_false(ok)
    assert.is_truthy(e:find("start: the process was started before", 1, true), e)
    p:join(T)
    assert.has_error(function() p:start() end)
    assert.has_error(function() spawn(function() end):start() end)
  end)

  it("keeps the options as they were when it was made; what the script has is that of the start", function()
    local args, shared = { 1 }, "at first"
    local o = { target = function(x) return x, shared end, args = args, name = "kept" }
    local p = sandbox.process(o)
    args[1], o.name, shared = 2, "changed", "at the start"
    assert.are.same({ true, 1, "at the start" }, { p:start():join(T) })
    assert.are.equal("kept", p.name)
  end)

  it("in the child the variable that holds it is the child itself", function()
    local p
    p = new { target = function() return p == sandbox.self(), p.pid == sandbox.getpid(), p:status() end }
    assert.are.same({ true, true, true, "running" }, { p:start():join(T) })
  end)

  it("tells where it was started", function()
    local p = new { target = function() error("late") end, name = "late" }
    p:start()
    local _, e = p:join(T)
    assert.is_truthy(tostring(e):find("late %(process late#%d+, pid %d+%)"), tostring(e))
  end)

  it("can be sent once it is started, and is one handle with what comes back", function()
    local q, p = queue(), new { target = function() return 42 end }
    p:start()
    q:put(p)
    assert.is_true(rawequal(p, q:get(T)))
    assert.are.equal(42, p:result(T))
  end)

  it("refuses what makes no sense, at the caller's line", function()
    local function refuses(text, options)
      local ok, e = pcall(function() sandbox.process(options) end)
      assert.is_false(ok)
      assert.is_truthy(e:find("process_object_spec.lua:", 1, true), e)
      assert.is_truthy(e:find(text, 1, true), e)
    end
    refuses("table of options", nil)
    refuses("table of options", function() end)
    refuses("target must be a function", {})
    refuses("target must be a function", { target = 1 })
    refuses("args must be a list", { target = print, args = 1 })
    refuses("n of args", { target = print, args = { n = -1 } })
    refuses("unknown option 'function'", { target = print, ["function"] = print })
    refuses("name must be a string", { target = print, name = 1 })
    refuses("daemon must be true or false", { target = print, daemon = 1 })
    refuses("cpu must be a whole number", { target = print, cpu = -1 })
  end)

  it("is collected when it is never started", function()
    for i = 1, 2000 do new { args = { ("x"):rep(1000), i } } end
    collectgarbage() collectgarbage()
    assert.are.equal(0, #sandbox.children())
  end)
end)

describe("join", function()
  it("works from any process that holds the handle, again and again", function()
    for round in rounds(50) do
      local gate, answers = queue(), queue()
      local p = spawn(function() return gate:get(T), ("r"):rep(round * 100) end)
      local joiners = {}
      for i = 1, 3 do
        joiners[i] = spawn(function() return p:join(T) end)
      end
      local late = spawn(function() local other = answers:get(T) return other:join(T) end)
      answers:put(p)
      gate:put(round)
      joiners[#joiners + 1] = late
      for _, j in ipairs(joiners) do
        assert.are.same({ true, true, round, ("r"):rep(round * 100) }, { j:join(T) })
      end
      assert.are.same({ true, round, ("r"):rep(round * 100) }, { p:join(T) })
    end
  end)

  it("gives a failure to all of them, with its value", function()
    local gate = queue()
    local p = spawn({ quiet = true, name = "bad" }, function() gate:get(T) error { code = 7 } end)
    local joiners = {}
    for i = 1, 3 do
      joiners[i] = spawn(function()
        local ok, e = p:join(T)
        return ok, e.value.code, e.name
      end)
    end
    gate:put(1)
    for _, j in ipairs(joiners) do assert.are.same({ true, nil, 7, "bad" }, { j:join(T) }) end
  end)

  it("brings results of any size, before and after the process ended", function()
    for _, size in ipairs { 0, 1, 4000, 4096, 5000, 1 << 16, 1 << 20, 40 << 20 } do
      local p = spawn(function() return ("z"):rep(size), size end)
      local other = spawn(function()
        local ok, s, n = p:join(T)
        return ok and #s == n
      end)
      local ok, s, n = p:join(T)
      assert.is_true(ok)
      assert.are.same({ size, size }, { #s, n })
      assert.is_true(other:result(T))
    end
  end)

  it("a child of a daemon: a daemon may have children; they are waited for when it ends by itself", function()
    local done = queue()
    local d = spawn({ daemon = true }, function()
      spawn(function() sleep(0.02) done:put("grandchild") end)
    end)
    assert.is_true(d:join(T))
    assert.are.equal("grandchild", done:get(0))
  end)
end)

describe("join_all", function()
  it("waits for all", function()
    local gate, list = queue(), {}
    for i = 1, 5 do list[i] = spawn(function() return gate:get(T) end) end
    assert.are.same({ nil, "timeout" }, { sandbox.join_all(list, 0.02) })
    for _ = 1, 5 do gate:put(1) end
    assert.are.same({ true, n = 1 }, table.pack(sandbox.join_all(list, T)))
    assert.are.same({ true, n = 1 }, table.pack(sandbox.join_all(list)))
    assert.is_true(sandbox.join_all({}))
    assert.is_true(sandbox.join_all({ list[1], list[1] }, 0))
  end)

  it("returns at the first failure, and says whose it is", function()
    for _ in rounds(30) do
      local gate = queue()
      local a = spawn({ daemon = true }, function() gate:get() end)
      local b = spawn({ quiet = true, name = "b" }, function() error("b fails", 0) end)
      local ok, failure, p = sandbox.join_all({ a, b, a }, T)
      assert.are.same({ nil, "b fails", true }, { ok, failure.message, rawequal(p, b) })
      a:kill()
      ok, failure, p = sandbox.join_all({ a }, T)
      assert.are.same({ nil, 9, true }, { ok, failure.signal, rawequal(p, a) })
    end
  end)

  it("leaves the list as it was, and refuses what is none", function()
    local list = { spawn(function() end), spawn(function() end) }
    local a, b = list[1], list[2]
    assert.is_true(sandbox.join_all(list))
    assert.are.same({ 2, a, b }, { #list, list[1], list[2] })
    assert.is_nil(list.ordered)
    for text, call in pairs {
      ["list of processes or tasks expected, got no value"] = function() sandbox.join_all() end,
      ["entry 2: process or task expected, got userdata"] = function() sandbox.join_all { a, queue() } end,
      ["entry 1: process or task expected, got number"] = function() sandbox.join_all { 1 } end,
      ["bad argument #1 to 'as_completed' (entry 1: process or task expected, got number)"] =
        function() sandbox.as_completed { 1 } end,
      ["entry 1: the process was not started"] = function() sandbox.join_all { sandbox.process { target = print } } end,
      ["a timeout cannot be negative"] = function() sandbox.join_all({ a }, -1) end,
      ["bad argument #2 to 'as_completed' (timeout in seconds"] = function() sandbox.as_completed({ a }, "x") end,
    } do
      local ok, e = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(e:find("^%S*process_object_spec.lua:%d+: "), e)
      assert.is_truthy(e:find(text, 1, true), e)
    end
  end)
end)

describe("as_completed", function()
  it("gives the processes as they end, with what join gives", function()
    local gates, list = {}, {}
    for i = 1, 4 do
      gates[i] = queue()
      list[i] = spawn({ quiet = true }, function()
        gates[i]:get(T)
        if i == 3 then error("three", 0) end
        return i, nil, -i
      end)
    end
    local order = { 2, 4, 3, 1 }
    gates[order[1]]:put(1)
    local k = 0
    for p, ok, a, b, c in sandbox.as_completed(list, T) do
      k = k + 1
      local i = order[k]
      assert.is_true(rawequal(p, list[i]))
      if i == 3 then assert.are.same({ nil, "three" }, { ok, a.message })
      else assert.are.same({ true, i, nil, -i }, { ok, a, b, c }) end
      if order[k + 1] then gates[order[k + 1]]:put(1) end
    end
    assert.are.equal(4, k)
    for _ in sandbox.as_completed {} do error "there is none" end
  end)

  it("raises when time is up, at the line of the loop", function()
    local p = spawn({ daemon = true }, sleep, 1000)
    local ok, e = pcall(function() for _ in sandbox.as_completed({ p }, 0.01) do error "none" end end)
    assert.is_false(ok)
    assert.is_truthy(e:find("^%S*process_object_spec.lua:%d+: as_completed: timeout"), e)
    p:kill()
  end)

  it("copes with many", function()
    local list, sum = {}, 0
    for i = 1, 60 do list[i] = spawn(function() return i end) end
    for _, _, i in sandbox.as_completed(list, T) do sum = sum + i end
    assert.are.equal(1830, sum)
  end)
end)
