local m = sandbox.monitor { n = 0 }

local function arrive()
  m:when(function() return true end, function(f) f.n = f.n + 1 end)
end

spawn({ name = "host" }, function()
  local n = m:when(function(f) return f.n == 2 end, function(f) return f.n end)
  print(n .. " are here")
end)
spawn({ name = "guest" }, arrive)
spawn({ name = "guest" }, arrive)
