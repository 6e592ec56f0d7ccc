-- A worker of a pool: takes tasks from the inbox of its seat, does them, and sends what came out.
--
-- It is a fork of the pool's owner, so it has what the owner had then. Messages, each an item of several values:
--   inbox    0, task, call                                         one call (submit): bytes of the function and its arguments
--            job, task, bytes, oldest, star, n, plain, items       a chunk of n items of a job: bytes of its function
--                                                                  (false: the worker knows it); jobs before `oldest`
--                                                                  are over; the items packed, if plain, or encoded
--   results  seat, task, "done", seconds, results ...
--            seat, task, "packed", seconds, bytes                  of a chunk, if they can be packed
--            seat, task, "failed", seconds, k, message, traceback, value or nil, results before the k-th item ...
--            seat, task, "unknown"                                 the function of the job did not come
--            seat, task, "dropped"                                 the job is over
--            seat, task or nil, "left"                             max_tasks are done, and the task is not: the next worker's
--            seat, 0, "init", seconds, 0, message, traceback, value or nil
local sandbox, use = ...
local native = use "native"

local LOOK = 0.005 -- seconds of work in a chunk before the worker looks whether somebody still wants it
local KEEP = 1 << 16 -- bytes; the list of a chunk that was no larger serves the next one, too
local SHORT = 0.0005 -- seconds; to sleep on the queue alone is cheap, to see the owner's death is not needed so soon
local NO_ROOM = { message = "the results cannot be sent: there is no room" }

-- The calls between the worker's own and the end of the stack tell nothing.
local function cut(traceback)
  local lines = {}
  for line in traceback:gmatch("[^\n]+") do
    if line:find("[sandbox ", 1, true) then break end
    lines[#lines + 1] = line
  end
  while lines[#lines] and lines[#lines]:find("[C]: in function 'xpcall'", 1, true) do lines[#lines] = nil end
  return table.concat(lines, "\n")
end

-- What went wrong, as the failure of a process tells it.
local function describe(value)
  local message
  local meta = getmetatable(value)
  if type(value) == "string" or type(value) == "number" or value == nil or type(meta) == "table" and meta.__tostring then
    local ok, text = pcall(tostring, value)
    message = ok and text or "(error object cannot be shown)"
  else
    message = ("(error object is a %s value)"):format(type(value))
  end
  return { message = message, traceback = cut(debug.traceback(nil, 2)), value = value }
end

local function work(pool, number)
  local inbox, results = pool.seats[number].inbox, pool.results
  local functions, waiting = {}, { inbox, pool.owner, ordered = true }

  -- What cannot be sent along is left out: the value, or else the results before it, too.
  local function send_failure(task, status, seconds, k, what, ...)
    local function send(...)
      return native.send(results, nil, number, task, status, seconds, k, what.message, what.traceback, ...)
    end
    return pcall(send, what.value, ...) or pcall(send, nil, ...) or send(nil)
  end

  -- The first of n values that cannot be sent, and why.
  local function find_unsendable(list, n)
    for k = 1, n do
      local bytes, message = native.encode("result", list[k])
      if not bytes then return k, { message = message } end
    end
  end

  local function send_results(task, seconds, ...)
    if pcall(native.send, results, nil, number, task, "done", seconds, ...) then return end
    local _, why = find_unsendable({ ... }, select("#", ...))
    send_failure(task, "failed", seconds, 1, why or NO_ROOM)
  end

  local function call(task, f, ...)
    local from = sandbox.now()
    local function finish(ok, ...)
      if ok then send_results(task, sandbox.now() - from, ...)
      else send_failure(task, "failed", sandbox.now() - from, 1, (...)) end
    end
    finish(xpcall(f, describe, ...))
  end

  local function function_of(job, bytes, oldest)
    local f = functions[job]
    if f == nil then
      bytes = bytes or pool.jobs[job] and pool.jobs[job].bytes
      if not bytes then return nil end
      f = native.decode(bytes)
      for known in pairs(functions) do
        if known < oldest then functions[known] = nil end
      end
      functions[job] = f
    end
    return f
  end

  local function is_over(job)
    for _, id in ipairs(pool.over:get()) do
      if id == job then return true end
    end
    return false
  end

  local at -- the item in hand of a chunk
  local spare -- the list of an earlier chunk, to be filled again; it holds nothing but what was packed

  local function items_of(plain, bytes, n)
    if not plain then return { native.decode(bytes) } end
    local items = spare or native.list(n)
    spare = nil
    native.unpack(bytes, items, 1)
    return items
  end

  -- Replace the items from `first` to `last` by what the function makes of them.
  local function apply(f, star, items, first, last)
    if star then
      for i = first, last do
        at = i
        items[i] = f(table.unpack(items[i], 1, items[i].n))
      end
    else
      for i = first, last do
        at = i
        items[i] = f(items[i])
      end
    end
  end

  -- The whole chunk, with a look in between if it takes long; "dropped" if nobody wants it any more.
  local function apply_all(job, f, star, items, n)
    local from, first, part = sandbox.now(), 1, 1
    while first <= n do
      local last = math.min(first + part - 1, n)
      apply(f, star, items, first, last)
      first = last + 1
      local seconds = sandbox.now() - from
      if first <= n and seconds > LOOK and is_over(job) then return "dropped" end
      part = math.max(1, math.floor(math.min(part * 8, LOOK * last / seconds)))
    end
  end

  -- The n results that there are of a chunk, and what went wrong with its k-th item: that is the first of the results
  -- that cannot be sent, if there is one.
  local function send_broken_list(task, seconds, list, n, k, what)
    local first, why = find_unsendable(list, n)
    k = first or k
    send_failure(task, "failed", seconds, k, why or what, table.unpack(list, 1, k - 1))
  end

  -- The results of a chunk: packed, unless one of them has an identity or is too large.
  local function send_list(task, seconds, list, n)
    local ok, packed = pcall(native.pack, list, 1, n)
    if ok and packed and pcall(native.send, results, nil, number, task, "packed", seconds, packed) then
      if #packed <= KEEP then spare = list end
    elseif not pcall(native.send, results, nil, number, task, "done", seconds, table.unpack(list, 1, n)) then
      send_broken_list(task, seconds, list, n, 1, NO_ROOM)
    end
  end

  local function call_chunk(job, task, f, star, n, plain, bytes)
    if f == nil then return native.send(results, nil, number, task, "unknown") end
    local from, items = sandbox.now(), items_of(plain, bytes, n)
    at = 0
    local ok, what = xpcall(apply_all, describe, job, f, star, items, n)
    local seconds = sandbox.now() - from
    if not ok then send_broken_list(task, seconds, items, at - 1, at, what)
    elseif what then native.send(results, nil, number, task, what)
    else send_list(task, seconds, items, n) end
  end

  local function leave(task)
    native.send(results, nil, number, task, "left")
    return false
  end

  -- Returns whether to go on.
  local used, most = 0, pool.max_tasks or math.huge -- in items
  local function serve(job, task, ...)
    if job == nil then return false end
    local count = job == 0 and 1 or select(4, ...)
    if used > 0 and used + count > most then return leave(task) end
    used = used + count
    if job == 0 then
      call(task, native.decode((...)))
    else
      local bytes, oldest, star = ...
      call_chunk(job, task, function_of(job, bytes, oldest), star, select(4, ...))
    end
    return used < most or leave(nil)
  end

  local function serve_selected(index, ...)
    if index == 2 then return false end -- the owner is dead
    return serve(...)
  end

  local function serve_next(first, ...)
    if first == nil and (...) == "timeout" then return serve_selected(sandbox.select(waiting)) end
    return serve(first, ...)
  end

  if pool.init then
    local ok, what = xpcall(pool.init, describe)
    if not ok then return send_failure(0, "init", 0, 0, what) end
  end
  while serve_next(native.recv(inbox, SHORT)) do end
end

return work
