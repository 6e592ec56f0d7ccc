-- Many items by one call: q:put_all(list), q:get_all(n).
local sync = require "support.sync"
local T = sync.limit

local function raised(text, f, ...)
  local ok, e = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(tostring(e):find(text, 1, true), tostring(e))
  assert.truthy(tostring(e):find("batch_spec.lua:%d+: "), tostring(e))
end

describe("put_all", function()
  it("puts all items in order, and says how many", function()
    local q = queue()
    assert.same({ 3 }, { q:put_all { "a", false, { 1 } } })
    assert.same({ 0 }, { q:put_all({}, 0) })
    assert.same({ "a", false, { 1 } }, q:get_all(10))
    assert.equal(0, #q)
  end)

  it("waits for room, and says how far it came", function()
    local q = queue(2)
    assert.same({ 2, "timeout" }, { q:put_all({ 1, 2, 3 }, 0) })
    local p = spawn(function() return q:put_all({ 3, 4, 5, 6 }, T) end)
    for i = 1, 6 do assert.equal(i, q:get(T)) end
    assert.equal(4, p:result(T))
    assert.same({ 1, "timeout" }, { queue(1):put_all({ 1, 2 }, sandbox.deadline(0.01)) })
  end)

  it("names the item that cannot be sent, behind those that were put", function()
    local q = queue()
    raised("put_all: item 3 of the list: ", q.put_all, q, { 1, 2, coroutine.create(print), 4 })
    assert.same({ 1, 2 }, q:get_all(9))
    q:close()
    raised("put_all: item 1 of the list: put on a closed queue", q.put_all, q, { 1 })
  end)

  it("refuses misuse before anything is put", function()
    local q = queue()
    raised("list of items expected, got no value", q.put_all, q)
    raised("item 2 of the list is nil", q.put_all, q, setmetatable({ 1 }, { __len = function() return 3 end }))
    raised("there is no such argument", q.put_all, q, { 1 }, 1, 2)
    raised("a timeout cannot be negative", q.put_all, q, { 1 }, -1)
    assert.equal(0, #q)
  end)
end)

describe("get_all", function()
  it("takes what is there, at most so many", function()
    local q = queue()
    q:put_all { 1, 2, 3, 4, 5 }
    assert.same({ 1, 2 }, q:get_all(2))
    assert.same({ 3, 4, 5 }, q:get_all(5, 0))
    assert.same({ nil, "timeout" }, { q:get_all(5, 0) })
    q:close()
    assert.same({ nil, "closed" }, { q:get_all(5) })
  end)

  it("takes at most so many of those behind an item that could not be read", function()
    local q, loaded = queue(), package.loaded
    spawn(function()
      local Class = {}
      loaded["batch.late"] = Class
      q:put_all { 1, setmetatable({ x = 2 }, Class), 3, 4, 5 }
    end):join(T)
    assert.same({ 1 }, q:get_all(9))
    raised("needs the module 'batch.late'", q.get_all, q, 2)
    loaded["batch.late"] = {}
    assert.same({ { x = 2 }, 3 }, q:get_all(2))
    loaded["batch.late"] = nil
    assert.same({ 4, 5 }, q:get_all(9))
  end)

  it("waits for the first", function()
    local q = queue()
    local p = spawn(function() return q:get_all(2, T) end)
    q:put(7)
    assert.equal(7, p:result(T)[1])
  end)

  it("loses and doubles nothing between several processes", function()
    local q, back = queue(16), queue()
    local team = sandbox.team(3, function()
      for list in function() return q:get_all(7, T) end do back:put_all(list) end
    end)
    local list = {}
    for i = 1, 300 do list[i] = i end
    assert.equal(300, q:put_all(list, T))
    q:close()
    team:join(T)
    local seen = back:get_all(1000)
    table.sort(seen)
    assert.same(list, seen)
  end)

  it("refuses misuse", function()
    local q = queue()
    raised("number of items must be a whole number, 1 or more, not 0", q.get_all, q, 0)
    raised("number of items must be a whole number, 1 or more, not nil", q.get_all, q)
    raised("queue expected, got table", q.get_all, {}, 1)
  end)
end)
