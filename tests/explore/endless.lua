-- endless: a producer and a consumer without end
local q = queue { max = 2 }
spawn({ name = "producer" }, function() while true do q:put "item" end end)
spawn({ name = "consumer" }, function() while true do q:get() end end)
