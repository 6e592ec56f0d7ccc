-- Processes made by sandbox.process and started later; who may join, and what comes back.
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
    for _, method in ipairs { "join", "result", "alive", "terminate", "kill" } do
      local ok, e = pcall(p[method], p)
      assert.is_false(ok, method)
      assert.is_truthy(e:find("the process was not started: call its start()", 1, true), e)
    end
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
    for round = 1, 50 do
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
