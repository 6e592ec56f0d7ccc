local l, n = sandbox.latch(2), sandbox.value(0)

local function arrive()
  n:add(1)
  l:down()
end

spawn({ name = "host" }, function()
  l:wait()
  print(n:get() .. " are here")
end)
spawn({ name = "guest" }, arrive)
spawn({ name = "guest" }, arrive)
