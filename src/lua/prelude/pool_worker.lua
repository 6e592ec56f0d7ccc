-- A worker of a pool: takes tasks from the inbox of its seat, performs them, and sends the results.
--
-- It is a fork of the pool's owner, so it has what the owner had at that time; on another host (`pool.far`), only what
-- pool_seats sends it. Messages, each an item of several
-- values:
--   inbox    0, task, call, where                            one call (submit): bytes of the function and its arguments
--            job, task, bytes, oldest, star, n, plain, items a chunk of n items of a job: bytes of its function
--                                                            (false: the worker knows it); jobs before `oldest`
--                                                            are over; the items packed, if plain, or encoded
--   results  seat, task, "done", seconds, results ...
--            seat, task, "packed", seconds, bytes            of a chunk, if its results can be packed
--            seat, task, "failed", seconds, k, message, hint, traceback, value or nil, results before the k-th item ...
--                                                            or, of a call, two numbers that name the failure
--            seat, task, "unknown"                           the function of the job did not arrive
--            seat, task, "dropped"                           the job is over
--            seat, task or nil, "left"                       max_tasks are done, but not this task: the next worker's
--            seat, 0, "init", seconds, 0, message, hint, traceback, value or nil, two numbers that name the failure
local sandbox, use = ...
local native, common = use "native", use "common"

local LOOK = 0.005 -- seconds of work in a chunk after which the worker checks whether the job is over
local PART = 64 -- quick items between two looks at the clock
local SHORT = 0.05 -- seconds; sleeping on the queue alone is cheap, and the owner's death need not be noticed sooner
local NO_ROOM = { message = "the results cannot be sent: there is no room" }

-- A traceback that ends at the script's function: the calls of the worker and of other parts of the library, and the C
-- functions that these called, are of no interest.
local function cut(traceback)
  local lines, n = {}, 0
  for line in string.gmatch(traceback, "[^\n]+") do
    local own = string.match(line, "^%s*%[sandbox (%a+_?%a*)%]")
    if own == "pool_worker" then
      if lines[n] and string.find(lines[n], "^%s*%[C%]: in field 'run'$") then n = n - 1 end -- native.run
      break
    end
    while own and lines[n] and string.find(lines[n], "^%s*%[C%]:") do lines[n], n = nil, n - 1 end
    if not own then
      n = n + 1
      lines[n] = line
    end
  end
  while lines[n] and string.find(lines[n], "[C]: in function 'xpcall'", 1, true) do lines[n], n = nil, n - 1 end
  return native.clean(table.concat(lines, "\n", 1, n))
end

-- A module that most runs never need.
local function hint_of(value) return use("hint").protected(value) end

-- Describe an error as the failure of a process would. `level` is the stack level that raised it.
local function describe(value, level)
  local message
  local kind = type(value)
  if kind == "string" or kind == "number" or value == nil or common.metafield(value, "__tostring") ~= nil then
    local ok, text = pcall(tostring, value)
    message = ok and common.text_of(text) or "(error object cannot be shown)" -- without a line of ours
  else
    message = use("brief").error(value)
  end
  return { message = message, hint = hint_of(value), traceback = cut(debug.traceback(nil, level)), value = value }
end

-- What the message handler saw last. The handler returns the value itself, which is what the `__close` of the script's
-- variables receive.
local seen

local function explain(value)
  seen = describe(value, 3)
  return value
end

-- What the handler saw of the error with this value; the text of the value if no handler was called (memory, a stack
-- overflow in the handler).
local function caught(value)
  local what = seen
  seen = nil
  return what and rawequal(what.value, value) and what or { message = tostring(value), value = value }
end

local function work(pool, number)
  local inbox, results = pool.seats[number].inbox, pool.results
  local functions, waiting = {}, { inbox, pool.owner, ordered = true }

  -- Parts that cannot be sent are left out: the value, or else the results before it, too.
  local function send_failure(task, status, seconds, k, what, ...)
    local function send(...)
      return native.send(results, nil, number, task, status, seconds, k, what.message, what.hint, what.traceback, ...)
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

  -- Send a failure that must be looked at, or it will be reported.
  local function send_noted(task, status, seconds, k, what, where)
    if pool.far then return send_failure(task, status, seconds, k, what) end -- its owner notes it
    local me = sandbox.self()
    local slot, serial = native.task_failing(
      { message = what.message, hint = what.hint, traceback = what.traceback, name = me.name, id = me.id, pid = me.pid },
      pool.order + task, where)
    send_failure(task, status, seconds, k, what, slot, serial)
    native.task_failed(slot, serial)
  end

  -- A function in bytes, and arguments; see freeze in pool_seats.
  local function open(bytes)
    if not pool.places then return native.decode(bytes) end
    if pool.far then return use "far_side".receive(bytes) end
    return use "abroad".unpack(bytes)
  end

  local function call(task, bytes, where)
    local from = sandbox.now()
    local function fail(what)
      send_noted(task, "failed", sandbox.now() - from, 1, what, where)
    end
    local function finish(ok, ...)
      if not ok then return fail(caught((...))) end
      if pcall(native.send, results, nil, number, task, "done", sandbox.now() - from, ...) then return end
      local _, why = find_unsendable({ ... }, select("#", ...))
      fail(why or NO_ROOM)
    end
    local function start(ok, f, ...)
      if ok then return finish(xpcall(f, explain, ...)) end
      fail({ message = common.text_of(f) })
    end
    start(pcall(open, bytes))
  end

  local function function_of(job, bytes, oldest)
    local f = functions[job]
    if f == nil then
      bytes = bytes or pool.jobs[job] and pool.jobs[job].bytes
      if not bytes then return nil end
      f = open(bytes)
      for known in next, functions do
        if known < oldest then functions[known] = nil end
      end
      functions[job] = f
    end
    return f
  end

  local function is_over(job)
    for _, id in ipairs(value.get(pool.over)) do
      if id == job then return true end
    end
    return false
  end

  -- For the chunk in hand: when it began, the seconds until the next check, whether its items are quick.
  local from, look_at, quick

  -- Between two items, with `done` of n finished: whether to go on.
  local function goes_on(job, done, n)
    local seconds = sandbox.now() - from
    quick = seconds < LOOK / PART * done
    if done == n or seconds < look_at then return true end
    look_at = seconds + LOOK
    return not is_over(job)
  end

  local at -- the current item of a list

  -- Replace the items from `first` to `last` by the function's results.
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

  -- Apply the function to all items of a list, which follow `before` others in the chunk; false if the job is over.
  local function apply_list(job, f, star, items, count, before, n)
    local last = 0
    repeat
      local first = last + 1
      last = quick and math.min(last + PART, count) or first
      apply(f, star, items, first, last)
    until last == count or not goes_on(job, before + last, n)
    return last == count
  end

  local chunk = native.chunk()

  -- Apply the function to all items of a chunk of plain ones; false if the job is over.
  local function apply_plain(job, f, n)
    local done
    repeat
      done = native.run(chunk, f, LOOK)
      if not goes_on(job, done, n) then return false end
    until done == n
    return true
  end

  -- Send the n results that a chunk has, and the failure of its k-th item; or the failure of the first result that
  -- cannot be sent, if there is one.
  local function send_broken_list(task, seconds, list, n, k, what)
    local first, why = find_unsendable(list, n)
    k = first or k
    send_failure(task, "failed", seconds, k, why or what, table.unpack(list, 1, k - 1))
  end

  local function send_packed(task, seconds, packed)
    return pcall(native.send, results, nil, number, task, "packed", seconds, packed)
  end

  -- Send the results of a chunk: packed, unless one of them has an identity or is too large.
  local function send_list(task, seconds, list, n)
    local ok, packed = pcall(native.pack, list, 1, n)
    if ok and packed and send_packed(task, seconds, packed) then return end
    if not pcall(native.send, results, nil, number, task, "done", seconds, table.unpack(list, 1, n)) then
      send_broken_list(task, seconds, list, n, 1, NO_ROOM)
    end
  end

  local function call_list(job, task, f, star, n, bytes)
    local items
    local function run_list()
      items = { native.decode(bytes) }
      return apply_list(job, f, star, items, n, 0, n)
    end
    at = 1
    local ok, what = xpcall(run_list, explain)
    local seconds = sandbox.now() - from
    if not ok then send_broken_list(task, seconds, items, at - 1, at, caught(what))
    elseif not what then native.send(results, nil, number, task, "dropped")
    else send_list(task, seconds, items, n) end
  end

  local function call_plain(job, task, f, bytes)
    local n = native.begin(chunk, bytes)
    local ok, what = xpcall(apply_plain, explain, job, f, n)
    local seconds = sandbox.now() - from
    if not ok then
      local list, done = native.results(chunk)
      send_broken_list(task, seconds, list, done, done + 1, caught(what))
    elseif not what then
      native.send(results, nil, number, task, "dropped")
    else
      local packed = native.packed(chunk)
      if not packed then send_list(task, seconds, native.results(chunk), n)
      elseif not send_packed(task, seconds, packed) then
        local list = native.list(n)
        native.unpack(packed, list, 1)
        send_list(task, seconds, list, n)
      end
    end
  end

  local function call_chunk(job, task, f, star, n, plain, bytes)
    if f == nil then return native.send(results, nil, number, task, "unknown") end
    from, look_at, quick = sandbox.now(), LOOK, false
    if plain then call_plain(job, task, f, bytes)
    else call_list(job, task, f, star, n, bytes) end
  end

  local function leave(task)
    native.send(results, nil, number, task, "left")
    return false
  end

  -- Serve one message. Returns whether to go on.
  local used, most = 0, pool.max_tasks or math.huge -- counted in items
  local function serve(job, task, ...)
    native.idle(false)
    if job == nil then return false end
    local count = job == 0 and 1 or select(4, ...)
    if used > 0 and used + count > most then return leave(task) end
    used = used + count
    if job == 0 then
      call(task, ...)
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
    if first == nil and (...) == "timeout" then
      if pool.far then return serve(native.recv(inbox)) end -- what stands for it there sees to the owner
      return serve_selected(sandbox.select(waiting))
    end
    return serve(first, ...)
  end

  if pool.init then
    local ok, what = xpcall(pool.init, explain)
    if not ok then
      what = caught(what)
      what.message = "init of the pool: " .. what.message
      return send_noted(0, "init", 0, 0, what)
    end
  end
  repeat native.idle(true) until not serve_next(native.recv(inbox, SHORT))
end

return work
