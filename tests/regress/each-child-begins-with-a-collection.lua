-- Every child went over the whole heap of its parent before its first line.
local big = {}
for i = 1, 200000 do big[i] = { i } end
collectgarbage("generational")
local weak = setmetatable({}, { __mode = "v" })
for _ = 1, 5 do
  collectgarbage()
  weak.garbage = {}
  assert(spawn(function() return weak.garbage ~= nil end):result(), "there was a collection")
end
