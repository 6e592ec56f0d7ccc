-- A debug hook sees the calls of C functions, also those by which the library encodes a handle, an item of put_all, or
-- reads the old value of an update. What it puts or reads there must not get into the message of the script.
local a, b = queue(), queue()
local d, v = sandbox.dict { a = { 1, 2, 3 }, b = { "other" } }, sandbox.value { "mine" }
local calls, off = 0, true
local function hook()
  if off then return end
  off = true
  calls = calls + 1
  a:put { ("h"):rep(200000) }
  assert(d.b[1] == "other")
  off = false
end
debug.sethook(hook, "c")
local x = ("x"):rep(100000)
for i = 1, 20 do
  off = false
  b:put { queue(), x, a, i, queue() }
  b:put_all { { 1, queue(), i }, { 2, queue(), i }, i }
  off = true
  local item = b:get(0)
  assert(#item == 5 and item[2] == x and item[3] == a and item[4] == i)
  for k = 1, 2 do
    item = b:get(0)
    assert(#item == 3 and item[1] == k and item[3] == i)
  end
  assert(b:get(0) == i)
  for _ = 1, #a do assert(#a:get(0)[1] == 200000) end
end
off = false
d:update("a", function(t) off = true t[4] = 4 return t end)
off = false
v:update(function(t) off = true assert(t[1] == "mine") return { "new" } end)
debug.sethook()
assert(#d.a == 4 and d.a[1] == 1 and v:get()[1] == "new")
assert(calls > 100)
