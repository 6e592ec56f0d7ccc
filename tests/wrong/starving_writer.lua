-- readers and a writer; the room is never empty
local room, mutex, readers = sandbox.semaphore(1), sandbox.lock(), sandbox.value(0)
local turn, stop = sandbox.lock(), sandbox.value(false)
local function reader()
  while not stop:get() do
    
    do local _ <close> = mutex:hold() if readers:add(1) == 1 then room:acquire() end end
    sleep(0.005)
    do local _ <close> = mutex:hold() if readers:add(-1) == 0 then room:release() end end
  end
end
local list = {}
for i = 1, 4 do list[i] = spawn({ name = "reader" .. i }, reader) sleep(0.001) end

local got = room:acquire(0.3)
stop:set(true)

if got then room:release() end
sandbox.join_all(list)
assert(got, "the writer starves")
