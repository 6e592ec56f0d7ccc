-- A child of a spawn in __gc lived inside that finalizer for ever, where Lua collects
-- nothing and calls no hook. Now it is refused.
local ok, message
setmetatable({}, { __gc = function() ok, message = pcall(spawn, print) end })
collectgarbage()
collectgarbage()
assert(ok == false and message:find("finalizer", 1, true), message)
