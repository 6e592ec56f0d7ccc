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

describe("an rwlock", function()
  -- What is inside, by a value that each changes when it comes and goes: 100 for a writer.
  local function inside(w, room, kind)
    local _ <close> = w[kind](w)
    local n = room:add(kind == "write" and 100 or 1)
    assert(kind == "write" and n == 100 or kind == "read" and n < 100, kind .. " with " .. n)
    room:add(kind == "write" and -100 or -1)
  end

  it("excludes: 3 readers and 2 writers", function()
    local r = proved(function()
      local w, room, ps = sandbox.rwlock(), sandbox.value(0), {}
      for i = 1, 3 do ps[i] = spawn(inside, w, room, "read") end
      for i = 4, 5 do ps[i] = spawn(inside, w, room, "write") end
      for i = 1, 5 do assert(ps[i]:join()) end
    end)
    assert.is_true(r.interleavings > 1000, r.report)
  end)

  it("lets readers in together", function()
    local r = explore(function()
      local w, room = sandbox.rwlock(), sandbox.value(0)
      local function read()
        local _ <close> = w:read()
        assert(room:add(1) == 1, "together")
        room:add(-1)
      end
      local p, q = spawn({ quiet = true }, read), spawn({ quiet = true }, read)
      p:result() q:result()
    end)
    assert.is_false(r.ok, r.report)
  end)

  -- `many` processes come again and again, for ever; each of `one` must get in.
  local function nobody_starves(many, of_many, one, of_one)
    return function()
      local w = sandbox.rwlock()
      for _ = 1, of_many do
        spawn({ daemon = true }, function()
          while true do
            do local _ <close> = w[many](w) end
            collectgarbage() -- so that a round is like the one before
          end
        end)
      end
      local ps = {}
      for i = 1, of_one do
        ps[i] = spawn(function() local _ <close> = w[one](w) end)
      end
      for i = 1, of_one do ps[i]:join() end
    end
  end

  it("starves no writer: 3 readers that never rest, 2 writers", function()
    proved(nobody_starves("read", 3, "write", 2))
  end)

  it("starves no reader: 2 writers that never rest, 3 readers", function()
    proved(nobody_starves("write", 2, "read", 3))
  end)

  it("tells of a writer that ends in the middle of its work", function()
    local r = explore(function()
      local w = sandbox.rwlock()
      local p = spawn({ quiet = true }, function()
        local _ = w:write()
        error "in the middle"
      end)
      p:join()
      local hold, why = w:read()
      assert(why == "abandoned")
      hold:release()
      hold, why = w:write()
      assert(why == "abandoned")
      hold:release()
      hold, why = w:write()
      assert(why == nil)
      hold:release()
    end)
    assert.is_true(r.complete, r.report)
    assert.are.equal(1, #r.failures, r.report)
    assert.are.equal("held", r.failures[1].kind) -- by the writer, and that is all
  end)
end)

describe("a barrier with an action", function()
  it("runs it once, by the last, before anybody goes on", function()
    proved(function()
      local x, acts, ps = sandbox.value(0), sandbox.value(0), {}
      local b = sandbox.barrier(2, function()
        assert(x:get() == 2)
        acts:add(1)
      end)
      for i = 1, 2 do
        ps[i] = spawn(function()
          x:add(1)
          assert(b:wait())
          assert(acts:get() == 1)
        end)
      end
      for i = 1, 2 do assert(ps[i]:join()) end
    end)
  end)
end)
