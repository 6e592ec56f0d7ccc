-- an empty queue is taken for the end of the stream
local q, N, FIRST = queue(), tonumber((...)) or 2, select(2, ...) == "get first"
local producer = spawn(function() for i = 1, N do q:put(i) end end)
local consumer = spawn(function()
  local got = 0
  if FIRST then q:get() got = 1 end
  while #q > 0 do q:get() got = got + 1 end
  return got
end)
producer:join()
assert(consumer:result() == N, "items are left")
