-- support/sync.lua - what the specs of synchronisation objects share.
local sync = {}

-- Generous: reached only when something hangs.
sync.limit = 30

-- Wait until `fn()` is true; an error after the limit.
function sync.await(fn, what)
  local stop = os.time() + sync.limit
  while not fn() do
    assert(os.time() <= stop, "this did not come about: " .. (what or "?"))
    sleep(0.001)
  end
end

-- How many wait for the object, by what it says: `(..., 2 waiting)`.
function sync.waiting(object) return tonumber(tostring(object):match("(%d+) waiting")) or 0 end

-- Wait until `n` processes wait for the object.
function sync.await_waiting(object, n)
  sync.await(function() return sync.waiting(object) == n end, n .. " waiting for " .. tostring(object))
end

-- The results of a process, which must end well, and soon.
function sync.results(p)
  local r = table.pack(p:join(sync.limit))
  assert(r[1], p.name .. ": " .. tostring(r[2]))
  return table.unpack(r, 2, r.n)
end

-- Kill a process that is not needed any more.
function sync.kill(p)
  p:kill()
  p:join()
end

-- Check that `fn` raises an error that holds `text`, at the line where `fn` stands.
function sync.raises(text, fn)
  local ok, message = pcall(fn)
  assert(not ok, "no error")
  local info = debug.getinfo(fn, "Sl")
  local place = ("%s:%d: "):format(info.short_src, info.linedefined)
  assert(type(message) == "string" and message:sub(1, #place) == place, "not at its line: " .. tostring(message))
  assert(message:find(text, 1, true), message)
end

return sync
