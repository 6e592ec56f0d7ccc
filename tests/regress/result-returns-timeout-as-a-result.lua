-- p:result(timeout) of a process that lives gave "timeout" as if it were the result, instead of nil, "timeout".
local q = queue()
local p = spawn(function() return q:get() end)
local n, a, b = (function(...) return select("#", ...), ... end)(p:result(0))
q:put("result")
assert(n == 2 and a == nil and b == "timeout")
assert(p:result() == "result")
