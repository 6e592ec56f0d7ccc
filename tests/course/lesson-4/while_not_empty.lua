local q = queue()

spawn(function()
  for i = 1, 5 do q:put(i) end
  q:close()
end)

spawn(function()
  local sum = 0
  while #q > 0 do sum = sum + q:get() end
  print("sum " .. sum)
end)
