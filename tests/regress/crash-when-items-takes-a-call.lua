-- An iteration over the items of a queue took the second value of a call for the reason why there is no item, and crashed.
local q = queue()
local caller = spawn({ quiet = true }, function() q:call("called", 30) end)
while #q == 0 do sleep(0.01) end
q:put("put")
q:close()
local seen = {}
for request in q:items() do seen[#seen + 1] = request end
assert(table.concat(seen, " ") == "called put")
collectgarbage() -- nobody answers
caller:join()
