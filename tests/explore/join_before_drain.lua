-- waits for the producer before it takes the items, for which there is no room
local q = queue(1)
local producer = spawn(function() q:put(1) q:put(2) end)
producer:join()
q:get() q:get()
