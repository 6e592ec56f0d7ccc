-- an empty queue is taken for the end of the stream
local q, got = queue(), 0
local p = spawn(function() for i = 1, 5 do q:put(i) end end)
q:get() got = 1
while #q > 0 do q:get() got = got + 1 end
p:join()
assert(got == 5, "items are left")
