local function clean()
  sleep(1)
  sleep(1)
  sleep(1)
end

local list = {}
for shirt = 1, 4 do list[shirt] = spawn({ name = "shirt" }, clean) end
sandbox.join_all(list)
print(("done after %.0f s"):format(sandbox.now()))
