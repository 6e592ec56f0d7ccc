-- tells that it waits after it has looked
local ready, waiting, bell = sandbox.value(false), sandbox.value(0), sandbox.semaphore(0)
local consumer = spawn(function()
  if not ready:get() then
    waiting:add(1)
    bell:acquire()
  end
end)
local producer = spawn(function()
  ready:set(true)
  if waiting:get() > 0 then bell:release() end
end)
consumer:join() producer:join()
