-- Monitors: shared fields under one lock, m:when(predicate, action).
local raised = require "support.raised"
local rounds = require "support.rounds"
local script = require "support.script"
local T = 30

local function always() return true end
local function fields_of(m) return m:when(always, function(f) return f end) end

describe("a monitor", function()
  it("m:when(predicate, action [, timeout]): waits until it fits, then acts; what it changes is shared", function()
    local m = sandbox.monitor { n = 0, log = {} }
    local p = spawn(function()
      return m:when(function(f) return f.n >= 2 end, function(f)
        f.n = f.n - 2
        f.log[#f.log + 1] = "taken"
        return "got", nil, f.n
      end)
    end)
    for _ = 1, 2 do m:when(always, function(f) f.n = f.n + 1 end) end
    assert.are.same({ "got", nil, 0 }, { p:result(T) })
    assert.are.same({ n = 0, log = { "taken" } }, fields_of(m))
    assert.are.same({ n = 0 }, table.pack(m:when(always, function() end)))
    assert.are.same({ nil, "timeout" }, { m:when(function(f) return f.n > 5 end, always, 0) })
    assert.are.same({ nil, "timeout" }, { m:when(function(f) return f.n > 5 end, always, sandbox.deadline(0.01)) })
  end)

  it("is a bounded buffer in a few lines, with several on each side", function()
    local m, n = sandbox.monitor { items = {} }, 100
    local function put(v) m:when(function(f) return #f.items < 3 end, function(f) table.insert(f.items, v) end) end
    local function get()
      return m:when(function(f) return #f.items > 0 end, function(f) return table.remove(f.items, 1) end)
    end
    local writers = sandbox.team(2, function() for i = 1, n do put(i) end end)
    local readers = sandbox.team(2, function()
      local sum = 0
      for _ = 1, n do sum = sum + get() end
      return sum
    end)
    local sums = readers:results(T)
    assert.are.equal(n * (n + 1), sums[1] + sums[2])
    assert.is_true(writers:join(T))
  end)

  it("an error of the action leaves the fields as they were, and is the caller's", function()
    local m = sandbox.monitor { n = 1 }
    local e = raised("boom", m.when, m, always, function(f)
      f.n = 100
      error("boom", 0)
    end)
    assert.are.equal("boom", e)
    raised("no", m.when, m, function() error("no", 0) end, always)
    raised("a coroutine cannot be sent", m.when, m, always, function(f) f.c = coroutine.create(print) end)
    assert.are.same({ n = 1 }, fields_of(m))
  end)

  it("a predicate may not wait", function()
    local m, q = sandbox.monitor { n = 1 }, queue()
    raised("may not wait", m.when, m, function() sleep(0.01) end, always)
    raised("may not wait", m.when, m, function() return q:get() end, always)
    sandbox.self():send("a message")
    raised("may not wait", sandbox.receive, function() sleep(0.01) end)
    assert.are.equal("a message", (sandbox.receive(0)))
  end)

  it("of which a holder is killed has the fields of the last whole step", function()
    local m, gate = sandbox.monitor { a = 0, b = 0 }, queue()
    for round in rounds(30) do
      local victim = spawn({ quiet = true }, function()
        m:when(always, function(f)
          f.a = f.a + 1
          gate:put("inside")
          if round % 2 == 0 then sleep(1000) end
          f.b = f.b + 1
        end)
        sleep(1000)
      end)
      gate:get(T)
      victim:kill()
      local f = m:when(always, function(f) return f end, T)
      assert.are.equal(f.a, f.b)
    end
  end)

  it("can be sent, and is the same everywhere", function()
    local q, m = queue(), sandbox.monitor { n = 1 }
    local p = spawn(function()
      local other = q:get()
      other:when(always, function(f) f.n = 2 end)
      return other == m
    end)
    q:put(m)
    assert.is_true(p:result(T))
    assert.are.equal(2, fields_of(m).n)
    assert.is_truthy(tostring(m):find("^monitor: monitor#%d+ %("))
  end)

  it("is in the report of a deadlock", function()
    local r = script.run([[
      local m = sandbox.monitor { n = 0 }
      m:when(function(f) return f.n > 0 end, function() end)]])
    assert.are.equal(4, r.status)
    assert.is_truthy(r.err:find("main waits in when at .*:2 for monitor#%d+, which nobody else can"), r.err)
    r = script.run([[
      local m = sandbox.monitor({ n = 0 }, { name = "account" })
      m:when(function(f) return f.n > 0 end, function() end)]])
    assert.is_truthy(r.err:find("main waits in when at .*:2 for monitor account#%d+, which nobody else can"), r.err)
  end)

  it("says what is wrong", function()
    local m = sandbox.monitor {}
    raised("table of fields expected, got number", sandbox.monitor, 3)
    raised("function expected, got no value", m.when, m, always)
    raised("monitor expected, got table", m.when, {}, always, always)
    raised("a timeout cannot be negative", m.when, m, always, always, -1)
  end)
end)

describe("a monitor that is used wrongly", function()
  local script = require "support.script"

  it("says so at the script's line", function()
    for code, message in pairs {
      ["m.n = 5"] = "the fields of a monitor are changed in an action: m:when(predicate, function(f) f.n = ... end)",
      ["m:when(yes, function() m:when(yes, print) end)"] = "when: a monitor cannot be used inside its own action",
      ["m:when(yes, function(f) f.n = coroutine.create(print) end)"] = "when: field n: a coroutine cannot be sent",
    } do
      local r = script.run("local m = sandbox.monitor { n = 0 } local function yes() return true end\n" .. code)
      assert.are.equal(("sandbox: %s:2: %s"):format(r.name, message), r.err:match("^[^\n]*"), code)
    end
  end)

  it("is as it was", function()
    local m = sandbox.monitor { n = 0 }
    local function yes() return true end
    assert.is_false(pcall(m.when, m, yes, function(f) f.n = 1 m:when(yes, print) end))
    assert.is_false(pcall(m.when, m, yes, function(f) f.n = coroutine.create(print) end))
    assert.are.equal(0, m:when(yes, function(f) return f.n end))
  end)
end)
