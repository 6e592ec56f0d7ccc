-- an error between acquire and release, when two processes meet
local lock, inside = sandbox.lock(), sandbox.value(0)
local function work()
  if inside:add(1) == 2 then
    lock:acquire()
    error("there is somebody")
  end
  lock:acquire() lock:release()
  inside:add(-1)
end
for _, p in ipairs { spawn(work), spawn(work) } do p:join() end
