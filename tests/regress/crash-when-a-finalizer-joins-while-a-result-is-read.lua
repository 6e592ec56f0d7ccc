-- A collection in the middle of decoding ran a __gc that joined another process, in the same buffer: a crash.
local small = {}
local mt = { __gc = function()
  local p = table.remove(small)
  if p then assert(select(2, p:join()) == "small") end
end }
for i = 1, 30 do small[i] = spawn(function() return "small" end) end
local big = spawn(function()
  local t = {}
  for i = 1, 20000 do t[i] = { tostring(i) } end
  return t
end)
for _ = 1, 30 do
  for _ = 1, 3 do setmetatable({}, mt) end
  local _, t = assert(big:join())
  assert(#t == 20000 and t[20000][1] == "20000")
end
