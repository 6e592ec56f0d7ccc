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

describe("put_all and get_all", function()
  it("lose nothing, and double nothing", function()
    proved(function()
      local q, n = queue(), 0
      local ps = {}
      for i = 1, 2 do ps[i] = spawn(function() q:put_all { i, { i } } end) end
      while n < 4 do n = n + #q:get_all(3) end
      assert(n == 4 and #q == 0)
      sandbox.join_all(ps)
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
            local _ <close> = w[many](w)
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

describe("an array", function()
  -- Peterson's algorithm, for two: each raises its flag, then lets the other go first.
  local function peterson(right)
    return function()
      local flag, turn, inside = sandbox.array(2), sandbox.array(1), sandbox.array(1)
      local function visit(me)
        local other = 3 - me
        if right then
          flag[me] = 1
          turn[1] = other
        else -- too late: the other may be past its test by now
          turn[1] = other
          flag[me] = 1
        end
        while flag[other] == 1 and turn[1] == other do end
        assert(inside:add(1, 1) == 1, "both are inside")
        inside:add(1, -1)
        flag[me] = 0
      end
      local p, q = spawn({ quiet = true }, visit, 1), spawn({ quiet = true }, visit, 2)
      p:result() q:result()
    end
  end

  it("lets Peterson's algorithm exclude", function()
    proved(peterson(true))
  end)

  it("shows what is wrong with Peterson's algorithm if the flag is set after the turn", function()
    local r = explore(peterson(false))
    assert.is_false(r.ok)
    assert.is_truthy(r.report:find("both are inside", 1, true), r.report)
    assert.is_truthy(r.report:find("turn%[1%] = 2"), r.report)
  end)

  it("loses an update that is a get and a set", function()
    local r = explore(function()
      local a = sandbox.array(2)
      local function count() a[1] = a[1] + 1 end
      local p, q = spawn(count), spawn(count)
      p:join() q:join()
      assert(a[1] == 2, "lost")
    end)
    assert.is_false(r.ok)
    assert.is_truthy(r.report:find("a[1] = 1", 1, true), r.report)
    assert.is_truthy(r.report:find("is two steps, get and set, and count#%d came between"), r.report)
    assert.is_truthy(r.report:find("a:add(i, n) or a:cas(i, old, new), one step", 1, true), r.report)
  end)

  it("has no lost update where each has an element, or adds in one step", function()
    proved(function()
      local a = sandbox.array(3)
      local function count(i)
        a[i] = a[i] + 1
        a:add(3, 1)
      end
      local p, q = spawn(count, 1), spawn(count, 2)
      p:join() q:join()
      local list = a:copy()
      assert(list[1] == 1 and list[2] == 1 and list[3] == 2)
    end)
  end)

  it("is filled and copied in one step", function()
    proved(function()
      local a = sandbox.array { 0, 0, 0 }
      local p = spawn(function() a:fill(1) end)
      local q = spawn(function() a:fill(2) end)
      local list = a:copy()
      assert(list[1] == list[2] and list[2] == list[3])
      assert(a:copy()[1] >= 0)
      p:join() q:join()
    end)
  end)

  it("raises the same errors as on real processes", function()
    proved(function()
      local a = sandbox.array { 1, 2 }
      local ok, message = pcall(function() return a[3] end)
      assert(not ok and message:find("index 3 is out of bounds: the array has elements 1 to 2", 1, true), message)
      assert(not pcall(function() a[1] = 0.5 end) and a[1] == 1)
      local f = sandbox.array({ 1.5 }, "number")
      assert(f:add(1, 1) == 2.5 and f:cas(1, 2.5, 7) and f[1] == 7.0 and #f == 1)
      assert(tostring(f):match "^array: array#%d+ %(1 number%)$")
    end)
  end)
end)
