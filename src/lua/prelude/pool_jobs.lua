-- Jobs of a pool: map and imap divide their items into tasks (chunks) and put the results together.
local sandbox, use = ...
local native, common, seats, sources = use "native", use "common", use "pool_seats", use "pool_source"

local CHUNK_SECONDS = 0.001 -- what a chunk should take: much longer than its message, much shorter than the whole job
local PROBE_SECONDS = 0.000004 -- amount of work that tells the cost of an item
local LEAST_SECONDS = 0.0001 -- a shorter chunk costs more than the balance that it gains: its two messages take 20 us
local MAP_MOST, LIST_MOST, ITERATOR_MOST = 8192, 1024, 32 -- most items in a chunk of unspecified size
local CHUNK_LIMIT = 32768 -- whatever size is asked for: they are passed on the Lua stack
local WINDOW = 4 -- chunks per worker that an imap is ahead of the loop

local jobs = {}

-- What ends a job early (a stop, see pool_source) is raised to the caller of that job, not to whatever code happens to
-- use the pool when it comes to light.
local function raise(stop)
  if stop.text then native.raise(stop.text) end
  common.raise_again(stop.value)
end

local OPTIONS = { chunk = true, progress = true, timeout = true }

-- The size of chunks, the deadline and the label of a bar (or nil), of what stands behind the items: a table of
-- options, or the first two.
local function read_options(name, chunk, timeout)
  if type(chunk) ~= "table" then
    common.check_timeout(timeout, name, 4)
    return { chunk = chunk, timeout = timeout }
  end
  common.check(timeout == nil, name, 4, "timeout is one of the options")
  common.check_options(chunk, OPTIONS, name, 3)
  common.check_timeout(chunk.timeout, name, 3)
  local label = chunk.progress
  common.check(label == nil or type(label) == "string" and string.find(label, "^[^%c]+$"), name, 3,
    "progress must be the label of a bar: text on one line")
  return chunk
end

-- -- a job ----------------------------------------------------------------------------------------

-- The number of items for the next chunk: as many as take CHUNK_SECONDS, and fewer towards the end, so that all workers
-- finish at the same time.
local function chunk_size(job, most)
  local n = job.chunk or math.min(job.cost and CHUNK_SECONDS / job.cost or 1, job.most)
  if not job.chunk and job.source.left then
    local least = job.cost and LEAST_SECONDS / job.cost or 1
    n = math.min(n, math.max(least, math.ceil(job.source:left() / (2 * #job.pool.seats))))
  elseif not job.chunk then
    n = math.min(n, job.source:most())
  end
  return math.max(1, math.floor(math.min(n, most or n, CHUNK_LIMIT)))
end

-- Estimate the cost of an item: each chunk counts by its items, and half as much with each later chunk.
local function measure(job, seconds, n)
  job.seconds, job.items = job.seconds / 2 + seconds, job.items / 2 + n
  job.cost, job.known = math.max(job.seconds / job.items, 1e-9), job.known or job.seconds >= PROBE_SECONDS
end

-- The index of a failure is that of its item.
local function item_of(task, k)
  local first = task.at + k - 1
  return task.count > 1 and k == 1 and task.attempts > 0
    and string.format("%d to %d", task.at, task.at + task.count - 1) or first
end

-- Items as bytes, as they are now: what the script does to them later, before a worker takes them or when they are
-- given to another worker, does not matter. Plain items are packed. Nil and a message if one cannot be sent.
local function encode_items(items, first, count)
  local packed = native.pack(items, first, count)
  if packed then return packed, true end
  local bytes, kept = common.freeze("item", table.unpack(items, first, first + count - 1))
  return bytes, false, kept
end

-- Which of `count` items cannot be sent, and why: its number among them, and a stop.
local function find_unsendable(job, items, first, count, at)
  for k = 1, count do
    local bytes, why = native.encode("item " .. at + k - 1, items[first + k - 1])
    if not bytes then return k, { text = job.name .. ": " .. why } end
  end
  return 1, { text = job.name .. ": the items cannot be sent: there is no room" }
end

-- No worker needs the job's function any more.
local function forget(job)
  job.pool.jobs[job.id] = nil
  for _, seat in ipairs(job.pool.seats) do seat.known[job.id] = nil end
end

-- A task of a job (see pool_seats): `at` is the number of its first item in the job.
local Chunk = {}
Chunk.__index = Chunk

-- Make a chunk of the `count` items of `items` from `first` on. Or return nil, the number of items that can be sent,
-- and the stop that follows them.
local function new_chunk(job, items, first, count, at)
  local bytes, plain, kept = encode_items(items, first, count)
  if not bytes then
    local k, stop = find_unsendable(job, items, first, count, at)
    return nil, k - 1, stop
  end
  local pool = job.pool
  pool.last_task = pool.last_task + 1
  return setmetatable({ id = pool.last_task, job = job, bytes = bytes, plain = plain, kept = kept, count = count,
    at = at, attempts = 0, limit = pool.task_timeout and pool.task_timeout * count }, Chunk)
end

-- If there is no room for it in an inbox, the job ends there.
function Chunk:send(inbox, seat)
  local job = self.job
  local bytes = seat.epoch < job.id and not seat.known[job.id] and job.bytes
  local ok, message = pcall(native.send, inbox, nil, job.id, self.id, bytes, job.pool.oldest(), job.star, self.count,
    self.plain, self.bytes)
  if ok then
    self.taught = bytes and job.id
    if bytes then seat.known[job.id] = true end
  else
    job.out, job.exhausted = job.out - 1, true
    job.stopped(self.at, { text = job.name .. ": " .. common.text_of(message) })
  end
  return ok
end

-- No worker has the chunk any more; `seconds` is given if it was done.
local function take_off(chunk, seconds)
  local job = chunk.job
  job.out = job.out - 1
  if seconds then measure(job, seconds, chunk.count) end
  if seconds and job.bar then progress.add(job.bar, chunk.count) end
  if job.exhausted and job.out == 0 then forget(job) end
  return not job.over and job
end

function Chunk:done(seconds, ...)
  local job = take_off(self, seconds)
  if job then job.done(self, ...) end
end

function Chunk:packed(seconds, bytes)
  local job = take_off(self, seconds)
  if job then job.packed(self, bytes) end
end

function Chunk:failed(failure, k, ...)
  local job = take_off(self)
  failure.index = item_of(self, k)
  if job then job.stopped(self.at, { value = failure }, ...) end
end

function Chunk:split()
  local job, items, parts = self.job, self.plain and {} or { native.decode(self.bytes) }, {}
  if self.plain then native.unpack(self.bytes, items, 1) end
  for k = 1, self.count do parts[k] = new_chunk(job, items, k, 1, self.at + k - 1) end
  job.out, job.ahead = job.out + self.count - 1, job.ahead + self.count - 1
  return parts
end

-- Make a job. The caller sets these functions, makes sure that the job will be finished, and then begins it:
--   done(task, ...), packed(task, bytes)   the results of a task
--   stopped(at, stop, ...)                 item `at` ends the job; the results just before it
local function new_job(pool, name, f, source, star, options, most, closing)
  common.check_function(f, name, 1)
  source = sources.new(source, name, closing)
  if source.may_ask then most = math.min(most, ITERATOR_MOST) end
  local chunk = options.chunk and common.check_integer(options.chunk, 1, name, 3, "chunk")
  local bytes, kept = seats.freeze(pool, "function", name, f)
  if not bytes then native.raise(pool.places and kept or name .. ": " .. kept) end
  local job = { pool = pool, name = name, bytes = bytes, kept = kept, source = source, star = star, chunk = chunk,
    label = options.progress, most = most, over = false, ahead = 0, out = 0, seconds = 0, items = 0 }
  function job.finish() jobs.finish(job) end
  local at = 1
  -- There are no more items; `stop`, if not nil, follows them.
  local function exhaust(stop, where)
    job.exhausted = true
    if not stop then return end
    job.ahead = job.ahead + 1
    job.stopped(where, stop)
  end
  -- May the iterator be asked now? If not, tell the pool when to try again. A map can use all its items at once.
  local function may_ask(idle, awaited, may_block)
    local ask, again
    if not job.ready then
      ask, again = source:may_ask(true, false, nil, may_block)
    elseif source.cautious and job.turn == pool.turn then
      ask, again = false, 0 -- it was asked in this turn already: what has arrived meanwhile goes first
    else
      ask, again = source:may_ask(idle, job.ready(), job.out > 0 and job.sent_at or nil, may_block)
    end
    job.turn = ask and pool.turn or job.turn
    if not ask and again and awaited then pool.ask_at = math.min(pool.ask_at or again, again) end
    return ask
  end
  -- The next task for a worker, `idle` or not, that takes up to `limit` items; nil if there is none now. `awaited`: the
  -- caller waits for this job, and its iterator `may_block` when there is nothing else to wait for.
  function job.next(limit, idle, awaited, may_block)
    if job.window and job.ahead >= job.window then return nil end
    if not (job.known or job.chunk) and job.out >= #pool.seats then return nil end -- first find out what an item costs
    may_block = awaited and may_block and job.out == 0 and not (job.ready and job.ready())
    if source.may_ask and not source.over and (not may_ask(idle, awaited, may_block) or pool.ended) then return nil end
    local items, first, last = source:take(chunk_size(job, limit), may_block)
    if job.over then return nil end -- its own iterator has ended it
    if not items then return source.over and exhaust(source.stop, at) or nil end
    local task, count, stop = nil, last - first + 1, nil
    repeat
      task, count, stop = new_chunk(job, items, first, count, at)
      if stop then exhaust(stop, at + count) end
    until task or count == 0
    if not task then return nil end
    at = at + task.count
    -- ahead: chunks not asked for yet (of a map: not there yet); out: chunks with a worker
    job.ahead, job.out = job.ahead + 1, job.out + 1
    if source.may_ask then job.sent_at = sandbox.now() end
    return task
  end
  return job
end

local function begin(job)
  local _ <close> = native.defer()
  local pool, source = job.pool, job.source
  job.bar = job.label and sandbox.progress { label = job.label, total = source.left and source:left() or nil }
  pool.last_job = pool.last_job + 1
  job.id = pool.last_job
  pool.jobs[job.id] = job
  table.insert(pool.feeding, job)
end

-- End a job: take back what has not begun, ignore what is under way.
function jobs.finish(job)
  local pool = job.pool
  if job.over or pool.generation ~= native.generation() then return end
  local _ <close> = native.defer()
  job.over = true
  if job.bar then progress.close(job.bar) end
  if job.source.close then job.source:close() end
  if not job.id then return end -- it never began
  forget(job)
  for i, other in ipairs(pool.feeding) do
    if other == job then table.remove(pool.feeding, i) break end
  end
  if not pool.ended and job.ahead > 0 then
    seats.withdraw(pool, function(task) return task.job == job end)
    table.insert(pool.lately_over, 1, job.id)
    pool.lately_over[2 * #pool.seats + 1] = nil -- no more than may still be under way
    value.set(pool.over, pool.lately_over)
  end
end

-- -- map ------------------------------------------------------------------------------------------

function jobs.map(pool, name, f, list, star, chunk, timeout, keep)
  local options = read_options(name, chunk, timeout)
  local deadline = common.deadline(options.timeout)
  local job = new_job(pool, name, f, list, star, options, MAP_MOST)
  local total, results, stopped, early = job.source.left and job.source:left() or 0, nil, nil, {}
  -- To allocate many results takes a while, so the workers get their chunks first; results that come earlier are kept
  -- packed.
  local function make_room()
    if results then return end
    results = native.list(total)
    for _, group in ipairs(early) do native.unpack(group.bytes, results, group.at) end
  end
  function job.done(task, ...)
    make_room()
    native.place(results, task.at, ...)
    job.ahead = job.ahead - 1
  end
  function job.packed(task, bytes)
    if results then native.unpack(bytes, results, task.at) else early[#early + 1] = { at = task.at, bytes = bytes } end
    job.ahead = job.ahead - 1
  end
  function job.stopped(_, stop) stopped = stop end
  local guard <close> = setmetatable({ keep = keep }, { -- the pool is not collected meanwhile
    __close = function() jobs.finish(job) end,
  })
  begin(job)
  local done = seats.wait(pool, function()
    if job.known or job.chunk or job.exhausted then make_room() end
    return stopped or job.exhausted and job.ahead == 0 or pool.ended
  end, deadline, job)
  if not done then return nil, "timeout" end
  if not stopped and job.exhausted and job.ahead == 0 then return results end -- even if the pool broke meanwhile
  if pool.broken then seats.raise(pool) end
  if stopped then raise(stopped) end
  native.raise(name .. ": the pool has ended")
end

-- -- imap -----------------------------------------------------------------------------------------

-- Results that have come but have not been asked for: groups { at = number of the first item, count = its items, n =
-- results present, results ..., stop = what follows them }, in order, or as they come.
local function ordered_groups()
  local waiting, at = {}, 1
  local groups = {}
  function groups.add(group) waiting[group.at] = group end
  function groups.next()
    local group = waiting[at]
    if not group then return nil end
    waiting[at] = nil
    at = at + group.count
    return group
  end
  function groups.ready() return waiting[at] ~= nil end
  return groups
end

local function groups_as_they_come()
  local list, first, last = {}, 1, 0
  local groups = {}
  function groups.add(group)
    last = last + 1
    list[last] = group
  end
  function groups.next()
    local group = list[first]
    if not group then return nil end
    list[first] = nil
    first = first + 1
    return group
  end
  function groups.ready() return list[first] ~= nil end
  return groups
end

function jobs.imap(pool, name, f, source, chunk, timeout, ordered, keep, closing_source)
  local options = read_options(name, chunk, timeout)
  local job = new_job(pool, name, f, source, false, options, LIST_MOST, closing_source)
  local groups = ordered and ordered_groups() or groups_as_they_come()
  local group, k
  job.window = WINDOW * #pool.seats
  job.ready = groups.ready
  function job.done(task, ...)
    groups.add { at = task.at, count = task.count, n = select("#", ...), ... }
  end
  function job.packed(task, bytes)
    local group = { at = task.at, count = task.count, n = task.count }
    native.unpack(bytes, group, 1)
    groups.add(group)
  end
  function job.stopped(at, stop, ...)
    groups.add { at = at, count = 1, n = select("#", ...), stop = stop, ... }
  end

  -- Set `group` to the next group, waiting for it; nil at the end.
  local function take_group()
    local _ <close> = native.defer()
    local done = seats.wait(pool, function()
      group, k = groups.next(), 0
      return group or job.over or job.exhausted and job.ahead == 0 or pool.ended
    end, common.deadline(options.timeout), job)
    if not done then native.raise(name .. ": timeout") end
    if group or job.over or job.exhausted and job.ahead == 0 then return end
    if pool.broken then seats.raise(pool) end
    native.raise(name .. ": the pool has ended")
  end

  -- Ends the loop; or, if the loop can never go on, marks the job for the next code that feeds the workers.
  local closing = setmetatable({ keep = keep }, { -- the pool is not collected while a loop goes through its results
    __close = function() jobs.finish(job) end,
    __gc = function() job.abandoned, pool.abandoned = true, true end,
  })
  local function next_result()
    local _ = closing -- keeps it alive as long as this function
    seats.check_own(pool, name)
    if not job.id and not job.over then begin(job) end -- not before the loop holds the value that closes it
    while not job.over do
      if not group then
        take_group()
        if not group then break end
      end
      if k < group.n then
        k = k + 1
        return group.at + k - 1, group[k]
      end
      local stop = group.stop
      group = nil
      job.ahead = job.ahead - 1
      if stop then
        jobs.finish(job)
        raise(stop)
      end
    end
    jobs.finish(job)
    return nil
  end
  return next_result, nil, nil, closing
end

return jobs
