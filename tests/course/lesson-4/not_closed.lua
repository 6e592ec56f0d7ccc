local q = queue()

spawn(function()
  for i = 1, 5 do q:put(i) end
end)

spawn(function()
  local sum = 0
  for n in q:items() do sum = sum + n end
  print("sum " .. sum)
end)
