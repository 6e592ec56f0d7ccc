-- Pools: worker processes that wait for tasks. sandbox.pool, and the methods of pools and futures.
--
-- The workers are forked when the pool is made; functions given later are sent by value. No process or thread stands
-- between owner and workers: the owner hands out tasks and looks after the workers whenever it calls into the pool.
-- Tasks that have been handed out go on meanwhile.
local sandbox, use = ...
local native, common, seats, jobs = use "native", use "common", use "pool_seats", use "pool_jobs"
local places <const> = use "places"

local Deadline = use("classes").Deadline

local Pool, Future = { __name = "sandbox.pool" }, { __name = "sandbox.future" }
local methods, future = {}, {}
Pool.__index, Future.__index = methods, future

-- -- checks ---------------------------------------------------------------------------------------

local function state_of(handle, class, name)
  local state = native.state(handle, class)
  if not state then
    native.raise(string.format("bad argument #1 to '%s' (%s expected, got %s)", name,
      string.match(class.__name, "%a+$"), type(handle)))
  end
  return state
end

-- The pool, checked to belong to the calling process.
local function pool_of(handle, name)
  local pool = state_of(handle, Pool, name)
  seats.check_own(pool, name)
  return pool
end

-- The pool, checked to accept tasks.
local function open_pool(handle, name)
  local pool = pool_of(handle, name)
  if pool.broken then seats.raise(pool) end
  if pool.closed then native.raise(name .. ": the pool is closed") end
  return pool
end

-- -- making ---------------------------------------------------------------------------------------

local OPTIONS = { workers = true, hosts = true, init = true, max_tasks = true, retries = true, name = true, task_timeout = true }

local function read_options(options)
  if options == nil then return {} end
  if math.type(options) then options = { workers = options } end
  common.check_table(options, "pool", 1, "number of workers or table of options")
  common.check_options(options, OPTIONS, "pool", 1)
  if options.init ~= nil then common.check(common.callable(options.init), "pool", 1, "init must be a function") end
  if options.name ~= nil then
    local name = options.name
    common.check(type(name) == "string" and string.find(name, "^[^%c]+$"), "pool", 1, "name must be text on one line")
  end
  return options
end

-- Seconds that a task may take, above 0; or nil.
local function check_limit(seconds, name, what)
  if type(seconds) == "table" and rawequal(debug.getmetatable(seconds), Deadline) then
    seconds = math.max(common.left(rawget(seconds, "at")), 1e-6)
  end
  common.check(seconds == nil or type(seconds) == "number" and seconds > 0, name, 1,
    what .. " must be a number of seconds above 0")
  return seconds
end

local function integer_option(options, name, least, default)
  local value = options[name]
  if value == nil then return default end
  return common.check_integer(value, least, "pool", 1, name)
end

-- The states of the pools of this process: "held" by a handle; or "left", if the handle was collected while tasks were
-- under way. A state must outlive its handle then: otherwise its queues would be finalized, too, and tasks would no
-- longer arrive.
local known = {}

-- A process does not own the pools that it inherited by a fork.
local function own(pool) return pool.generation == native.generation() end

local function close_inboxes(pool)
  pool.ended = true
  for _, seat in ipairs(pool.seats) do queue.close(seat.inbox) end
end

-- Let the workers of pools that were left go once they have done their tasks.
local function look_after_left()
  local list = {}
  for pool, how in next, known do
    if not own(pool) or pool.ended then known[pool] = nil
    elseif how == "left" then list[#list + 1] = pool end
  end
  for _, pool in ipairs(list) do
    seats.look(pool)
    if pool.open == 0 and not pool.ended then close_inboxes(pool) end
  end
end

local made = 0 -- number of pools made by this process; failures of their tasks are reported in the order of the submits

local function make(options, ...)
  common.check_no_more("pool", 2, ...)
  options = read_options(options)
  look_after_left()
  local over <const> = places.new(options.hosts, "pool", 1)
  local n = options.workers
  if n == nil then n = over and over:slots() or sandbox.cpus() end
  n = common.check_processes(n, 1, "pool", 1, "workers")
  made = made + 1
  local _ <close> = native.defer() -- an interrupt is delivered when everything is made, or not at all
  local pool = {
    name = options.name or "worker", init = options.init,
    max_tasks = integer_option(options, "max_tasks", 1), retries = integer_option(options, "retries", 0, 0),
    task_timeout = check_limit(options.task_timeout, "pool", "task_timeout"), limited = options.task_timeout ~= nil,
    generation = native.generation(), owner = sandbox.self(), order = made << 32, places = over,
    results = sandbox.queue { transport = "shm", name = options.name and options.name .. " results" or "results" },
    over = sandbox.value {}, lately_over = {}, -- finished jobs that may still have chunks under way
    seats = {}, jobs = {}, feeding = {}, again = {},
    left = {}, -- workers that have ended and left processes
    last_job = 0, last_task = 0, open = 0, deaths = 0, turn = 0,
  }
  -- The number of the oldest job that is not finished: workers need no functions of earlier jobs.
  function pool.oldest()
    local oldest = pool.last_job
    for id in next, pool.jobs do oldest = math.min(oldest, id) end
    return oldest
  end
  seats.open(pool, n)
  known[pool] = "held"
  return native.object(Pool, pool) -- made after the queues, so it is finalized before them and can close them
end

-- -- futures --------------------------------------------------------------------------------------

-- A failure that happened in the pool's owner, not in a worker.
local function failure_here(pool, message)
  local me = pool.owner
  return setmetatable({ message = message, name = me.name, id = me.id, pid = me.pid }, sandbox.failure)
end

-- Raise the first reason why a call cannot be sent.
local function refuse(pool, why, f, ...)
  if pool.places then native.raise(why) end
  local function check(value, what)
    local bytes, message = native.encode(what, value)
    if not bytes then native.raise("submit: " .. message) end
  end
  check(f, "function")
  for i = 1, select("#", ...) do check((select(i, ...)), "argument " .. i) end
  native.raise("submit: the arguments cannot be sent: there is no room")
end

-- A task that is a single call of a function.
local Call = {}
Call.__index = Call

local function settle(task, outcome)
  task.outcome, task.bytes, task.kept = outcome, nil, nil
end

function Call:done(_, ...) settle(self, table.pack(true, ...)) end

-- `slot` and `serial` name the failure if it must be looked at; if the pool broke, `name` is the name of the pool's
-- failure.
function Call:failed(failure, _, slot, serial, name)
  if slot then
    native.task_failed(slot, serial)
    failure = native.unread(failure, slot, serial)
    self.failure_name = name or { slot, serial }
  end
  settle(self, { nil, failure, n = 2 })
end

-- Its worker died.
function Call:lost(failure)
  self:failed(failure, 1, native.task_failing(failure, self.pool.order + self.id, self.where))
end

-- What its join returns.
function Call:take()
  seats.joined(self.failure_name)
  return table.unpack(self.outcome, 1, self.outcome.n)
end

function Call:send(inbox)
  local ok, message = pcall(native.send, inbox, nil, 0, self.id, self.bytes, self.where)
  if not ok then self:failed(failure_here(self.pool, "submit: " .. common.text_of(message))) end
  return ok
end

-- A task that calls the function with the arguments as they are now.
local function call_task(pool, f, ...)
  local bytes, kept = seats.freeze(pool, "call", "submit", f, ...)
  if not bytes then refuse(pool, kept, f, ...) end
  pool.last_task = pool.last_task + 1
  return setmetatable({
    pool = pool, id = pool.last_task, bytes = bytes, kept = kept, where = native.where(), count = 1, attempts = 0,
  }, Call)
end

local SUBMIT_OPTIONS = { timeout = true }

local function submit(handle, options, f, ...)
  local pool = open_pool(handle, "submit")
  common.check_options(options, SUBMIT_OPTIONS, "submit", 1)
  local limit = check_limit(options.timeout, "submit", "timeout") or pool.task_timeout
  seats.look(pool)
  if pool.broken then seats.raise(pool) end
  local _ <close> = native.defer()
  local task = call_task(pool, f, ...)
  task.limit, pool.limited = limit, pool.limited or limit ~= nil
  pool.open = pool.open + 1
  if not seats.give(pool, seats.idlest(pool), task) then native.raise(task.outcome[2].message) end
  return native.object(Future, { pool = pool, task = task, keep = handle })
end

-- submit([options,] f, ...)
function methods.submit(handle, first, ...)
  if type(first) == "table" and not common.callable(first) then
    common.check_function((...), "submit", 2)
    return submit(handle, first, ...)
  end
  common.check_function(first, "submit", 1)
  return submit(handle, {}, first, ...)
end

-- The task, and the pool if the task can still be waited for.
local function task_of(handle, name)
  local state = state_of(handle, Future, name)
  if not state.task.outcome then seats.check_own(state.pool, name) end
  return state.task, state.pool
end

local function wait_for(handle, name, timeout)
  local task, pool = task_of(handle, name)
  local deadline = common.deadline(timeout, name, 1)
  if not task.outcome then seats.wait(pool, function() return task.outcome end, deadline) end
  if not task.outcome then return nil, "timeout" end
  return task:take()
end

function future.join(handle, timeout, ...)
  common.check_no_more("join", 2, ...)
  return wait_for(handle, "join", timeout)
end

function future.result(handle, timeout, ...)
  common.check_no_more("result", 2, ...)
  local function finish(ok, ...)
    if ok then return ... end
    if (...) == "timeout" then return nil, "timeout" end
    native.look((...))
    error((...), 0)
  end
  return finish(wait_for(handle, "result", timeout))
end

function future.done(handle, ...)
  common.check_no_more("done", 1, ...)
  local task, pool = task_of(handle, "done")
  if not task.outcome then seats.look(pool) end
  return task.outcome ~= nil
end

function future.cancel(handle, ...)
  common.check_no_more("cancel", 1, ...)
  local task, pool = task_of(handle, "cancel")
  if task.outcome then return false end
  local taken = seats.withdraw(pool, function(other) return other == task end)
  if not taken[1] then return false end
  task:failed(failure_here(pool, "cancelled"))
  return true
end

-- As cancel; but if a worker has it in hand, that is killed and replaced.
function future.kill(handle, ...)
  common.check_no_more("kill", 1, ...)
  local task, pool = task_of(handle, "kill")
  if task.outcome then return false end
  return future.cancel(handle) or seats.kill_task(pool, task)
end

function Future.__tostring(handle)
  local state = native.state(handle, Future)
  local outcome = state.task.outcome
  return string.format("future: task %d of %s (%s)", state.task.id, state.pool.name,
    not outcome and "under way" or outcome[1] and "done" or "failed")
end

-- -- maps -----------------------------------------------------------------------------------------

function methods.map(handle, f, list, chunk, timeout, ...)
  common.check_no_more("map", 5, ...)
  return jobs.map(open_pool(handle, "map"), "map", f, list, false, chunk, timeout, handle)
end

function methods.starmap(handle, f, list, chunk, timeout, ...)
  common.check_no_more("starmap", 5, ...)
  local pool = open_pool(handle, "starmap")
  common.check_table(list, "starmap", 2, "list of lists of arguments")
  for i = 1, common.length(list, "starmap", 2) do
    common.check(type(list[i]) == "table", "starmap", 2,
      string.format("item %d: list of arguments expected, got %s", i, type(list[i])))
  end
  return jobs.map(pool, "starmap", f, list, true, chunk, timeout, handle)
end

-- An iterator may stand there with what a generic `for` takes along with it: function, nil, nil, closing value (io.lines,
-- another imap).
local function imap(handle, name, ordered, f, source, chunk, timeout, closing, ...)
  local pool = open_pool(handle, name)
  if type(source) ~= "function" or chunk ~= nil or timeout ~= nil or common.metafield(closing, "__close") == nil then
    common.check_no_more(name, 5, closing, ...)
    closing = nil
  end
  common.check_no_more(name, 6, ...)
  return jobs.imap(pool, name, f, source, chunk, timeout, ordered, handle, closing)
end

function methods.imap(handle, ...) return imap(handle, "imap", true, ...) end

function methods.imap_unordered(handle, ...) return imap(handle, "imap_unordered", false, ...) end

-- -- the end --------------------------------------------------------------------------------------

local function close(handle)
  pool_of(handle, "close").closed = true
  return true
end

function methods.close(handle, ...)
  common.check_no_more("close", 1, ...)
  return close(handle)
end

local function no_task_open(pool)
  return function() return pool.open == 0 or pool.ended end
end

local function join(handle, timeout)
  local pool = pool_of(handle, "join")
  local deadline = common.deadline(timeout, "join", 1)
  if not pool.closed then native.raise("join: the pool must be closed first") end
  if not seats.wait(pool, no_task_open(pool), deadline) then return nil, "timeout" end
  if not pool.ended then close_inboxes(pool) end
  for _, seat in ipairs(pool.seats) do
    if not seats.await_end(seat.process, deadline) then return nil, "timeout" end
  end
  return true
end

function methods.join(handle, timeout, ...)
  common.check_no_more("join", 2, ...)
  return join(handle, timeout)
end

local function terminate(handle)
  local pool = pool_of(handle, "terminate")
  pool.closed = true
  if not pool.ended then
    seats.give_up(pool, failure_here(pool, "the pool was terminated"))
  elseif not pool.broken then
    seats.kill(pool)
  end
  return true
end

function methods.terminate(handle, ...)
  common.check_no_more("terminate", 1, ...)
  return terminate(handle)
end

-- At the end of its block, the pool first finishes what was submitted, unless the block is left by an error.
function Pool.__close(handle, err)
  if not own(native.state(handle, Pool)) then return end
  if err ~= nil then terminate(handle) return end
  close(handle)
  join(handle)
end

-- Nothing can give it tasks any more: its workers may go when they have done those that they have.
function Pool.__gc(handle)
  local pool = native.state(handle, Pool)
  if own(pool) and not pool.ended then
    seats.accept_all(pool)
    if pool.open == 0 then close_inboxes(pool) end
  end
  known[pool] = own(pool) and not pool.ended and "left" or nil
end

-- At the end of the process: the tasks of its pools are done first, as children are waited for. Jobs whose results
-- nobody reads any more are not tasks.
local function finish()
  local list = {}
  for pool in next, known do list[#list + 1] = pool end
  for _, pool in ipairs(list) do
    if own(pool) and not pool.ended then
      for _, job in next, table.move(pool.feeding, 1, #pool.feeding, 1, {}) do job.finish() end
      seats.wait(pool, no_task_open(pool))
    end
  end
end

function Pool.__tostring(handle)
  local pool = native.state(handle, Pool)
  return string.format("pool: %s (%s, %s under way%s)", pool.name, common.count(#pool.seats, "worker", "workers"),
    common.count(pool.open, "task", "tasks"),
    pool.broken and ", broken" or pool.ended and ", ended" or pool.closed and ", closed" or "")
end

-- For a wait for several futures: the task, if it is done.
local function done_of(handle)
  local task = native.state(handle, Future).task
  return task.outcome and task
end

return {
  pool = make, finish = finish, pool_of = function(handle, name) return select(2, task_of(handle, name)) end,
  done_of = done_of,
}
