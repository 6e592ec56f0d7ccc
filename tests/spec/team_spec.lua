-- Teams: processes that do the same work, each with its number.
local raised = require "support.raised"
local T = 30

local function idle() sleep(1000) end

describe("a team", function()
  it("calls the function with the number of each process, and the arguments", function()
    local t = sandbox.team(4, function(i, ...) return { i, ... } end, "a", nil, "b")
    assert.are.equal(4, #t)
    for i = 1, 4 do assert.are.same({ i, "a", nil, "b" }, t[i]:result(T)) end
    assert.is_true(t:join(T))
    assert.is_true(t:join(0)) -- again
  end)

  it("t:results([timeout]) is the list of the first results, in the order of the numbers", function()
    local gate = queue()
    local t = sandbox.team(3, function(i)
      if i == 1 then gate:get() end
      if i ~= 2 then return 10 * i, "more" end
    end)
    assert.are.same({ nil, "timeout" }, { t:results(0) })
    assert.are.same({ nil, "timeout" }, { t:join(0.001) })
    gate:put("go")
    assert.are.same({ 10, nil, 30, n = 3 }, t:results(T))
  end)

  it("join returns the first failure and its process, results raises it", function()
    local gate = queue()
    local t = sandbox.team(3, function(i)
      if i == 2 then error("boom", 0) end
      gate:get()
    end)
    local ok, failure, p = t:join(T)
    assert.is_nil(ok)
    assert.are.same({ "boom", t[2] }, { failure.message, p })
    assert.are.equal("boom", raised("boom", t.results, t, T).message)
    for _ = 1, 2 do gate:put("go") end
  end)

  it("t:kill() kills all of it", function()
    local t = sandbox.team(3, idle)
    assert.is_true(t:kill())
    for i = 1, 3 do assert.are.equal(9, select(2, t[i]:join(T)).signal) end
    assert.is_true(t:kill()) -- again
    assert.is_truthy(tostring(t):find("^team: 3 processes %(0 running%)$"))
  end)

  it("has the caller's name for the function", function()
    local t = sandbox.team(2, idle)
    assert.are.same({ "idle", "idle" }, { t[1].name, t[2].name })
    t:kill()
  end)

  it("may be empty, and can be sent", function()
    assert.are.same({ n = 0 }, sandbox.team(0, idle):results())
    local q, back = queue(), queue()
    local p = spawn(function()
      local t = q:get()
      back:put { #t, t[2].id, t:results(T)[2] }
    end)
    local t = sandbox.team(2, function(i) return 2 * i end)
    q:put(t)
    assert.are.same({ 2, t[2].id, 4 }, back:get(T))
    p:join(T)
  end)

  it("says what is wrong", function()
    raised("the number of processes must be a whole number, 0 or more, not -1", sandbox.team, -1, idle)
    raised("function expected", sandbox.team, 1)
    local t = sandbox.team(0, idle)
    raised("a timeout cannot be negative", t.join, t, -1)
    raised("there is no such argument", t.results, t, 1, 2)
    raised("team expected, got number", t.kill, 3)
    raised("team expected, got table", t.kill, {})
  end)

  it("is a list that the script may shorten, and says which entry is no process", function()
    local function team() return sandbox.team(3, function(i) return i end) end
    local t = team()
    table.remove(t)
    assert.are.same({ 1, 2, n = 2 }, t:results(T))
    for _, wrong in ipairs { { 2, nil, "nil" }, { 2, 5, "number" }, { 4, "x", "string" } } do
      t = team()
      t[wrong[1]] = wrong[2]
      for _, method in ipairs { "join", "results", "kill" } do
        raised(("bad argument #1 to '%s' (the list of the team was changed: entry %d is no process, but %s"):format(method,
          wrong[1], wrong[3]), t[method], t)
      end
      assert.is_truthy(tostring(t):find("^team: %d process"))
    end
    t = team()
    t.note = "mine"
    assert.are.same({ true, "mine" }, { t:join(T), t.note })
  end)

  it("is not left half-made when there are too many", function()
    local r = require("support.script").run([[
      local ok, e = pcall(sandbox.team, 50, sleep, 1000)
      local living = {}
      for _, p in ipairs(sandbox.children()) do
        p:join(20)
        living[#living + 1] = p:alive() and p.id or nil
      end
      print(ok, tostring(e):find("max%-procs") ~= nil or e, #living)]], { args = "--max-procs 8" })
    assert.are.same({ "false\ttrue\t0\n", 0 }, { r.out, r.status }, r.err)
  end)

  it("in a scope ends with it", function()
    local t
    do
      local g <close> = sandbox.scope()
      t = g:team(3, function(i) return i end)
    end
    assert.are.same({ 1, 2, 3, n = 3 }, t:results(0))
    local e = raised("boom", function()
      local g <close> = sandbox.scope()
      t = g:team(3, function(i)
        if i == 2 then error("boom", 0) end
        sleep(1000)
      end)
    end)
    assert.are.equal("boom", e.message)
    assert.is_false(t[1]:alive() or t[3]:alive())
  end)
end)

describe("two handles of a team", function()
  it("are equal", function()
    local t, other = sandbox.team(2, function() end), sandbox.team(2, function() end)
    local q = queue()
    q:put(t)
    assert.is_true(q:get() == t)
    assert.is_false(t == other)
    t:join()
    other:join()
  end)
end)
