local count = sandbox.value(0)
local ways = {}

function ways.wrong() count:add(1) end

function ways.right() count:update(function(n) return n + 1 end) end

local a, b = spawn(ways[arg[1]]), spawn(ways[arg[1]])
a:join()
b:join()
assert(count:get() == 2, "an addition is lost")
print("two")
