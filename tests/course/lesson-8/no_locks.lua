local first, second = sandbox.value(100), sandbox.value(100)

local function transfer(from, to, n)
  from:add(-n)
  to:add(n)
end

local a, b = spawn(transfer, first, second, 30), spawn(transfer, second, first, 10)
a:join()
b:join()
print(first:get() .. " " .. second:get())
