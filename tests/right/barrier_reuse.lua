-- a barrier of a counter and a turnstile, and another at the exit
local N, ROUNDS = 3, 3
local mutex, count = sandbox.lock(), sandbox.value(0)
local gate, exit = sandbox.semaphore(0), sandbox.semaphore(1)
local arrived = {}
for i = 1, ROUNDS do arrived[i] = sandbox.value(0) end
local function barrier()
  do local _ <close> = mutex:hold() if count:add(1) == N then exit:acquire() gate:release() end end
  gate:acquire() gate:release()
  do local _ <close> = mutex:hold() if count:add(-1) == 0 then gate:acquire() exit:release() end end
  exit:acquire() exit:release()
end
local function work()
  for i = 1, ROUNDS do
    arrived[i]:add(1)
    barrier()
    assert(arrived[i]:get() == N, "too early")
  end
end
local list = {}
for i = 1, N do list[i] = spawn({ quiet = true, daemon = true }, work) end
for _, p in ipairs(list) do p:result() end
