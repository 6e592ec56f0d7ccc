local function stage(input, output)
  for shirt in input:items() do
    sleep(1)
    output:put(shirt)
  end
end

local dirty, wet, dry, folded = queue(), queue(), queue(), queue()
spawn({ name = "washer" }, stage, dirty, wet)
spawn({ name = "dryer" }, stage, wet, dry)
spawn({ name = "table" }, stage, dry, folded)

for shirt = 1, 4 do dirty:put(shirt) end
dirty:close()
for _ in folded:items() do end
print(("done after %.0f s"):format(sandbox.now()))
