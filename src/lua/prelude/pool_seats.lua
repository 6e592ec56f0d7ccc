-- The workers of a pool as its owner sees them: which task each has, what came of it, and deaths.
--
-- A seat is the place of a worker and its successors. Its inbox stays when the worker is replaced. Only the owner puts
-- tasks there, and only the one worker takes them, in order. So the owner always knows the task in a worker's hands: it
-- is the first of `sent`, if the inbox holds fewer tasks than were sent. A kill costs that task, and the owner knows
-- which one it was.
--
-- A task is an object with
--   id, count         its number in the pool; the number of its items
--   send(inbox, seat) puts it into an inbox; false: it cannot be sent, and the task has told whoever waits for it
--   done(seconds, ...)   its results
--   packed(seconds, bytes)    its results as packed by native.pack; of tasks of several items
--   failed(failure, k, ...)   the failure of its k-th item, and the results before that
--   lost(failure)     its worker died, if that is not the same as failed(failure, 1)
--   attempts          how many workers died over it
--   taught            the message brings the function of this job along
--   limit, begun      seconds that it may take in a worker's hands, or nil; since when it is there, as far as the owner knows
-- and, if it can be divided: split() -> tasks of one item each.
--
-- Steps that belong together (a message and the record of it, a fork and its seat) are made with interrupts deferred: a
-- Ctrl-C ends a wait, or arrives afterwards, and the pool stays usable at the prompt.
local sandbox, use = ...
local native, common, family, work = use "native", use "common", use "family", use "pool_worker"

local abroad = use "abroad"

abroad.know(work, "pool_worker")

local AHEAD = 4      -- most tasks that a worker has: the one in hand, and some in reserve while the owner does not run
local DEATHS = 10    -- the pool gives up after so many deaths in a row without a finished task

local seats = {}

-- Only the process that made a pool has its workers; a forked process has a mere copy of the records.
function seats.check_own(pool, name)
  if pool.generation ~= native.generation() then
    native.raise(name .. ": a pool belongs to the process that made it")
  end
end

-- A function with arguments as they are now, as bytes for the workers, and what keeps their handles alive. On other
-- hosts they need the globals that it names, too. Nil and a message if it cannot be sent; `name` is what was called.
function seats.freeze(pool, what, name, f, ...)
  if not pool.places then return common.freeze(what, f, ...) end
  local bytes, message = abroad.pack(name, f, table.pack(...))
  if not bytes then return nil, message end
  return bytes, table.pack(f, ...)
end

-- -- giving tasks ---------------------------------------------------------------------------------

local function first_of(seat)
  return seat.sent[seat.first]
end

-- The first task of a seat is the worker's next: its time begins.
local function begin_first(seat)
  local task = first_of(seat)
  if task and task.limit then task.begun = sandbox.now() end
end

local function append(seat, task)
  seat.last = seat.last + 1
  seat.sent[seat.last] = task
  seat.count = seat.count + 1
  if seat.count == 1 then begin_first(seat) end
end

local function remove_first(seat)
  local task = seat.sent[seat.first]
  seat.sent[seat.first] = nil
  seat.first = seat.first + 1
  seat.count = seat.count - 1
  begin_first(seat)
  return task
end

-- How many items the worker of a seat may be given in one message. The worker leaves by itself after max_tasks items
-- and refuses what would be more, so this need only be about right.
local function room(pool, seat)
  local left = pool.max_tasks and pool.max_tasks - seat.used
  return left == 0 and pool.max_tasks or left
end

-- Put an open task into the inbox of a seat; false if it cannot be sent, which ends it.
local function put(pool, seat, task)
  local sent = task:send(seat.inbox, seat)
  if sent then append(seat, task) else pool.open = pool.open - 1 end
  return sent
end

function seats.give(pool, seat, task)
  local _ <close> = native.defer()
  if not put(pool, seat, task) then return false end
  local fits = not pool.max_tasks or seat.used + task.count <= pool.max_tasks
  seat.used = (fits and seat.used or 0) + task.count
  return true
end

-- Take back the tasks from an inbox that the worker has not taken; returns the list, in order. By one commit: else the
-- worker, which has just got nothing to do, could take the second while the first is in the hands of the owner.
local function take_back(seat)
  local gone, ids, list, sent, n = {}, {}, {}, {}, 0
  native.get_run(seat.inbox, ids, seat.count + 1, 0, 2)
  for _, id in ipairs(ids) do gone[id] = true end
  for i = seat.first, seat.last do
    local task = seat.sent[i]
    if gone[task.id] then
      list[#list + 1] = task
      if task.taught then seat.known[task.taught] = nil end
    else
      n = n + 1
      sent[n] = task
    end
  end
  seat.sent, seat.first, seat.last, seat.count = sent, 1, n, n
  return list
end

local function put_back(pool, seat, list)
  for _, task in ipairs(list) do put(pool, seat, task) end
end

-- Take back the tasks that no worker has begun and that `wanted` accepts; returns the list.
function seats.withdraw(pool, wanted)
  local _ <close> = native.defer()
  local taken = {}
  for _, seat in ipairs(pool.seats) do
    local any = false
    for i = seat.first, seat.last do any = any or wanted(seat.sent[i]) end
    if any then
      local rest = {}
      for _, task in ipairs(take_back(seat)) do
        local list = wanted(task) and taken or rest
        list[#list + 1] = task
      end
      put_back(pool, seat, rest)
    end
  end
  for i = #pool.again, 1, -1 do
    if wanted(pool.again[i]) then taken[#taken + 1] = table.remove(pool.again, i) end
  end
  pool.open = pool.open - #taken
  return taken
end

-- For an idle worker: the newest task that waits behind others, from the worker that has most of them.
local function steal(pool)
  local richest
  for _, seat in ipairs(pool.seats) do
    if seat.count > 1 and (not richest or seat.count > richest.count) then richest = seat end
  end
  if not richest then return nil end
  local list = take_back(richest)
  local task = table.remove(list)
  put_back(pool, richest, list)
  return task
end

-- The next task for a seat: first those to retry, then tasks of the jobs, in turns.
local function next_task(pool, seat, awaited, may_block)
  if pool.again[1] then return table.remove(pool.again, 1) end
  for _ = 1, #pool.feeding do
    local job = table.remove(pool.feeding, 1)
    -- the job is in no list meanwhile: its iterator may use the pool itself
    local task = job and job.next(room(pool, seat), seat.count == 0, job == awaited, may_block)
    if job and not job.exhausted and not job.over then pool.feeding[#pool.feeding + 1] = job end
    if task then
      pool.open = pool.open + 1
      return task
    end
  end
end

local function give_next(pool, seat, awaited, may_block)
  repeat
    local task = next_task(pool, seat, awaited, may_block) or seat.count == 0 and steal(pool)
  until not task or pool.ended or seats.give(pool, seat, task)
end

-- Finish jobs whose results nobody can ask for any more.
local function finish_abandoned(pool)
  local list = {}
  pool.abandoned = false
  for _, job in next, pool.jobs do
    if job.abandoned then list[#list + 1] = job end
  end
  for _, job in ipairs(list) do job.finish() end
end

-- Give each worker what it needs, the idle ones first. This may end tasks that cannot be sent. `awaited` is the job
-- that the caller waits for: afterwards pool.ask_at says when to feed again, if that is known; and its iterator
-- `may_block` if there is nothing else to wait for.
function seats.feed(pool, awaited, may_block)
  pool.ask_at, pool.turn = nil, pool.turn + 1
  if pool.ended then return end
  local _ <close> = native.defer()
  if pool.abandoned then finish_abandoned(pool) end
  for level = 1, AHEAD do
    for _, seat in ipairs(pool.seats) do
      if seat.count < level then give_next(pool, seat, awaited, may_block) end
    end
  end
end

-- The seat with the fewest tasks.
function seats.idlest(pool)
  local best = pool.seats[1]
  for _, seat in ipairs(pool.seats) do
    if seat.count < best.count then best = seat end
  end
  return best
end

-- -- workers --------------------------------------------------------------------------------------

local function failure_of(p, fields)
  fields.name, fields.id, fields.pid = p.name, p.id, p.pid
  return setmetatable(fields, sandbox.failure)
end

-- What a worker on another host needs of the pool.
local function for_others(pool, number)
  return { seats = { [number] = { inbox = pool.seats[number].inbox } }, results = pool.results, over = pool.over,
    max_tasks = pool.max_tasks, order = pool.order, init = pool.init, jobs = {}, places = true, far = true }
end

-- The process of a worker on the host of that name, or by a fork.
local function spawn_worker(pool, seat, host)
  local options = { name = pool.name, daemon = true, on = host }
  if host == nil or host == "here" then return sandbox.spawn(options, work, pool, seat.number) end
  return sandbox.spawn(options, work, for_others(pool, seat.number), seat.number)
end

-- The same for a pool over hosts: one that has gone meanwhile is not tried again. Nil, and why: none is left.
local function spawn_somewhere(pool, seat, anew)
  local message = pool.places.name .. ": none of its hosts is there any more"
  for _ = 1, 8 do
    seat.host = pool.places:take(anew)
    if not seat.host then break end
    local ok, p = pcall(spawn_worker, pool, seat, seat.host)
    if ok then return p end
    pool.places:free(seat.host, true)
    message, anew = common.text_of(p), true
  end
  seat.host = nil
  return nil, message
end

-- `anew`: in the place of one that has ended.
local function start(pool, seat, anew)
  local _ <close> = native.defer()
  -- the jobs whose functions the worker has: by the fork, or sent
  seat.epoch, seat.known = pool.places and 0 or pool.last_job, {}
  if pool.places then
    if anew then pool.places:free(seat.host, anew == "lost") end
    local p, message = spawn_somewhere(pool, seat, anew)
    if not p and not anew then error(message, 0) end
    if not p then
      local failure = failure_of(seat.process, { message = "the pool gave up: " .. message })
      return seats.give_up(pool, failure, native.task_failing(failure, pool.order))
    end
    seat.process = p
  else
    seat.process = spawn_worker(pool, seat)
  end
  pool.watch[1 + seat.number] = seat.process
  seat.left = false -- whether the worker has said that it leaves
end

local function open(pool, n)
  pool.watch = { pool.results, ordered = true }
  local name = pool.name == "worker" and "tasks" or pool.name .. " tasks"
  for number = 1, n do
    pool.seats[number] = {
      number = number, inbox = sandbox.queue { transport = "shm", name = name }, sent = {}, first = 1, last = 0,
      count = 0, used = 0,
    }
  end
  for _, seat in ipairs(pool.seats) do start(pool, seat) end
end

-- Make n workers, or none; then an error names what was exhausted.
function seats.open(pool, n)
  local ok, message = pcall(open, pool, n)
  if not ok then
    seats.kill(pool)
    native.raise("pool: " .. common.text_of(message))
  end
end

local accept

-- Process what has come from the workers.
function seats.accept_all(pool)
  local _ <close> = native.defer()
  while accept(pool, native.recv(pool.results, 0)) do end
end

-- The failure with this name was joined.
function seats.joined(name)
  if name and not name.joined then
    name.joined = true
    native.task_joined(name[1], name[2])
  end
end

-- Raise the failure of a pool that gave up.
function seats.raise(pool)
  seats.joined(pool.broken_name)
  native.look(pool.broken)
  error(pool.broken, 0)
end

local function copy(failure)
  local own = {}
  for k, v in next, failure do own[k] = v end
  return setmetatable(own, sandbox.failure)
end

-- The pool is of no use any more: all open tasks fail. `slot` and `serial` name the failure if it must be looked at.
function seats.give_up(pool, failure, slot, serial)
  pool.broken = failure
  if slot then
    native.task_failed(slot, serial)
    pool.broken, pool.broken_name = native.unread(copy(failure), slot, serial), { slot, serial }
  end
  seats.kill(pool)
  seats.accept_all(pool) -- what was done before
  local list = pool.again
  for _, seat in ipairs(pool.seats) do
    while seat.count > 0 do list[#list + 1] = remove_first(seat) end
  end
  pool.again = {}
  for _, task in ipairs(list) do
    pool.open = pool.open - 1
    task:failed(copy(failure), 1, slot, serial, pool.broken_name) -- a copy each, since a task may add to it
  end
end

-- Wait for the end of a worker that has no task; false: the deadline passed. That its host was lost is nobody's business.
function seats.await_end(p, deadline)
  local ok, failure = process.join(p, common.left(deadline))
  if not ok and failure ~= "timeout" and failure.lost then native.look(failure) end
  return failure ~= "timeout"
end

-- Kill the workers and all that their tasks have spawned, also those of workers that have ended.
function seats.kill(pool)
  pool.ended = true
  local workers = {}
  for _, seat in ipairs(pool.seats) do workers[#workers + 1] = seat.process end
  family.kill(table.move(pool.left, 1, #pool.left, #workers + 1, table.move(workers, 1, #workers, 1, {})))
  for _, p in ipairs(workers) do seats.await_end(p) end
end

-- The worker of a task died: retry the task, or fail it.
local function lost(pool, task, failure)
  task.attempts = task.attempts + 1
  if task.attempts > pool.retries then
    pool.open = pool.open - 1
    return (task.lost or task.failed)(task, failure, 1)
  end
  local parts = task.split and task.count > 1 and task:split() or { task }
  pool.open = pool.open + #parts - 1
  for _, part in ipairs(parts) do
    part.attempts = task.attempts
    pool.again[#pool.again + 1] = part
  end
end

-- The worker of a seat has ended: as planned, or with a task in hand?
local function ended(pool, seat, ok, failure)
  seats.accept_all(pool)
  if pool.ended then return end
  family.keep_left(pool.left, seat.process)
  if seat.left then return start(pool, seat, "left") end
  local in_hand = queue.len(seat.inbox) < seat.count and remove_first(seat)
  if in_hand and in_hand == seat.stopped then
    native.look(failure)
    seat.stopped, seat.used, pool.open = nil, 0, pool.open - 1
    failure = failure_of(seat.process, { message = in_hand.why, signal = failure.signal, exitcode = failure.exitcode })
    if in_hand.why == "killed" then in_hand:failed(failure, 1) -- on purpose: it need not be looked at
    else (in_hand.lost or in_hand.failed)(in_hand, failure, 1) end
    return start(pool, seat, failure.lost and "lost" or "died")
  end
  seat.stopped = nil
  if ok then failure = { message = "left with exit status 0", exitcode = 0 } end
  native.look(failure) -- the task gets a failure of its own, or another worker
  failure = failure_of(seat.process, failure)
  if not failure.lost then pool.deaths = pool.deaths + 1 end -- a host that was lost says nothing of the tasks
  if pool.deaths >= DEATHS + 2 * #pool.seats then
    if in_hand then table.insert(pool.again, in_hand) end
    local last = failure_of(seat.process, {
      message = string.format("the pool gave up: %d workers died in a row, the last one: %s", pool.deaths,
        failure.message),
    })
    return seats.give_up(pool, last, native.task_failing(last, pool.order))
  end
  seat.used = 0
  if in_hand then lost(pool, in_hand, failure) end
  start(pool, seat, failure.lost and "lost" or "died")
end

-- End the task that the worker of a seat has in hand, with the worker and what that has spawned. False: it has none.
local function stop_task(pool, seat, why)
  if queue.len(seat.inbox) >= seat.count then return false end
  local task = first_of(seat)
  task.why, seat.stopped = why, task
  family.kill({ seat.process })
  ended(pool, seat, process.join(seat.process))
  return true
end

-- End a task at once, wherever it is; false if it is over.
function seats.kill_task(pool, task)
  local _ <close> = native.defer()
  seats.look(pool)
  for _, seat in ipairs(pool.seats) do
    if not task.outcome and first_of(seat) == task and stop_task(pool, seat, "killed") then return task.why == "killed" end
  end
  return false
end

-- When the first of the tasks that workers have in hand has taken too long; nil: none has a limit.
function seats.next_expiry(pool)
  local first
  for _, seat in ipairs(pool.limited and pool.seats or {}) do
    local task = first_of(seat)
    if task and task.limit then first = math.min(first or math.huge, task.begun + task.limit) end
  end
  return first
end

-- End those that have.
function seats.expire(pool)
  if not pool.limited or pool.ended then return end
  local _ <close> = native.defer()
  seats.accept_all(pool)
  local now = sandbox.now()
  for _, seat in ipairs(pool.seats) do
    local task = first_of(seat)
    if task and task.limit and task.begun + task.limit <= now and not stop_task(pool, seat, "timeout") then
      begin_first(seat) -- it was not taken yet
    end
  end
end

-- -- what comes back ------------------------------------------------------------------------------

local outcomes = {}

function outcomes.done(pool, _, task, seconds, ...)
  pool.open = pool.open - 1
  task:done(seconds, ...)
end

function outcomes.packed(pool, _, task, seconds, bytes)
  pool.open = pool.open - 1
  task:packed(seconds, bytes)
end

function outcomes.failed(pool, seat, task, _, k, message, hint, traceback, value, ...)
  pool.open = pool.open - 1
  local failure = failure_of(seat.process,
    { message = message, hint = hint, traceback = traceback, value = value, exitcode = 1 })
  -- a worker on another host cannot note that somebody must look at it
  if select("#", ...) == 0 and task.lost then task:lost(failure) else task:failed(failure, k, ...) end
end

-- Nobody wants the results any more.
function outcomes.dropped(pool) pool.open = pool.open - 1 end

-- The message that would have brought the function was taken back, but this one was not.
function outcomes.unknown(pool, seat, task)
  seat.known[task.job.id] = nil
  if task.job.over then pool.open = pool.open - 1 else table.insert(pool.again, 1, task) end
end

-- The worker has done its max_tasks, or would exceed them with this task: the next worker does it.
function outcomes.left(pool, seat, task)
  seat.left = true
  if not task then return end
  if task.job.over then pool.open = pool.open - 1 else table.insert(pool.again, 1, task) end
end

-- Process a message of the results queue; returns whether there was one.
function accept(pool, number, id, status, seconds, ...)
  if number == nil then return false end
  local seat = pool.seats[number]
  pool.deaths = 0
  if status == "init" then
    local _, message, hint, traceback, value, slot, serial = ...
    if pool.ended then -- another worker's init failed first
      if slot then
        native.task_joined(slot, serial)
        native.look(native.unread({}, slot, serial))
      end
      return true
    end
    local failure = failure_of(seat.process, { message = message, hint = hint, traceback = traceback, value = value })
    if not slot then slot, serial = native.task_failing(failure, pool.order) end -- of another host
    seats.give_up(pool, failure, slot, serial)
    return true
  end
  local task = id and remove_first(seat)
  assert(not task or task.id == id)
  outcomes[status](pool, seat, task, seconds, ...)
  return true
end

-- Process what a select over `pool.watch` returned: false if nothing.
function seats.wake(pool, index, ...)
  if index == nil then return false end
  if index == 1 then return accept(pool, ...) end
  ended(pool, pool.seats[index - 1], ...)
  return true
end

local function await(pool, timeout) return common.call(sandbox.select, pool.watch, timeout) end

-- Wait for one event; false if there was none until the deadline.
function seats.step(pool, deadline)
  local _ <close> = native.defer()
  if accept(pool, native.recv(pool.results, 0)) then return true end
  if deadline and sandbox.now() >= deadline then return false end
  local expiry = seats.next_expiry(pool)
  if not expiry or deadline and deadline < expiry then return seats.wake(pool, await(pool, common.left(deadline))) end
  if not seats.wake(pool, await(pool, common.left(expiry))) then seats.expire(pool) end
  return true
end

-- Keep the workers busy until `enough()`, for a job if one is given; false if the deadline passed first.
function seats.wait(pool, enough, deadline, job)
  while true do
    if job and job.source.cautious then seats.accept_all(pool) end -- it may take long to ask: what has come goes first
    seats.feed(pool, job, not deadline)
    if enough() then return true end
    local until_then = pool.ask_at and math.min(pool.ask_at, deadline or math.huge) or deadline
    if not seats.step(pool, until_then) and until_then == deadline then return false end
  end
end

-- Process what has happened already, without waiting.
function seats.look(pool)
  if pool.ended then return end
  local _ <close> = native.defer()
  seats.accept_all(pool)
  while not pool.ended and seats.wake(pool, await(pool, 0)) do end
  seats.expire(pool)
  seats.feed(pool)
end

return seats
