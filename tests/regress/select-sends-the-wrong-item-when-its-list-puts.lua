-- The list of a select has an __index that puts: the items of the entries asked for before went astray, or were read
-- from memory that had been freed.
local a, b, other = queue(1), queue(1), queue()
local function list(first, second, item)
  return setmetatable({}, {
    __len = function() return 2 end,
    __index = function(_, i)
      if i == "ordered" then return true end
      other:put(item)
      if i == 1 then return first end
      return second
    end,
  })
end
b:put("full")
local large = { ("y"):rep(1 << 20) }
for _, item in ipairs { { "small" }, { "zzzz", 7, 8, 9, ("x"):rep(300) } } do
  assert(sandbox.select(list(b:putting { "never" }, a:putting { "second", 4, 5 }, item)) == 2)
  local got = a:get(0)
  assert(#got == 3 and got[1] == "second" and got[3] == 5)
  assert(sandbox.select(list(a:putting(large), b:putting { "never" }, item)) == 1)
  got = a:get(0)
  assert(#got == 1 and got[1] == large[1])
end
assert(#other == 8)

-- What __len says is no reason to believe it.
for _, len in ipairs { math.maxinteger, math.mininteger, 1 << 16 } do
  for _, t in ipairs { {}, { a = a } } do
    local mt = { __len = function() return len end, __index = function() return a end }
    local ok, e = pcall(sandbox.select, setmetatable(t, mt), 0)
    assert(not ok and (e:find("too long", 1, true) or e:find("empty", 1, true) or e:find("names", 1, true)), e)
  end
  local args = setmetatable({}, { __len = function() return len == 1 << 16 and -1 or len end })
  local ok, e = pcall(sandbox.process, { target = print, args = args })
  assert(not ok and e:find("too many arguments", 1, true), e)
end
