-- tests/bench/count.lua N WORK...: does each work N times, for whoever counts instructions; all in one process. Before and
-- after each it calls sandbox.getpid, which marks the place.
local work = {}

-- The rounds of an integer into a queue and out again.
local function put_get(transport)
  local q = queue { transport = transport }
  return function(n)
    local put, get = q.put, q.get
    for i = 1, n do
      put(q, i)
      get(q)
    end
  end
end

function work.integer() return put_get "auto" end
function work.integer_pipe() return put_get "pipe" end

local ITEM = { id = 4711, name = "widget", price = 9.5, sold = true, place = { x = 3, y = 4 } }

-- A small table into a queue: mostly encoding ...
function work.encode()
  local q = queue()
  return function(n)
    for _ = 1, n do q:put(ITEM) end
  end
end

-- ... and out again.
function work.decode(n)
  local q = queue()
  for _ = 1, n do q:put(ITEM) end
  return function(rounds)
    for _ = 1, rounds do q:get() end
  end
end

function work.lock()
  local lock = sandbox.lock()
  return function(n)
    for _ = 1, n do
      lock:acquire()
      lock:release()
    end
  end
end

function work.array()
  local a = sandbox.array(2)
  return function(n)
    for _ = 1, n do a[1] = a[2] end
  end
end

-- Formats: what strict mode does itself may take no longer than Lua's own function.
for _, format in ipairs { "%s", "%d", "%5d", "%x", "%5.2f", "%-10s|", "%s: %.1f", "%s %d of %s", "nothing" } do
  work["format " .. format] = function()
    local f = string.format
    return function(n)
      for i = 1, n do f(format, i, 7, 2) end
    end
  end
end
work["format texts"] = function()
  local f = string.format
  return function(n)
    for _ = 1, n do f("%s: %5s %q", "abc", "de", "f") end
  end
end
work["format a table"] = function()
  local f, t = string.format, {}
  return function(n)
    for _ = 1, n do f("%s %p", t, t) end
  end
end

-- When garbage is collected is not the question here; but strict mode lets nobody stop that.
if not _G.COLLECTS then collectgarbage("stop") end
local WARM = 50 -- rounds, for what is done once
local n = tonumber(arg[1])
for i = 2, #arg do
  local run = work[arg[i]](WARM + n)
  run(WARM)
  sandbox.getpid()
  run(n)
  sandbox.getpid()
end
