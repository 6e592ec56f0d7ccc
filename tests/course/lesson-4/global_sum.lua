local q = queue()
local sum = 0

local producer = spawn(function()
  for i = 1, 5 do q:put(i) end
  q:close()
end)

local consumer = spawn(function()
  for n in q:items() do sum = sum + n end
end)

producer:join()
consumer:join()
print("sum " .. sum)
