-- What the objects promise, proved: in every interleaving of small programs.
local explore = sandbox.explore

-- Every interleaving of `fn` was tried, and none goes wrong.
local function proved(fn, options)
  local r = explore(fn, options)
  assert.is_true(r.complete, r.report)
  assert.is_true(r.ok, r.report)
  return r
end

describe("a latch", function()
  it("opens for everybody", function()
    proved(function()
      local l, out = sandbox.latch(2), queue()
      local ps = {}
      for i = 1, 2 do ps[i] = spawn(function() l:down() l:wait() out:put(l:count()) end) end
      assert(l:wait() and l:count() == 0)
      sandbox.join_all(ps)
      assert(out:get() == 0 and out:get() == 0)
    end)
  end)
end)

describe("wait_for", function()
  it("loses no wake-up: of a value, whatever is done to it meanwhile", function()
    proved(function()
      local x = sandbox.value(0)
      local p = spawn(function() return x:wait_for(function(v) return v == 2 end) end)
      local q = spawn(function() x:add(1) end)
      x:add(1)
      assert(p:result() == 2)
      q:join()
    end)
    local r = proved(function() -- another value for a moment is not missed by a function that it did not fit
      local x = sandbox.value("a")
      local p = spawn(function() return x:wait_for(function(v) return v == "done" end) end)
      x:set("b")
      x:set("a")
      x:set("done")
      assert(p:result() == "done")
    end)
    assert.is_true(r.interleavings > 3, r.report)
  end)

  it("loses no wake-up: of many, with two who change it", function()
    proved(function()
      local x, ps = sandbox.value(0), {}
      for i = 1, 2 do ps[i] = spawn(function() return x:wait_for(function(v) return v >= 2 end) end) end
      for i = 3, 4 do ps[i] = spawn(function() x:update(function(v) return v + 1 end) end) end
      for i = 1, 2 do assert(ps[i]:result() == 2) end
      ps[3]:join() ps[4]:join()
    end)
  end)

  it("loses no wake-up: at a key of a dict", function()
    proved(function()
      local d = sandbox.dict()
      local p = spawn(function() return d:wait_for("k", function(v) return v == 2 end) end)
      local q = spawn(function() d:add("k", 1) d.other = 1 end)
      d:add("k", 1)
      assert(p:result() == 2)
      q:join()
      assert(d:cas("k", 2, nil) and d.k == nil)
    end)
  end)

  it("is a deadlock if nobody makes it so, and one that polls would not be", function()
    local r = explore(function()
      local x = sandbox.value(0)
      local p = spawn(function() x:wait_for(function(v) return v == 2 end) end)
      x:add(1)
      p:join()
    end)
    assert.is_false(r.ok)
    assert.are.equal("deadlock", r.failures[1].kind, r.report)
  end)

  it("times out once its time has come", function()
    proved(function()
      local x = sandbox.value(0)
      local v, why = x:wait_for(function(v) return v == 1 end, 1)
      assert(v == nil and why == "timeout")
    end)
  end)
end)
