-- A __gc that peeks (into any queue) between two items of a list that is being read.
local a, b = queue(), queue()
a:put(("other"):rep(5000))
for i = 1, 200 do b:put { i, tostring(i), { x = i } } end
local mt = { __gc = function() assert(#a:peek() == 25000) end }
collectgarbage("incremental", 100, 400)
for _ = 1, 300 do
  for _ = 1, 20 do setmetatable({}, mt) end
  local list = b:peek(200)
  assert(#list == 200)
  for i, v in ipairs(list) do assert(v[1] == i and v[2] == tostring(i) and v[3].x == i) end
end
