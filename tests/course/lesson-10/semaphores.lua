local wet, dry, folded = sandbox.semaphore(0), sandbox.semaphore(0), sandbox.semaphore(0)

local function stage(input, output)
  for _ = 1, 4 do
    if input then input:acquire() end
    sleep(1)
    output:release()
  end
end

spawn({ name = "washer" }, stage, nil, wet)
spawn({ name = "dryer" }, stage, wet, dry)
spawn({ name = "table" }, stage, dry, folded)

for _ = 1, 4 do folded:acquire() end
print(("done after %.0f s"):format(sandbox.now()))
