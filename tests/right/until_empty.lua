local q, got = queue(), 0
local p = spawn(function() for i = 1, 5 do q:put(i) end q:close() end)
for _ in q:items() do got = got + 1 end
p:join()
assert(got == 5, "items are left")
