-- sandbox.mark: what it takes, and that it changes nothing.
local function message(...)
  local ok, err = pcall(sandbox.mark, ...)
  return not ok and err or "no error"
end

local function has(text, part) assert.is_truthy(text:find(part, 1, true), text) end

describe("sandbox.mark", function()
  it("takes a name, and a finite number or nothing; and returns nothing", function()
    for _, value in ipairs { 0, -1, 1.5, math.maxinteger, math.mininteger, -0.0, 1e308 } do
      assert.are.equal(0, select("#", sandbox.mark("m", value)))
    end
    assert.are.equal(0, select("#", sandbox.mark("m")))
    assert.are.equal(0, select("#", sandbox.mark("m", nil)))
    sandbox.mark(("x"):rep(10000))
    sandbox.mark("ünïcödé \xff")
  end)

  it("refuses other values, and says which", function()
    has(message("m", 0 / 0), "bad argument #2")
    has(message("m", 0 / 0), "the value of a mark must be a finite number, not ")
    has(message("m", math.huge), "not inf")
    has(message("m", "7"), "not the string 7")
    has(message("m", {}), "not a table")
    has(message("m", false), "not a boolean")
  end)

  it("refuses other names", function()
    has(message(), "bad argument #1")
    has(message(), "name must be a string")
    has(message(1), "name must be a string")
    for _, name in ipairs { "", "a\nb", "a\0b", "\27[2J" } do
      has(message(name), "name must be text on one line, without control characters")
    end
  end)

  it("may be called by every process at any time, also in a coroutine and in a callback", function()
    local p = spawn(function()
      local list = { 3, 1, 2 }
      table.sort(list, function(a, b) sandbox.mark("compare", a) return a < b end)
      coroutine.wrap(function() sandbox.mark("inside") end)()
      return list[1]
    end)
    assert.are.equal(1, p:result(20))
  end)
end)
