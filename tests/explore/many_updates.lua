-- as lost_update, of more processes and in more rounds: how many are lost?
local N, ROUNDS = tonumber((...)) or 2, tonumber((select(2, ...))) or 1
local count, list = sandbox.value(0), {}
for i = 1, N do list[i] = spawn(function() for _ = 1, ROUNDS do count:set(count:get() + 1) end end) end
sandbox.join_all(list)
assert(count:get() == N * ROUNDS, "an addition is lost")
