local c, n = sandbox.condition(), sandbox.value(0)

local function arrive()
  local _ <close> = c:hold()
  n:add(1)
  c:notify()
end

local host = spawn({ name = "host" }, function()
  local _ <close> = c:hold()
  while n:get() < 2 do c:wait(0.1) end
  print(n:get() .. " are here")
end)
local a, b = spawn({ name = "guest" }, arrive), spawn({ name = "guest" }, arrive)
assert(sandbox.join_all { host, a, b })
