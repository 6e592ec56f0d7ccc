-- the twin of join_before_drain.lua
local q = queue(1)
local producer = spawn(function() q:put(1) q:put(2) end)
q:get() q:get()
producer:join()
