-- reads, then writes: the addition of another process in between is lost
local count, list = sandbox.value(0), {}
for i = 1, 4 do list[i] = spawn(function() for _ = 1, 100 do count:set(count:get() + 1) end end) end
sandbox.join_all(list)
assert(count:get() == 400, "additions are lost")
