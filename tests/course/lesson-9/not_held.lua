local c, n = sandbox.condition(), sandbox.value(0)

local function arrive()
  n:add(1)
  c:notify()
end

spawn({ name = "host" }, function()
  while n:get() < 2 do c:wait() end
  print(n:get() .. " are here")
end)
spawn({ name = "guest" }, arrive)
spawn({ name = "guest" }, arrive)
