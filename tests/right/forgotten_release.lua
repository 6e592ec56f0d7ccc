local lock, inside = sandbox.lock(), sandbox.value(0)
local function work()
  if inside:add(1) == 2 then
    local _ <close> = lock:hold()
    error("there is somebody")
  end
  lock:acquire() lock:release()
  inside:add(-1)
end
for _, p in ipairs { spawn({ quiet = true }, work), spawn({ quiet = true }, work) } do p:join() end
