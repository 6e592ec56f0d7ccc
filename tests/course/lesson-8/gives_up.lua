local first = { balance = sandbox.value(100), lock = sandbox.lock { name = "first" } }
local second = { balance = sandbox.value(100), lock = sandbox.lock { name = "second" } }

local function move(from, to, n)
  from.balance:set(from.balance:get() - n)
  to.balance:set(to.balance:get() + n)
end

local function transfer(from, to, n)
  local one <close> = from.lock:hold(0)
  if not one then return end
  local two <close> = to.lock:hold(0)
  if not two then return end
  move(from, to, n)
end

local a, b = spawn(transfer, first, second, 30), spawn(transfer, second, first, 10)
a:join()
b:join()
print(first.balance:get() .. " " .. second.balance:get())
