-- The same with put: a __gc that puts (into any queue) while another put encodes its item.
local a, b = queue(), queue()
local mt = { __gc = function() a:put { "from a finalizer", { 1, 2, 3 } } end }
local item = {}
for i = 1, 100 do item[i] = { i, tostring(i), { x = i } } end
collectgarbage("incremental", 100, 400)
for _ = 1, 1500 do
  for _ = 1, 5 do setmetatable({}, mt) end
  b:put(item)
  local t = b:get(0)
  assert(#t == 100 and t[100][1] == 100 and t[100][3].x == 100)
  for v in function() return (a:try_get()) end do assert(v[1] == "from a finalizer" and #v[2] == 3) end
end
