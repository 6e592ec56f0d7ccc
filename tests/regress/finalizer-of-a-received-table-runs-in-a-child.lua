-- Tables that came through a queue, and those of debug.setmetatable, were finalized in children, too.
local main = sandbox.getpid()
Resource = { __gc = function() if sandbox.getpid() ~= main then io.stderr:write("finalized in a child\n") end end }
local q = queue()
q:put(setmetatable({}, Resource))
local received = q:get()
local set = debug.setmetatable({}, Resource)
spawn(function()
  received, set = nil, nil
  collectgarbage()
  collectgarbage()
end):join()
