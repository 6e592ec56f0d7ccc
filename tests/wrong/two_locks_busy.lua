-- a partial deadlock; another process works on
local a, b = sandbox.lock { name = "account a" }, sandbox.lock { name = "account b" }
local function transfer(from, to)
  for _ = 1, 3 do from:acquire() to:acquire() to:release() from:release() end
end
spawn({ name = "clock", daemon = true }, function() while true do sleep(0.01) end end)
sandbox.join_all { spawn({ name = "teller1" }, transfer, a, b), spawn({ name = "teller2" }, transfer, b, a) }
