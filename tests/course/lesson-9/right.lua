local c, n = sandbox.condition(), sandbox.value(0)

local function arrive()
  local _ <close> = c:hold()
  n:add(1)
  c:notify()
end

spawn({ name = "host" }, function()
  local _ <close> = c:hold()
  while n:get() < 2 do c:wait() end
  print(n:get() .. " are here")
end)
spawn({ name = "guest" }, arrive)
spawn({ name = "guest" }, arrive)
