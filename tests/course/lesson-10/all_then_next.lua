local function stage(input, output)
  local done = {}
  for shirt in input:items() do
    sleep(1)
    done[#done + 1] = shirt
  end
  for _, shirt in ipairs(done) do output:put(shirt) end
  output:close()
end

local dirty, wet, dry, folded = queue(), queue(), queue(), queue()
spawn({ name = "washer" }, stage, dirty, wet)
spawn({ name = "dryer" }, stage, wet, dry)
spawn({ name = "table" }, stage, dry, folded)

for shirt = 1, 4 do dirty:put(shirt) end
dirty:close()
for _ in folded:items() do end
print(("done after %.0f s"):format(sandbox.now()))
