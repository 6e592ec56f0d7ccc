-- What exploring proves of the parts of the library that are written over others: mailboxes and so on.
describe("exploring proves", function()
  local function explore(f)
    local r = sandbox.explore(f)
    assert.is_true(r.ok and r.complete, tostring(r))
    return r
  end

  it("that the messages of each sender arrive in order", function()
    local r = explore(function()
      local me = sandbox.self()
      local function sender(name) for i = 1, 2 do me:send { name, i } end end
      local by = { a = spawn(sender, "a"), b = spawn(sender, "b") }
      local last = { a = 0, b = 0 }
      for _ = 1, 4 do
        local v, from = sandbox.receive()
        assert(v[2] == last[v[1]] + 1 and from == by[v[1]])
        last[v[1]] = v[2]
      end
    end)
    assert.is_true(r.interleavings > 1000)
  end)

  it("that a selective receive finds its message, and leaves the others in order", function()
    explore(function()
      local me = sandbox.self()
      spawn(function() for i = 1, 3 do me:send { "a", i } end end)
      spawn(function() me:send { "b" } end)
      assert(sandbox.receive(function(v) return v[1] == "b" end)[1] == "b")
      for i = 1, 3 do assert(sandbox.receive()[2] == i) end
    end)
  end)

  it("both ends of a race between a message and the end of its process", function()
    local r = sandbox.explore(function()
      local p = spawn(function() sandbox.receive(0) end)
      print(p:send(1))
    end)
    local seen = {}
    for _, o in ipairs(r.outcomes) do seen[#seen + 1] = o.text or o.output end
    assert.are.equal(2, #r.outcomes)
    assert.is_true(r.complete)
  end)

  it("that a search ends when there is a process of the name, and a deadlock when there is none", function()
    explore(function()
      spawn({ name = "a" }, function() sandbox.find("b"):send(1) end)
      assert(spawn({ name = "b" }, function() return sandbox.receive() end):result() == 1)
    end)
    local r = sandbox.explore(function() spawn(function() sandbox.find("godot") end):join() end)
    assert.are.equal("deadlock", r.failures[1].kind)
    r = sandbox.explore(function() spawn(function() sandbox.receive() end):join() end)
    assert.are.equal("deadlock", r.failures[1].kind)
  end)
end)
