local first = { balance = sandbox.value(100), lock = sandbox.lock { name = "first" } }
local second = { balance = sandbox.value(100), lock = sandbox.lock { name = "second" } }

local function move(from, to, n)
  from.balance:set(from.balance:get() - n)
  to.balance:set(to.balance:get() + n)
end

local function transfer(from, to, n)
  first.lock:acquire()
  second.lock:acquire()
  move(from, to, n)
  first.lock:release()
end

local a, b = spawn(transfer, first, second, 30), spawn(transfer, second, first, 10)
a:join()
b:join()
print(first.balance:get() .. " " .. second.balance:get())
