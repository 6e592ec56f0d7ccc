-- Latches: a count that goes down to 0, once.
local rounds = require "support.rounds"
local sync = require "support.sync"
local raises, results = sync.raises, sync.results

describe("a latch", function()
  it("counts down, and opens at 0 for good", function()
    local l = sandbox.latch(4)
    assert.are.same({ nil, "timeout" }, { l:wait(0) })
    assert.are.equal(3, l:down())
    assert.are.equal(3, l:down(0))
    assert.are.equal(1, l:down(2))
    assert.are.same({ nil, "timeout" }, { l:wait(0.01) })
    assert.are.equal(0, l:down(5))
    assert.are.equal(0, l:down())
    assert.is_true(l:wait())
    assert.is_true(l:wait(0))
    assert.are.equal(0, l:count())
    assert.is_true(sandbox.latch(0):wait())
  end)

  it("lets all go who wait", function()
    for _ in rounds(20) do
      local l, ps = sandbox.latch(2), {}
      for i = 1, 8 do ps[i] = spawn(function() return l:wait() end) end
      sync.await_waiting(l, 8)
      l:down()
      sync.await_waiting(l, 8)
      results(spawn(l.down, l))
      for i = 1, 8 do assert.are.same({ true }, { results(ps[i]) }) end
    end
  end)

  it("counts each of many at once", function()
    local l, ps = sandbox.latch(4000), {}
    for i = 1, 4 do ps[i] = spawn(function() for _ = 1, 999 do l:down() end end) end
    assert.is_true(sandbox.join_all(ps, sync.limit))
    assert.are.equal(4, l:count())
  end)

  it("does not mind a process being killed", function()
    local l = sandbox.latch(1)
    local a = spawn({ quiet = true }, function() l:wait() end)
    local b = spawn(function() return l:wait() end)
    sync.await_waiting(l, 2)
    sync.kill(a)
    sync.await_waiting(l, 1)
    l:down()
    assert.is_true(results(b))
  end)

  it("is an entry of select", function()
    local l, q = sandbox.latch(1), queue()
    assert.are.same({ nil, "timeout" }, { sandbox.select({ q, l }, 0.01) })
    local p = spawn(function() return sandbox.select { q, l } end)
    sync.await_waiting(l, 1)
    l:down()
    assert.are.same({ 2, true }, { results(p) })
    assert.are.same({ 2, true }, { sandbox.select { q, l } })
  end)

  it("is the same in every process, and tells its state", function()
    local l, q = sandbox.latch { n = 2, name = "ready" }, queue()
    assert.is_truthy(tostring(l):match("^latch: ready#%d+ %(2 left%)$"))
    local p = spawn(function() q:get():down(2) end)
    q:put(l)
    assert.is_true(l:wait(sync.limit))
    results(p)
    assert.is_truthy(tostring(l):match("^latch: ready#%d+ %(open%)$"))
  end)

  it("refuses misuse, at the caller's line", function()
    local l = sandbox.latch(1)
    raises("n must be a whole number, 0 or more, not -1", function() sandbox.latch(-1) end)
    raises("n must be a whole number, 0 or more, not nil", function() sandbox.latch() end)
    raises("k must be a whole number, 0 or more, not 1.5", function() l:down(1.5) end)
    raises("unknown option 'count'; there are n, name", function() sandbox.latch { count = 1 } end)
    raises("timeout cannot be negative", function() l:wait(-1) end)
    raises("latch expected, got no value; call methods with a colon", function() l.down() end)
  end)

  it("that nobody can count down any more is a deadlock", function()
    local script = require "support.script"
    local r = script.run("local l = sandbox.latch { n = 2, name = 'ready' }\nspawn(function() l:down() end)\nl:wait()")
    assert.are.equal(4, r.status, r.err)
    assert.is_truthy(r.err:find("main waits in wait at [^ ]+:3 for latch ready#%d+, which nobody else can count down"), r.err)
    assert.is_truthy(r.err:find("1 left, counted down by", 1, true), r.err)
  end)
end)
