---@meta sandbox
--
-- The library as the Lua language server, help() at the prompt, `sandbox --help TOPIC` and the reference read it: every
-- function, method and field, once. Nothing here runs.
--
-- How it is written, so that it can be read by machines:
--   * lines of `---` right above a declaration describe it: a sentence, more text, an example, then the tags;
--   * an example is a block between ```lua and ```; a test runs it, and what it prints must be what stands after `-->`;
--   * `---@param name type # text`, a `?` after the name when it may be left out; `---@return type name # text`;
--   * `function sandbox.f(...)` is a function of the library, `function Queue:m(...)` a method of a handle whose class is
--     `sandbox.Queue`, `f = sandbox.f` at the end of the file a global;
--   * in a list of returns the usual case comes first; `nil` and a reason stand for what a careful program expects to
--     happen. Misuse raises an error at the caller's line.
-- All times are in seconds of the run's clock. A timeout that is nil or left out waits for ever, 0 does not wait, and a
-- negative one is an error.

---Processes that share nothing, and what they talk through: `spawn`, queues, locks, pools. The table is also what
---`require "sandbox"` returns. Handles (of processes, queues, locks ...) may travel: in the copy that a child has, in a
---queue, in a result; two handles of the same thing are equal in every process.
---@class sandbox
---@field null lightuserdata # stands for "nothing" in a queue's item: nil itself cannot be put
---@field failure table # the metatable of every failure (sandbox.Failure)
sandbox = {}

------------------------------------------------------------------------------------------------------------------------
-- Processes
------------------------------------------------------------------------------------------------------------------------

---How a process runs.
---@class sandbox.SpawnOptions
---@field name? string # in reports and messages, cut to 47 bytes; what the caller calls the function unless said
---@field daemon? boolean # not waited for at the end: ended with the process that spawned it; it may have children itself
---@field cpu? integer # pin to this processor, from 0 to sandbox.cpus() - 1
---@field quiet? boolean # no report on stderr when it fails
---@field stdin? boolean # stdin is its own from now on, with what is buffered; its parent, as all others, reads end of file

---How `sandbox.process` makes a process: Python's shape. The options of `spawn` (name, daemon, cpu, quiet, stdin) are good
---here, too.
---@class sandbox.ProcessOptions: sandbox.SpawnOptions
---@field target function # what the process runs
---@field args? any[] # what it is called with; give `n` in it when there are nils

---Start a process that calls `f(...)`, and go on at once. It begins with a copy of everything its parent has (so `f` may
---use any variable), and shares nothing with it: what either changes, the other never sees. What `f` returns, `join` and
---`result` bring back. Before the function may stand a table of options.
---
---Raises an error when the system has no more processes, or `--max-procs` is reached.
---```lua
---local function square(x) return x * x end
---local a = spawn(square, 7)
---local b = spawn({ name = "worker", cpu = 0 }, square, 8)
---print(a:result(), b:result(), b.name) --> 49	64	worker
---```
---@param f function # what the process runs
---@param ... any # its arguments
---@return sandbox.Process process
---@overload fun(options: sandbox.SpawnOptions, f: function, ...: any): sandbox.Process
function sandbox.spawn(f, ...) end

---Make a process that does not run yet: `start` starts it. Its status is "new" until then.
---```lua
---local p = sandbox.process { target = math.max, args = { 3, 9 }, name = "largest" }
---print(p:status()) --> new
---p:start()
---print(p:join()) --> true	9
---```
---@param options sandbox.ProcessOptions
---@return sandbox.Process process
function sandbox.process(options) end

---Wait until a process has ended: the same as `p:join(timeout)`.
---@param process sandbox.Process
---@param timeout? number # seconds
---@return true? ok # true, and the results of its function; nil when it failed or did not end in time
---@return any ... # the results; or the failure (sandbox.Failure); or "timeout"
function sandbox.join(process, timeout) end

---Wait until all processes of a list, or tasks of pools, have ended.
---```lua
---local list = {}
---for i = 1, 4 do list[i] = spawn(sleep, i / 100) end
---print(sandbox.join_all(list)) --> true
---```
---@param processes (sandbox.Process|sandbox.Future)[] # all of them started
---@param timeout? number # seconds, for all of them
---@return true? ok # nil at once when one failed, or when time was up
---@return sandbox.Failure|"timeout"|nil failure # of the first to fail
---@return sandbox.Process|sandbox.Future|nil process # the one that failed
function sandbox.join_all(processes, timeout) end

---Go through the processes of a list, or tasks of pools, in the order in which they end.
---```lua
---local function work(seconds) sleep(seconds) return seconds end
---local list = { spawn(work, 2), spawn(work, 0) }
---for p, ok, seconds in sandbox.as_completed(list) do print(ok, seconds) end
-----> true	0
-----> true	2
---```
---@param processes (sandbox.Process|sandbox.Future)[]
---@param timeout? number # seconds, for all of them; raises an error when they are over
---@return fun(): sandbox.Process|sandbox.Future, boolean?, any ... # the process, then what its `join` returns
function sandbox.as_completed(processes, timeout) end

---The process that calls it.
---@return sandbox.Process process
function sandbox.self() end

---The process that spawned the one that calls it.
---@return sandbox.Process? process # nil in the main process
function sandbox.parent() end

---The processes that the calling one has spawned and that still run.
---@return sandbox.Process[] processes
function sandbox.children() end

---The system's number of the calling process.
---@return integer pid
function sandbox.getpid() end

---How many processors this process may use.
---@return integer count
function sandbox.cpus() end

---A process. Two handles of the same process are equal, also in different processes.
---@class sandbox.Process
---@field id integer # its number in the run: 1 is the main process
---@field pid integer # its number in the system
---@field name string # as given to `spawn`, or what the spawner calls the function
---@field daemon boolean # not waited for at the end
---@field exitcode? integer # nil while it lives, and when a signal ended it
---@field signal? integer # the signal that ended it
local Process = {}

---What `join` returns for a process that ended badly; `tostring` tells it in a line. Reading its text or a field is to look
---at the failure: one that nobody looks at is reported on stderr a second after the death, or when the run ends.
---@class sandbox.Failure
---@field message string # what went wrong, with its line
---@field value any # what was raised: a table, too
---@field traceback? string # of the process that failed
---@field name string # of the process
---@field id integer # of the process
---@field pid integer # of the process
---@field exitcode? integer # nil when a signal ended it
---@field signal? integer # the signal that ended it
---@field index? integer|string # of the item, when a pool's map failed; "5 to 8" when it is not known which of them
---@field others? sandbox.Failure[] # of a scope with on_error = "wait": those after the first
local Failure = {}

---Start a process made by `sandbox.process`. A second start is an error.
---@return sandbox.Process self
function Process:start() end

---Wait until the process has ended, and say how. May be called again, and by any process that has the handle.
---```lua
---local p = spawn({ quiet = true }, function() error("no coffee", 0) end)
---local ok, failure = p:join()
---print(ok, failure.message, p:status()) --> nil	no coffee	failed
---print(spawn({ daemon = true }, sleep, 60):join(0.01)) --> nil	timeout
---```
---@param timeout? number # seconds
---@return true? ok # true, and the results of its function; nil when it failed or did not end in time
---@return any ... # the results; or the failure (sandbox.Failure); or "timeout"
function Process:join(timeout) end

---Like `join`, but returns only the results, and raises the failure.
---```lua
---print(spawn(string.rep, "ab", 3):result()) --> ababab
---```
---@param timeout? number # seconds
---@return any ... # what the function returned; or nil and "timeout"
function Process:result(timeout) end

---Does it still run? True for a stopped one, too.
---@return boolean alive
function Process:alive() end

---What it is doing, or how it ended: "failed" is an error or an exit status other than 0, "killed" a signal.
---@return "new"|"running"|"stopped"|"done"|"failed"|"killed" status
function Process:status() end

---Ask it to end (SIGTERM). It does nothing for one that has ended.
---@return true
function Process:terminate() end

---End it at once (SIGKILL), wherever it is. Nobody else hangs, and nothing but the item in its hands is lost.
---```lua
---local p = spawn(sleep, 1000)
---p:kill()
---print(p:join()) --> nil	killed by signal 9 (Killed) (process sleep#2, pid N)
---```
---@return true
function Process:kill() end

---Stop it where it is (SIGSTOP), until `resume`: when `pause` returns, it does nothing more.
---@return true
function Process:pause() end

---Let it go on after `pause` (SIGCONT).
---@return true
function Process:resume() end

---Interrupt it as Ctrl-C does: whatever it does, or waits for, ends with the error "interrupted!", which no `pcall` keeps
---from ending the process. What it has open with `<close>` is closed.
---```lua
---local p = spawn({ quiet = true }, function() while true do end end)
---p:interrupt()
---print(select(2, p:join()).exitcode) --> 130
---```
---@return true
function Process:interrupt() end

---End it, and wait until it has: an interrupt first; when it still runs after the grace, SIGTERM and then SIGKILL.
---@param grace? number # seconds, 5 unless said
---@return true
function Process:stop(grace) end

------------------------------------------------------------------------------------------------------------------------
-- Queues
------------------------------------------------------------------------------------------------------------------------

---How a queue is made.
---@class sandbox.QueueOptions
---@field max? integer # room for that many items, 1 or more; any number unless said
---@field name? string # in reports
---@field transport? "auto"|"pipe"|"shm" # how items travel; "auto" chooses by who waits

---Make a queue. What one process puts, another gets, in the same order. An item is any value but nil, coroutines and
---foreign userdata: tables with cycles, functions with their upvalues, other queues; it arrives as a copy.
---```lua
---local q = queue(2)
---print(q:put("a"), q:put("b"), q:put("c", 0)) --> true	true	nil	timeout
---print(q:get(), #q) --> a	1
---```
---@param max? integer|sandbox.QueueOptions # room for that many items, or a table of options
---@return sandbox.Queue queue
function sandbox.queue(max) end

---Add an item to a queue: the same as `q:put(item, timeout)`.
---@param queue sandbox.Queue
---@param item any # not nil
---@param timeout? number # seconds
---@return true? ok # nil when the queue stayed full
---@return "timeout"? reason
function sandbox.queue_put(queue, item, timeout) end

---Take the oldest item of a queue: the same as `q:get(timeout)`.
---@param queue sandbox.Queue
---@param timeout? number # seconds
---@return any item # nil when none came
---@return "timeout"|"closed"|nil reason
function sandbox.queue_get(queue, timeout) end

---A queue: first in, first out, for any number of processes. When `put` has returned, the item is there for everybody, so
---`#q`, `empty` and `full` are exact at that moment. Whoever is killed, wherever: at most the item in its hands is lost.
---@class sandbox.Queue
---@operator len: integer
local Queue = {}

---Add an item; wait while the queue is full. An item that cannot be sent, and one for a closed queue, is an error.
---```lua
---local q = queue(1)
---print(q:put({ name = "tea" })) --> true
---print(q:put("no room", 0.01)) --> nil	timeout
---print(pcall(q.put, q, coroutine.create(print)))
-----> false	item: a coroutine cannot be sent
---```
---@param item any # not nil; false is an item like any other
---@param timeout? number # seconds
---@return true? ok # nil when the queue stayed full
---@return "timeout"? reason
function Queue:put(item, timeout) end

---Take the oldest item; wait while there is none.
---```lua
---local q = queue()
---spawn(function() q:put("hello") q:close() end)
---print(q:get()) --> hello
---print(q:get()) --> nil	closed
---```
---@param timeout? number # seconds
---@return any item # nil when none came
---@return "timeout"|"closed"|nil reason # "closed": nothing is left, and nothing will come
function Queue:get(timeout) end

---Add an item if there is room now: `put` with a timeout of 0.
---@param item any # not nil
---@return true? ok
---@return "timeout"? reason
function Queue:try_put(item) end

---Take the oldest item if there is one now: `get` with a timeout of 0.
---@return any item # nil when there is none
---@return "timeout"|"closed"|nil reason
function Queue:try_get() end

---How many items there are: the same as `#q`.
---@return integer count
function Queue:len() end

---Is there no item?
---@return boolean empty
function Queue:empty() end

---Is there no room? Never true for a queue without `max`.
---@return boolean full
function Queue:full() end

---Look at the oldest item and leave it where it is; with a number, at so many of the oldest, as a list.
---@param n? integer # 1 or more
---@return any item # nil when there is none; with `n` a list, empty when there is none
---@return "empty"|"closed"|nil reason
function Queue:peek(n) end

---End the stream: nothing can be put any more; readers take what is left, then get nil and "closed".
---@return true
function Queue:close() end

---Has it been closed? It may still hold items.
---@return boolean closed
function Queue:closed() end

---Take item after item, until the queue is closed and empty.
---```lua
---local q = queue()
---spawn(function() for i = 1, 3 do q:put(i * i) end q:close() end)
---for n in q:items() do print(n) end
-----> 1
-----> 4
-----> 9
---```
---@param timeout? number # seconds for each item; raises an error when they are over
---@return fun(): any
function Queue:items(timeout) end

---Say that an item taken with `get` has been worked off, for `q:join`. More often than items were taken is an error.
---@return true
function Queue:task_done() end

---Wait until every item that was put has been marked by `task_done`. An item in the hands of a process that was killed
---stays unmarked.
---```lua
---local q = queue()
---spawn({ daemon = true }, function() for _ in q:items() do q:task_done() end end)
---for i = 1, 10 do q:put(i) end
---print(q:join()) --> true
---```
---@param timeout? number # seconds
---@return true? ok
---@return "timeout"? reason
function Queue:join(timeout) end

---An entry for `sandbox.select`: put `item` when there is room.
---```lua
---local full, free = queue(1), queue(1)
---full:put("x")
---print(sandbox.select { full:putting("y"), free:putting("y") }) --> 2	true
---```
---@param item any # not nil
---@return sandbox.Putting entry
function Queue:putting(item) end

---Make a two-way pipe: what one end sends, the other receives.
---```lua
---local a, b = sandbox.pipe()
---spawn(function() b:send(b:recv() .. ", world") end)
---a:send("hello")
---print(a:recv()) --> hello, world
---```
---@return sandbox.Pipe a
---@return sandbox.Pipe b
function sandbox.pipe() end

---One end of a pipe. Unlike in Python nobody need close the ends he does not use: an end stays open as long as anybody who
---lives holds it, and `close` ends the pipe for all.
---@class sandbox.Pipe
local Pipe = {}

---Send a value to the other end. It never waits. Raises an error when either end is closed, and when nobody could ever
---receive the value: no living process holds the other end, and it is in no message on its way.
---@param value any # not nil
---@return true
function Pipe:send(value) end

---Take the oldest value that the other end sent; wait while there is none. It is "closed" when an end was closed and all
---is taken, and also when no other living process holds the other end: then nothing will come.
---@param timeout? number # seconds
---@return any value # nil when none came
---@return "timeout"|"closed"|nil reason
function Pipe:recv(timeout) end

---Is there something to receive?
---@param timeout? number # seconds to wait for it; 0 unless said
---@return boolean ready
---@return "closed"? reason # nothing will come
function Pipe:poll(timeout) end

---Close the pipe, for every process: each end receives what is left, then nil and "closed". `<close>` does it, too.
---@return true
function Pipe:close() end

------------------------------------------------------------------------------------------------------------------------
-- Waiting for several things
------------------------------------------------------------------------------------------------------------------------

---What `sandbox.select` can wait for: a queue or a pipe (get), a process or a task of a pool (join), a lock or a semaphore
---(acquire), an event (wait), `q:putting(v)` and `sandbox.after(s)`.
---@alias sandbox.Selectable sandbox.Queue|sandbox.Pipe|sandbox.Process|sandbox.Future|sandbox.Lock|sandbox.Semaphore|sandbox.Event|sandbox.Putting|sandbox.Timer

---What `q:putting(v)` returns.
---@class sandbox.Putting

---What `sandbox.after(s)` returns.
---@class sandbox.Timer

---The entries, and whether their order counts.
---@class sandbox.SelectList
---@field [integer] sandbox.Selectable
---@field ordered? boolean # of several that are ready take the first; unless said, each has the same chance

---Wait until one of several things can be done, and do that one alone.
---```lua
---local news, mail = queue(), queue()
---mail:put("a letter")
---print(sandbox.select { news, mail }) --> 2	a letter
---print(sandbox.select({ news, mail }, 0)) --> nil	timeout
---print(sandbox.select { news, sandbox.after(0.01) }) --> 2	true
---```
---@param list sandbox.SelectList
---@param timeout? number # seconds
---@return integer? index # of the entry that was done
---@return any ... # what it alone would return: of a queue the item, or nil and "closed"; of a process or a task true and the results, or nil and the failure; of others true; "timeout" when nothing could be done
function sandbox.select(list, timeout) end

---An entry for `sandbox.select`: ready when so much time has passed since it was made, and from then on.
---@param seconds number # from now
---@return sandbox.Timer entry
function sandbox.after(seconds) end

------------------------------------------------------------------------------------------------------------------------
-- Synchronisation: shared by all processes, and survives the death of any of them
------------------------------------------------------------------------------------------------------------------------

---Make a lock: at most one process holds it.
---```lua
---local lock, total = sandbox.lock(), sandbox.value(0)
---local function work()
---  for _ = 1, 100 do
---    local _ <close> = lock:hold()
---    total:set(total:get() + 1)
---  end
---end
---sandbox.join_all { spawn(work), spawn(work) }
---print(total:get()) --> 200
---```
---@param options? sandbox.NameOption
---@return sandbox.Lock lock
function sandbox.lock(options) end

---What a thing is called, in reports and by `tostring`.
---@class sandbox.NameOption
---@field name? string

---Make a lock that its holder may acquire again; it must release it as often.
---@param options? sandbox.NameOption
---@return sandbox.Lock lock
function sandbox.rlock(options) end

---A lock, made by `sandbox.lock` or `sandbox.rlock`.
---@class sandbox.Lock
local Lock = {}

---Get the lock; wait while another process holds it. When its holder died, the next one gets it and is told: what the lock
---protects may be half done.
---@param timeout? number # seconds
---@return true? ok # nil when it was not free in time
---@return "abandoned"|"timeout"|nil reason # true and "abandoned": its holder died
function Lock:acquire(timeout) end

---Give the lock back. Raises an error when the calling process does not hold it. A process that ends and still holds it is told
---of on stderr, with the line of its `acquire`.
---@return true
function Lock:release() end

---Acquire the lock until the end of the block: `local _ <close> = l:hold()`.
---@param timeout? number # seconds
---@return table? hold # releases the lock when it is closed; nil when it was not free in time
---@return "abandoned"|"timeout"|nil reason
function Lock:hold(timeout) end

---Make a semaphore: a number of permits that processes take and give back.
---```lua
---local s = sandbox.semaphore(2)
---print(s:acquire(), s:acquire(), s:acquire(0)) --> true	true	nil	timeout
---s:release()
---print(s:value()) --> 1
---```
---@param n integer|sandbox.SemaphoreOptions # permits at the beginning, 0 or more; or a table of options
---@param max? integer # never more than that: a release above it is an error
---@return sandbox.Semaphore semaphore
function sandbox.semaphore(n, max) end

---@class sandbox.SemaphoreOptions
---@field n integer # permits at the beginning
---@field max? integer
---@field name? string

---A semaphore.
---@class sandbox.Semaphore
local Semaphore = {}

---Take a permit; wait while there is none. Permits of a process that was killed or failed come back, as many as were there
---at the beginning.
---@param timeout? number # seconds
---@return true? ok
---@return "abandoned"|"timeout"|nil reason # true and "abandoned": it came back from a process that died
function Semaphore:acquire(timeout) end

---Take a permit until the end of the block: `local hold <close> = s:hold()`.
---@param timeout? number # seconds
---@return table? hold # gives it back when it is closed; nil when there was none in time
---@return "abandoned"|"timeout"|nil reason
function Semaphore:hold(timeout) end

---Give permits back, whoever took them.
---@param n? integer # how many, 0 or more; 1 unless said
---@return true
function Semaphore:release(n) end

---How many permits are left.
---@return integer count
function Semaphore:value() end

---Make an event: a flag to wait for. It is not set at the beginning.
---```lua
---local go = sandbox.event()
---local p = spawn(function() go:wait() return "gone" end)
---go:set()
---print(p:result()) --> gone
---```
---@param options? sandbox.NameOption
---@return sandbox.Event event
function sandbox.event(options) end

---An event.
---@class sandbox.Event
local Event = {}

---Set the flag: all who wait go on, and nobody waits until it is cleared.
---@return true
function Event:set() end

---Clear the flag.
---@return true
function Event:clear() end

---Is the flag set?
---@return boolean set
function Event:is_set() end

---Wait until the flag is set.
---@param timeout? number # seconds
---@return true? ok
---@return "timeout"? reason
function Event:wait(timeout) end

---Make a condition: wait, with a lock, until another process says that something has changed.
---```lua
---local c, full = sandbox.condition(), sandbox.value(false)
---local p = spawn(function()
---  local _ <close> = c:hold()
---  c:wait_for(function() return full:get() end)
---  return "full"
---end)
---do
---  local _ <close> = c:hold()
---  full:set(true)
---  c:notify_all()
---end
---print(p:result()) --> full
---```
---@param lock? sandbox.Lock|sandbox.ConditionOptions # shared with others; an rlock of its own unless said
---@return sandbox.Condition condition
function sandbox.condition(lock) end

---@class sandbox.ConditionOptions
---@field lock? sandbox.Lock
---@field name? string

---A condition, with the methods of its lock.
---@class sandbox.Condition
local Condition = {}

---Get the condition's lock.
---@param timeout? number # seconds
---@return true? ok # nil when it was not free in time
---@return "abandoned"|"timeout"|nil reason
function Condition:acquire(timeout) end

---Give the condition's lock back.
---@return true
function Condition:release() end

---Acquire the condition's lock until the end of the block.
---@param timeout? number # seconds
---@return table? hold
---@return "abandoned"|"timeout"|nil reason
function Condition:hold(timeout) end

---Release the lock, wait to be notified, and get the lock again. An error without the lock.
---@param timeout? number # seconds
---@return true? ok
---@return "abandoned"|"timeout"|nil reason # true and "abandoned": the lock's holder died meanwhile
function Condition:wait(timeout) end

---Wait until a function says so: it is called with the lock held, at first and after each notification.
---@param predicate function # returns something true when the wait is over
---@param timeout? number # seconds
---@return any value # what the function returned
---@return "timeout"? reason
function Condition:wait_for(predicate, timeout) end

---Wake up processes that wait. An error without the lock.
---@param n? integer # how many at most; 1 unless said
---@return true
function Condition:notify(n) end

---Wake up all processes that wait. An error without the lock.
---@return true
function Condition:notify_all() end

---Make a barrier: a place where processes wait for each other.
---```lua
---local b = sandbox.barrier(3)
---local list = {}
---for i = 1, 3 do list[i] = spawn(b.wait, b) end
---local sum = 0
---for _, p in ipairs(list) do sum = sum + p:result() end
---print(sum) --> 6
---```
---@param n integer|sandbox.BarrierOptions # how many go on together, 1 or more; or a table of options
---@return sandbox.Barrier barrier
function sandbox.barrier(n) end

---@class sandbox.BarrierOptions
---@field n integer
---@field name? string

---A barrier. Instead of letting the others wait for ever, it breaks: when one who waits gives up or dies, when one who was
---there before is killed or fails, and when nobody is left who could come.
---@class sandbox.Barrier
local Barrier = {}

---Wait until all are there.
---@param timeout? number # seconds; when they are over, the barrier breaks
---@return integer? index # from 1 to n, in the order of arrival
---@return "timeout"|"broken"|nil reason
function Barrier:wait(timeout) end

---Break the barrier: all who wait, or come until `reset`, get nil and "broken".
---@return true
function Barrier:abort() end

---Make the barrier as it was at the beginning; those who wait get nil and "broken".
---@return true
function Barrier:reset() end

---Make a value that all processes share.
---```lua
---local count = sandbox.value(0)
---local function work() for _ = 1, 100 do count:add(1) end end
---sandbox.join_all { spawn(work), spawn(work) }
---print(count:get()) --> 200
---```
---@param v any # whatever can be put into a queue, and nil
---@param options? sandbox.NameOption
---@return sandbox.Value value
function sandbox.value(v, options) end

---A shared value. Each method is one step: no other process comes between.
---@class sandbox.Value
local Value = {}

---What it is now.
---@return any value
function Value:get() end

---Change it.
---@param v any
---@return true
function Value:set(v) end

---Add to a number.
---@param n number # may be negative
---@return number value # the sum
function Value:add(n) end

---Change it by a function, which gets the value and returns the new one. Nobody else changes it meanwhile.
---```lua
---local list = sandbox.value({})
---list:update(function(t) t[#t + 1] = "x" return t end)
---print(#list:get()) --> 1
---```
---@param f function # from the value to the new value
---@return any value # the new one
function Value:update(f) end

---Set it to `new` if it is `old`. Numbers are compared as Lua does, and all else by the bytes in which it travels: two
---tables with the same entries are equal if these were added in the same order.
---```lua
---local state = sandbox.value("free")
---print(state:cas("free", "taken")) --> true
---print(state:cas("free", "taken")) --> false	taken
---```
---@param old any
---@param new any
---@return boolean done
---@return any current # what it is, when it was not `old`
function Value:cas(old, new) end

---Make a table that all processes share.
---```lua
---local ages = sandbox.dict { ann = 30 }
---spawn(function() ages.bob = 25 end):join()
---print(ages.ann, ages.bob, #ages) --> 30	25	2
---```
---@param t? table # what is in it at the beginning
---@param options? sandbox.NameOption
---@return sandbox.Dict dict
function sandbox.dict(t, options) end

---A shared table: `d[k]`, `d[k] = v`, `pairs(d)`, and `#d`, the number of its entries. What it gives is a copy: to change
---what is inside an entry, set the entry again, or `update` it. Keys are strings, numbers and booleans; the key "update" is
---taken by the method.
---@class sandbox.Dict
---@field [any] any
---@operator len: integer
local Dict = {}

---Change an entry by a function, which gets its value and returns the new one. Nobody else changes it meanwhile.
---```lua
---local count = sandbox.dict()
---for word in ("to be or not to be"):gmatch("%a+") do
---  count:update(word, function(n) return (n or 0) + 1 end)
---end
---print(count.to, count["not"]) --> 2	1
---```
---@param key any
---@param f function # from the value, nil if there is none, to the new one
---@return any value # the new one
function Dict:update(key, f) end

------------------------------------------------------------------------------------------------------------------------
-- Pools and scopes
------------------------------------------------------------------------------------------------------------------------

---How a pool works.
---@class sandbox.PoolOptions
---@field workers? integer # how many processes; sandbox.cpus() unless said
---@field init? function # called once in each worker before its first task
---@field max_tasks? integer # a worker is replaced after that many tasks
---@field retries? integer # how often a task is tried again whose worker died; 0 unless said. The pool's owner replaces the worker, the next time that it uses the pool or waits for it
---@field name? string # of the workers, in reports

---Make a pool: some processes that wait for tasks. With `local pool <close> = sandbox.pool()`, what was given to it is done
---before the block ends, and then its workers end; a block that is left by an error ends them at once. Without a block, what
---was given to it is done before the script ends. The workers are copies of the process that makes the pool, with the globals
---that it has then; a worker that replaces one that died has those of that moment. The functions given to them travel as
---items do. Only the process that made the pool can use it.
---```lua
---local pool <close> = sandbox.pool(4)
---print(table.concat(pool:map(function(x) return x * x end, { 1, 2, 3, 4 }), " ")) --> 1 4 9 16
---```
---@param workers? integer|sandbox.PoolOptions # how many processes, or a table of options
---@return sandbox.Pool pool
function sandbox.pool(workers) end

---A pool. When a worker dies, its task fails with the reason (or is tried again, if asked) and the worker is replaced.
---@class sandbox.Pool
local Pool = {}

---Call a function for each item of a list. Raises the first failure, with the index of its item.
---```lua
---local pool <close> = sandbox.pool(2)
---local function check(x) if x == 3 then error("not three", 0) end end
---local ok, failure = pcall(pool.map, pool, check, { 1, 2, 3, 4 })
---print(ok, failure.index, failure.value) --> false	3	not three
---```
---@param f function
---@param list any[]|function # a list, or an iterator
---@param chunk? integer # so many items travel at a time; by the time they take unless said
---@param timeout? number # seconds, for all of them
---@return any[]? results # in the order of the list; nil when the timeout is over: what is not begun is not done any more
---@return "timeout"? reason
function Pool:map(f, list, chunk, timeout) end

---Like `map`, but each item is a list of arguments.
---```lua
---local pool <close> = sandbox.pool(2)
---print(table.concat(pool:starmap(math.max, { { 1, 5 }, { 7, 2 } }), " ")) --> 5 7
---```
---@param f function
---@param list any[][]
---@param chunk? integer # so many items travel at a time
---@param timeout? number # seconds, for all of them
---@return any[]? results # in the order of the list; or nil and "timeout"
---@return "timeout"? reason
function Pool:starmap(f, list, chunk, timeout) end

---Call a function for each item, and go through the results while others are computed; a bounded number of items is taken
---ahead, so that the items may be without end. An iterator may also wait, for an item of a queue, say: meanwhile results are
---given as they come. What goes wrong (a failed item, one that cannot be sent, an error of the
---iterator) ends the loop with an error, after the results before it.
---```lua
---local pool <close> = sandbox.pool(2)
---for i, v in pool:imap(string.upper, { "a", "b" }) do print(i, v) end
-----> 1	A
-----> 2	B
---```
---@param f function
---@param items any[]|function # a list, or an iterator
---@param chunk? integer # so many items travel at a time
---@param timeout? number # seconds for each step; when they are over it raises an error, and the loop can be gone on with
---@return fun(): integer, any # the index of the item and its result, in order
function Pool:imap(f, items, chunk, timeout) end

---Like `imap`, but results come as they are ready, and an error as soon as it is known.
---@param f function
---@param items any[]|function # a list, or an iterator
---@param chunk? integer # so many items travel at a time
---@param timeout? number # seconds for each step; when they are over it raises an error, and the loop can be gone on with
---@return fun(): integer, any # the index of the item and its result
function Pool:imap_unordered(f, items, chunk, timeout) end

---Give the pool one task: call `f(...)`, with the values as they are now.
---```lua
---local pool <close> = sandbox.pool(2)
---local f = pool:submit(math.max, 3, 9)
---print(f:result(), f:done()) --> 9	true
---```
---@param f function
---@param ... any # its arguments
---@return sandbox.Future future
function Pool:submit(f, ...) end

---No more tasks will come; the workers end when all are done.
---@return true
function Pool:close() end

---Wait until the workers of a closed pool have ended. An error when it was not closed.
---@param timeout? number # seconds
---@return true? ok
---@return "timeout"? reason
function Pool:join(timeout) end

---End the workers at once, and what their tasks have spawned; tasks that are not done fail.
---@return true
function Pool:terminate() end

---A task of a pool that is under way.
---@class sandbox.Future
local Future = {}

---Wait until the task is done, and say how: as `join` of a process.
---@param timeout? number # seconds
---@return true? ok
---@return any ... # the results; or the failure; or "timeout"
function Future:join(timeout) end

---Like `join`, but returns only the results, and raises the failure.
---@param timeout? number # seconds
---@return any ... # what the function returned; or nil and "timeout"
function Future:result(timeout) end

---Is the task over?
---@return boolean done
function Future:done() end

---Take back a task that has not begun; its `join` then gives a failure with the message "cancelled".
---@return boolean cancelled
function Future:cancel() end

---How a scope ends.
---@class sandbox.ScopeOptions
---@field on_error? "stop"|"wait" # what the first failure does to the others: "stop" unless said

---Make a scope: no process that is spawned in it outlives the block, and when it is stopped, neither does what it has spawned.
---The first failure stops the others, and is raised at the end of the block. When the block itself is left by an error, its
---processes are stopped, and that error goes on.
---```lua
---do
---  local g <close> = sandbox.scope()
---  for i = 1, 3 do g:spawn(sleep, i / 100) end
---end
---print(#sandbox.children()) --> 0
---```
---@param options? sandbox.ScopeOptions
---@return sandbox.Scope scope
function sandbox.scope(options) end

---A scope.
---@class sandbox.Scope
local Scope = {}

---Start a process that ends with the scope, at the latest. When another one has failed meanwhile, that failure is raised
---instead.
---@param f function
---@param ... any # its arguments
---@return sandbox.Process process
---@overload fun(self: sandbox.Scope, options: sandbox.SpawnOptions, f: function, ...: any): sandbox.Process
function Scope:spawn(f, ...) end

------------------------------------------------------------------------------------------------------------------------
-- Time
------------------------------------------------------------------------------------------------------------------------

---Do nothing for a while. `--speed 10` makes it a tenth.
---@param seconds number # 0 or more
function sandbox.sleep(seconds) end

---Seconds since the run began, the same in all of its processes. The clock only goes forward; `--speed` makes it go faster.
---In a program that opens the library the run begins with that.
---```lua
---local start = sandbox.now()
---sleep(0.1)
---print(sandbox.now() - start >= 0.1) --> true
---```
---@return number seconds
function sandbox.now() end

---The time of day: seconds since 1970, as os.time, but with fractions; also after the clock was set, or the machine slept.
---With `--speed` it goes ahead.
---@return number seconds
function sandbox.time() end

------------------------------------------------------------------------------------------------------------------------
-- Globals
------------------------------------------------------------------------------------------------------------------------

spawn = sandbox.spawn
join = sandbox.join
queue = sandbox.queue
queue_put = sandbox.queue_put
queue_get = sandbox.queue_get
sleep = sandbox.sleep

return sandbox
