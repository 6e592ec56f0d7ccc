-- readers that overlap keep the writer out for ever; "turnstile": the twin, in which they queue up behind it
local TURNSTILE = ... == "turnstile"
local room, mutex, readers, gate = sandbox.semaphore(1), sandbox.lock(), sandbox.value(0), sandbox.lock()
local function reader()
  while true do
    if TURNSTILE then gate:acquire() gate:release() end
    mutex:acquire()
    if readers:add(1) == 1 then room:acquire() end
    mutex:release()
    mutex:acquire()
    if readers:add(-1) == 0 then room:release() end
    mutex:release()
  end
end
local function writer()
  if TURNSTILE then gate:acquire() end
  room:acquire()
  room:release()
  if TURNSTILE then gate:release() end
end
for i = 1, 2 do spawn({ name = "reader" .. i, daemon = true }, reader) end
local w = spawn({ name = "writer" }, writer)
w:join()
