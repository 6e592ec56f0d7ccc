local c, n = sandbox.condition(), sandbox.value(0)

local function arrive()
  local _ <close> = c:hold()
  n:add(1)
  c:notify()
end

spawn({ name = "host" }, function()
  local _ <close> = c:hold()
  if n:get() < 2 then c:wait() end
  print(n:get() .. " are here")
end)
spawn({ name = "guest" }, arrive)
spawn({ name = "guest" }, arrive)
