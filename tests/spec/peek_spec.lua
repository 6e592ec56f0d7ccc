-- peek(n): the oldest items of one moment, left where they are.
local T = 20

describe("peek(n)", function()
  for _, transport in ipairs { "pipe", "shm", "auto" } do
    it("shows the oldest items in their order, small and large, and takes none: " .. transport, function()
      local q = queue { transport = transport }
      local function item(i) return i % 50 == 0 and ("x"):rep(2000) .. i or i end
      for i = 1, 300 do q:put(item(i)) end
      local got = 0
      for _, take in ipairs { 0, 1, 99, 100, 99 } do
        for _ = 1, take do got = got + 1; assert.are.equal(item(got), q:get(T)) end
        for _, n in ipairs { 1, 2, 1000 } do
          local list = q:peek(n)
          assert.are.equal(math.min(n, 300 - got), #list)
          for i, v in ipairs(list) do assert.are.equal(item(got + i), v) end
        end
        assert.are.equal(300 - got, #q)
      end
    end)

    it("never shows an item out of order while others put and get: " .. transport, function()
      local q = queue { transport = transport, max = 50 }
      local writer = spawn(function() for i = 1, 20000 do q:put(i) end q:close() end)
      local reader = spawn(function() local n = 0 for _ in q:items(T) do n = n + 1 end return n end)
      while writer:alive() do
        local list = q:peek(20)
        for i = 2, #list do assert.are.equal(list[1] + i - 1, list[i]) end
      end
      assert.are.equal(20000, reader:result(T))
      assert.is_true((writer:join(T)))
    end)
  end

  it("is an empty list when there is nothing, closed or not", function()
    local q = queue()
    assert.are.same({}, q:peek(3))
    q:close()
    assert.are.same({}, q:peek(3))
  end)

  it("shows why in the place of an item that this process cannot read, which stays", function()
    local r = require "support.script".run [[
      local q = queue()
      q:put(1)
      spawn(function() q:put { require "lfs".dir } q:put("after") end):result()
      local list = q:peek(5)
      assert(#list == 3 and list[1] == 1 and list[3] == "after")
      assert(list[2]:find("^<cannot be read here: .*'lfs.dir'"), list[2])
      assert(#q == 3)
      print(#q:peek(5), q:get(0))
    ]]
    assert.are.same({ "3\t1\n", "", 0 }, { r.out, r.err, r.status })
  end)

  it("wants at least one", function()
    assert.has_error(function() queue():peek(0) end, "bad argument #1 to 'peek' (the number of items must be 1 or more)")
  end)
end)
