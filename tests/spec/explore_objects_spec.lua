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
