-- Tables that came through a queue, and those of debug.setmetatable, were finalized in children, too.
local main = sandbox.getpid()
_G.Resource = { __gc = function() if sandbox.getpid() ~= main then io.stderr:write("finalized in a child\n") end end }
local q = queue()
q:put(setmetatable({}, _G.Resource))
local received = q:get()
local set = debug.setmetatable({}, _G.Resource)
spawn(function()
  received, set = nil, nil
  collectgarbage()
  collectgarbage()
end):join()
