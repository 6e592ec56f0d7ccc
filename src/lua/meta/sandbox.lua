---@meta sandbox
--
-- The documentation of the library: every function, method and field, once. The Lua language server, help() at the prompt,
-- `sandbox --help TOPIC` and the reference are generated from this file. Nothing here runs.
--
-- The format, which programs parse:
--   * lines of `---` right above a declaration describe it: a sentence, more text, an example, then the tags;
--   * an example is a block between ```lua and ```; a test runs it and compares its output with the text after `-->`;
--   * `---@param name type # text`, with a `?` after the name of an optional one; `---@return type name # text`;
--   * `function sandbox.f(...)` is a function of the library, `function Queue:m(...)` a method of a handle whose class is
--     `sandbox.Queue`, `f = sandbox.f` at the end of the file a global;
--   * in a list of returns the usual case comes first; `nil` and a reason are returned where a careful program expects
--     them. Misuse raises an error at the caller's line.
-- All times are in seconds of the run's clock. A timeout that is nil or omitted means to wait without end, 0 means not to
-- wait, and a negative one is an error. A `sandbox.deadline` may stand wherever a timeout may.

---Processes that share nothing, and the means by which they communicate: `spawn`, queues, locks, pools. `require "sandbox"`
---returns this table, too. Handles (of processes, queues, locks ...) can be sent to other processes: a child inherits them, and
---they may be in an item of a queue or in a result. Two handles of the same object are equal in every process.
---@class sandbox
---@field null lightuserdata # stands for "nothing" as an item of a queue, since nil cannot be put
---@field version string # of the program or library, such as "0.1.0"
---@field failure table # the metatable of every failure (sandbox.Failure)
---@field strict false|sandbox.Strict # false; under `--strict` what the run may do
sandbox = {}

------------------------------------------------------------------------------------------------------------------------
-- Processes
------------------------------------------------------------------------------------------------------------------------

---Options of a process.
---@class sandbox.SpawnOptions
---@field name? string # in reports and messages, cut to 47 bytes; default: the caller's name for the function
---@field daemon? boolean # not waited for at the end, but ended with the process that spawned it; it may have children itself
---@field cpu? integer # pin to this processor, of those that this process may use, from 0
---@field quiet? boolean # do not report its failure on stderr
---@field stdin? boolean # hand stdin over to it, with what is buffered; its parent, like all others, then reads end of file
---@field on? string|sandbox.Host # run it on this host: a name, `"any"` (the one with the most room; this one, if there is no other), `"here"`

---A host of a run over several hosts, as `sandbox.hosts` lists it.
---@class sandbox.Host
---@field name string # what `on` accepts
---@field slots integer # as many processes are meant to run there at once
---@field cpus integer # processors
---@field processes integer # that run there now, of all runs
---@field alive boolean # its agent has given a sign of life lately
---@field here boolean # it is the host of the calling process

---Options of `sandbox.process`, which makes a process in the style of Python. The options of `spawn` (name, daemon, cpu,
---quiet, stdin) are accepted, too.
---@class sandbox.ProcessOptions: sandbox.SpawnOptions
---@field target function # the function to run
---@field args? any[] # its arguments; set `n` in it if there are nils

---Start a process that calls `f(...)`, and return at once. The process begins with a copy of everything its parent has (so
---`f` may use any variable) and shares nothing with it: neither sees what the other changes. `join` and `result` return what
---`f` returns. A table of options may come before the function.
---
---With `on` it runs on another host of the run (`sandbox --hosts A,B`): it gets `f` with its upvalues, the arguments, and the
---globals that `f` and the functions that it calls name, all by value; modules are loaded there when they are needed.
---
---Raises an error when the system cannot make another process, or `--max-procs` is reached; and when something that is to go to
---another host cannot be sent.
---```lua
---local function square(x) return x * x end
---local a = spawn(square, 7)
---local b = spawn({ name = "worker", cpu = 0 }, square, 8)
---print(a:result(), b:result(), b.name) --> 49	64	worker
---```
---@param f function # the function to run
---@param ... any # its arguments
---@return sandbox.Process process
---@overload fun(options: sandbox.SpawnOptions, f: function, ...: any): sandbox.Process
function sandbox.spawn(f, ...) end

---Make a process without starting it: call its `start`. Until then its status is "new".
---```lua
---local p = sandbox.process { target = math.max, args = { 3, 9 }, name = "largest" }
---print(p:status()) --> new
---p:start()
---print(p:join()) --> true	9
---```
---@param options sandbox.ProcessOptions
---@return sandbox.Process process
function sandbox.process(options) end

---Wait until a process has ended; the same as `p:join(timeout)`.
---@param process sandbox.Process
---@param timeout? number # seconds
---@return true? ok # true, and the results of its function; nil when it failed or did not end in time
---@return any ... # the results; or the failure (sandbox.Failure); or "timeout"
function sandbox.join(process, timeout) end

---Wait until all processes of a list have ended; it may also contain tasks of pools.
---```lua
---local list = {}
---for i = 1, 4 do list[i] = spawn(sleep, i / 100) end
---print(sandbox.join_all(list)) --> true
---```
---@param processes (sandbox.Process|sandbox.Future)[] # all of them must have been started
---@param timeout? number # seconds, for all of them
---@return true? ok # nil as soon as one failed, or after the timeout
---@return sandbox.Failure|"timeout"|nil failure # of the first to fail
---@return sandbox.Process|sandbox.Future|nil process # the one that failed
function sandbox.join_all(processes, timeout) end

---Iterate over the processes of a list in the order in which they end; it may also contain tasks of pools.
---```lua
---local function work(seconds) sleep(seconds) return seconds end
---local list = { spawn(work, 2), spawn(work, 0) }
---for p, ok, seconds in sandbox.as_completed(list) do print(ok, seconds) end
-----> true	0
-----> true	2
---```
---@param processes (sandbox.Process|sandbox.Future)[]
---@param timeout? number # seconds, for all of them together; afterwards an error is raised
---@return fun(): sandbox.Process|sandbox.Future, boolean?, any ... # the process, then what its `join` returns
function sandbox.as_completed(processes, timeout) end

---The calling process.
---@return sandbox.Process process
function sandbox.self() end

---The process that spawned the calling process.
---@return sandbox.Process? process # nil in the main process
function sandbox.parent() end

---The processes that the calling process has spawned and that still run.
---@return sandbox.Process[] processes
function sandbox.children() end

---The process id (pid) of the calling process.
---@return integer pid
function sandbox.getpid() end

---The oldest living process of this name (see the option `name` of `spawn`), waiting until there is one.
---@param name string
---@param timeout? number # seconds
---@return sandbox.Process? process
---@return "timeout"? reason
function sandbox.find(name, timeout) end

---Take the next message that other processes have sent to this one by `p:send(v)`. With a predicate: the first that fits; the
---others stay, in their order, for later calls. The predicate is called with the message and its sender, and cannot receive.
---Messages of one sender arrive in the order in which it sent them. A child has a mailbox of its own.
---```lua
---local p = spawn(function()
---  local v, from = sandbox.receive()
---  from:send(2 * v)
---end)
---p:send(21)
---print((sandbox.receive(function(v) return type(v) == "number" end))) --> 42
---```
---@param predicate? (fun(message: any, from: sandbox.Process): boolean)|number # or the timeout
---@param timeout? number # seconds
---@return any message
---@return sandbox.Process|"timeout" from # the sender, which `from:send(v)` answers; or with nil the reason
function sandbox.receive(predicate, timeout) end

---The hosts of the run: those with an agent, and last this one.
---```lua
---for _, host in ipairs(sandbox.hosts()) do
---  if host.here then print(host.alive, host.cpus == sandbox.cpus()) end
---end --> true	true
---```
---@return sandbox.Host[] hosts
function sandbox.hosts() end

---The number of processors that this process may use; fewer if its control group (a container) is granted less of their time.
---@return integer count
function sandbox.cpus() end

---A process. Two handles of the same process are equal, in every process.
---@class sandbox.Process
---@field id integer # its number in the run; the main process is 1
---@field pid integer # its process id in the system
---@field name string # as given to `spawn`, else the spawner's name for the function
---@field daemon boolean # not waited for at the end
---@field host? string # the name of the host on which it runs; nil in a run that has no other hosts
---@field exitcode? integer # nil while it lives, and when a signal ended it
---@field signal? integer # the signal that ended it
local Process = {}

---The failure of a process, as `join` returns it; `tostring` describes it in one line. Reading its text or a field counts as
---looking at it. A failure that nobody looks at is reported on stderr one second after the death, or when the run ends.
---@class sandbox.Failure
---@field message string # the error message, with its line
---@field value any # the value that was raised, of any type
---@field hint? string # what was probably meant, of errors that beginners make: "did you mean 'get'?"
---@field traceback? string # of the process that failed
---@field name string # of the process
---@field id integer # of the process
---@field pid integer # of the process
---@field exitcode? integer # nil when a signal ended it
---@field signal? integer # the signal that ended it
---@field host? string # of a process on another host: its name
---@field lost? boolean # true: the host is gone, and what became of the process is not known
---@field index? integer|string # of the item for which a pool's map failed; "5 to 8" if it is one of these
---@field others? sandbox.Failure[] # of a scope with on_error = "wait": the failures after the first
local Failure = {}

---What a run under `--strict` may do, and its limits, as `sandbox.strict` tells them; it cannot be changed. A limit that there
---is not is nil.
---@class sandbox.Strict
---@field read string[] # what `--allow-read` names; what may be written may be read, too
---@field write string[] # what `--allow-write` names
---@field env string[] # what `--allow-env` names
---@field run boolean # whether programs may be started
---@field memory? integer # bytes, of all processes together
---@field cpu? number # seconds, of all processes together
---@field time? number # seconds since the run began
---@field procs? integer # processes alive at once
---@field output? integer # bytes on stdout and stderr
---@field layers string[] # what holds: "language", "landlock", "seccomp", "namespaces"
local Strict = {}

---Send it a message, a value as an item of a queue may be; `sandbox.receive` takes it there. It never waits.
---
---That a process has ended is no error of the sender, since it may end at any moment, also just after the message has come: a
---server that answers by `from:send(v)` goes on when a client was killed.
---@param v any # not nil
---@return true? ok
---@return "gone"? reason # the process has ended
function Process:send(v) end

---Start a process made by `sandbox.process`. A second start is an error.
---@return sandbox.Process self
function Process:start() end

---Wait until the process has ended, and return how. May be called repeatedly, by any process that has the handle.
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

---Is the process alive? Also true for a stopped one.
---@return boolean alive
function Process:alive() end

---The state of the process, or how it ended: "failed" by an error or an exit status other than 0, "killed" by a signal.
---@return "new"|"running"|"stopped"|"done"|"failed"|"killed" status
function Process:status() end

---Ask the process to end (SIGTERM). Does nothing if it has ended.
---@return true
function Process:terminate() end

---End the process at once (SIGKILL), whatever it is doing. No other process hangs, and at most the item in its hands is lost.
---```lua
---local p = spawn(sleep, 1000)
---p:kill()
---print(p:join()) --> nil	killed by signal 9 (Killed) (process sleep#2, pid N)
---```
---@return true
function Process:kill() end

---Stop the process (SIGSTOP) until `resume`. When `pause` returns, it no longer runs, on whatever host it is.
---@return true
function Process:pause() end

---Let the process continue after `pause` (SIGCONT).
---@return true
function Process:resume() end

---Interrupt the process as Ctrl-C does: whatever it is doing or waiting for ends with the error "interrupted!". No `pcall`
---stops that error from ending the process. Its `<close>` variables are closed.
---```lua
---local p = spawn({ quiet = true }, function() while true do end end)
---p:interrupt()
---print(select(2, p:join()).exitcode) --> 130
---```
---@return true
function Process:interrupt() end

---End the process and wait until it has ended: first by an interrupt; if it still runs after the grace period, by SIGTERM and
---then SIGKILL.
---@param grace? number # seconds; default 5
---@return true
function Process:stop(grace) end

------------------------------------------------------------------------------------------------------------------------
-- Queues
------------------------------------------------------------------------------------------------------------------------

---Options of a queue.
---@class sandbox.QueueOptions
---@field max? integer # its capacity in items, 0 or more; default: unbounded. 0: a put waits for its get
---@field name? string # in reports
---@field redeliver? boolean # an item comes back if the process that took it dies
---@field here? boolean # with `--engine`: in shared memory, on this host alone
---@field transport? "auto"|"pipe"|"shm" # how items are carried; "auto" (the default) uses the pipe when a reader sleeps, else shared memory

---Make a queue. Items that one process puts, another gets, in the same order. An item is any value except nil, coroutines and
---foreign userdata: also tables with cycles, functions with their upvalues, other queues. It arrives as a copy.
---```lua
---local q = queue(2)
---print(q:put("a"), q:put("b"), q:put("c", 0)) --> true	true	nil	timeout
---print(q:get(), #q) --> a	1
---```
---
---A queue without room, `queue(0)`, makes both sides meet: `put` returns when a reader has the item. A put whose time is up
---takes its item back: an item is either taken or withdrawn, and a withdrawn one is never delivered. If a process is killed
---while it waits in `put`, its item goes to the next reader.
---```lua
---local q = queue(0)
---local p = spawn(function() return q:put("hello") end)
---print(q:get(), #q) --> hello	0
---print(p:join()) --> true	true
---print(q:put("nobody is there", 0.01)) --> nil	timeout
---```
---
---With `redeliver = true` an item that a process took stays with the queue until the process gives it up: by its next `get`,
---`get_all` or step of `items` there (or `select` with it), by `task_done`, or by its good end. If the process is killed, ends with an
---error, or is lost with its host, the item is the oldest again. So work may be done twice, once for each death, and is never lost.
---It comes back only when the process is known to be dead, however long it takes. What is in hand takes no place of `max`, and does
---not count in `#q`; a closed queue is not at its end before all is given up. 1024 items can be in hands at once. In shared memory
---the queue keeps all that came after the oldest item in hand: if a process holds one while so much passes through that it would
---take a quarter of the machine's memory, `put` raises an error, until that item is given up. In an engine nothing else is kept.
---```lua
---local q = queue { redeliver = true }
---q:put("a letter")
---local p = spawn({ quiet = true }, function() q:get() sandbox.self():kill() end)
---p:join()
---print(q:get(), #q) --> a letter	0
---```
---@param max? integer|sandbox.QueueOptions # its capacity in items, or a table of options
---@return sandbox.Queue queue
function sandbox.queue(max) end

---Add an item to a queue; the same as `q:put(item, timeout)`.
---@param queue sandbox.Queue
---@param item any # not nil
---@param timeout? number # seconds
---@return true? ok # nil when the queue stayed full
---@return "timeout"? reason
function sandbox.queue_put(queue, item, timeout) end

---Take the oldest item of a queue; the same as `q:get(timeout)`.
---@param queue sandbox.Queue
---@param timeout? number # seconds
---@return any item # nil if none came
---@return "timeout"|"closed"|nil reason
function sandbox.queue_get(queue, timeout) end

---A queue: first in, first out, for any number of processes. Once `put` has returned, the item is in the queue for every
---process, so `#q`, `empty` and `full` are exact at that moment. A process that is killed, at whatever moment, loses at most
---the item in its hands.
---@class sandbox.Queue
---@operator len: integer
local Queue = {}

---Add an item; wait while the queue is full. It is an error if the item cannot be sent or the queue is closed. nil is no item:
---`sandbox.null` stands for "nothing"; a reader compares what it got with it.
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
---@return any item # nil if none came
---@return "timeout"|"closed"|nil reason # "closed": the queue is closed and empty
function Queue:get(timeout) end

---Add an item if there is room now; `put` with a timeout of 0. Of a queue without room: if a reader waits in `get`, or in a
---`select`, and takes it.
---@param item any # not nil
---@return true? ok
---@return "timeout"? reason
function Queue:try_put(item) end

---Take the oldest item if there is one now; `get` with a timeout of 0.
---@return any item # nil when there is none
---@return "timeout"|"closed"|nil reason
function Queue:try_get() end

---The number of items; the same as `#q`.
---@return integer count
function Queue:len() end

---Is the queue empty? Always true for a queue without room: what is on offer is still its putter's.
---@return boolean empty
function Queue:empty() end

---Is the queue full? Never true for a queue without `max`, always for one without room.
---@return boolean full
function Queue:full() end

---Return the oldest item without taking it; with a number, a list of that many of the oldest items.
---@param n? integer # 1 or more
---@return any item # nil when there is none; with `n` a list, empty when there is none
---@return "empty"|"closed"|nil reason
function Queue:peek(n) end

---Close the queue: nothing can be put any more; readers take what is left, then get nil and "closed".
---@return true
function Queue:close() end

---Has the queue been closed? It may still contain items.
---@return boolean closed
function Queue:closed() end

---Iterate over the items, taking each, until the queue is closed and empty.
---```lua
---local q = queue()
---spawn(function() for i = 1, 3 do q:put(i * i) end q:close() end)
---for n in q:items() do print(n) end
-----> 1
-----> 4
-----> 9
---```
---@param timeout? number # seconds for each item; afterwards an error is raised
---@return fun(): any
function Queue:items(timeout) end

---Mark an item taken with `get` as done, for `q:join`. It is an error to do so more often than items were taken. With
---`redeliver` it gives up the oldest item that the calling process has in hand.
---@return true
function Queue:task_done() end

---Wait until every item that was put has been marked by `task_done`. An item in the hands of a process that was killed is
---never marked. With `redeliver`: until every item has been given up.
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

---An entry for `sandbox.select` that puts `item` when there is room; into a queue without room, when a reader waits and takes it.
---```lua
---local full, free = queue(1), queue(1)
---full:put("x")
---print(sandbox.select { full:putting("y"), free:putting("y") }) --> 2	true
---```
---@param item any # not nil
---@return sandbox.Putting entry
function Queue:putting(item) end

---Ask a server that takes calls from this queue by `q:calls()`, and wait for its answer. An error of the server is raised here,
---and so is its end: a server that takes the call and ends, or is killed, has the caller told so.
---```lua
---local q = queue()
---local server = spawn(function()
---  for request, reply in q:calls() do reply(request * 2, "done") end
---end)
---print(q:call(21)) --> 42	done
---q:close()
---```
---@param request any # not nil
---@param timeout? number # seconds, for the whole call
---@return any ... # the answer; nil and "timeout" if there was none in time
function Queue:call(request, timeout) end

---Iterate over the calls of a queue. Each comes with a function that answers it, at once or later: it returns true, or nil and
---"gone" if the caller is gone or no longer waits. An error that leaves the loop is raised at the caller of the call in hand, too.
---@param timeout? number # seconds for each step; then an error is raised
---@return fun(): any, sandbox.Reply next
function Queue:calls(timeout) end

---Put the items of a list, one after the other, waiting for room. An item that cannot be sent is an error, which says how far
---it came: those before it are in the queue.
---```lua
---local q = queue(2)
---print(q:put_all({ "a", "b", "c" }, 0)) --> 2	timeout
---print(table.concat(q:get_all(10), " ")) --> a b
---```
---@param list any[] # items, none of them nil
---@param timeout? number # seconds, for all of them
---@return integer count # how many were put
---@return "timeout"? reason # if not all of them
function Queue:put_all(list, timeout) end

---Wait for an item, and take it, and those behind it that are there already: with an engine by one round trip for 256 of
---them.
---@param n integer # at most so many, 1 or more
---@param timeout? number # seconds until the first
---@return any[]? items # 1 to n items
---@return "timeout"|"closed"|nil reason
function Queue:get_all(n, timeout) end

---Answers a call: `reply(answer...)`.
---@class sandbox.Reply
---@overload fun(...: any): true?, "gone"?
local Reply = {}

---Raise an error at the caller.
---@param what any # the error
---@return true? ok
---@return "gone"? reason # the caller is gone, or no longer waits
function Reply:fail(what) end

---Make a topic: each subscriber gets each message that is published while it is subscribed, once, in the same order; also if a
---publisher is killed in the middle.
---```lua
---local t = sandbox.topic()
---local s <close> = t:subscribe()
---t:publish("news")
---print(s:get()) --> news
---```
---@param options? { name: string } # by which reports call it
---@return sandbox.Topic topic
function sandbox.topic(options) end

---Brings each message to each subscriber.
---@class sandbox.Topic
local Topic = {}

---Publish a message. It waits only for subscribers with a limit that have no room.
---@param v any # not nil
---@param timeout? number # seconds
---@return true? ok
---@return "timeout"? reason
function Topic:publish(v, timeout) end

---Subscribe: from now on this process gets the messages. With `local s <close> = t:subscribe()` until the end of the block.
---@param max? integer # publishers wait while so many messages are not yet taken; default: no limit
---@return sandbox.Subscription subscription
function Topic:subscribe(max) end

---What a process gets of a topic. It belongs to the process that made it.
---@class sandbox.Subscription
local Subscription = {}

---Take the next message.
---@param timeout? number # seconds
---@return any message
---@return "timeout"|"closed"|nil reason # with nil
function Subscription:get(timeout) end

---Iterate over the messages.
---@param timeout? number # seconds for each step; then an error is raised
---@return fun(): any next
function Subscription:items(timeout) end

---End the subscription.
---@return true
function Subscription:close() end

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

---One end of a pipe. Unlike in Python, a process need not close the ends that it does not use: an end stays open as long as a
---living process holds it, and `close` closes the pipe for all processes.
---@class sandbox.Pipe
local Pipe = {}

---Send a value to the other end, without waiting. Raises an error if either end is closed, or if nobody could ever receive
---the value: no living process holds the other end, and no message on its way contains it.
---@param value any # not nil
---@return true
function Pipe:send(value) end

---Take the oldest value that the other end sent; wait while there is none. The result is nil and "closed" when all values are
---taken and either an end was closed or no other living process holds the other end.
---@param timeout? number # seconds
---@return any value # nil if none came
---@return "timeout"|"closed"|nil reason
function Pipe:recv(timeout) end

---Is there a value to receive?
---@param timeout? number # seconds to wait for one; default 0
---@return boolean ready
---@return "closed"? reason # no value will come
function Pipe:poll(timeout) end

---Close the pipe for every process: each end receives what is left, then nil and "closed". `<close>` does the same.
---@return true
function Pipe:close() end

------------------------------------------------------------------------------------------------------------------------
-- Waiting for several things
------------------------------------------------------------------------------------------------------------------------

---What `sandbox.select` can wait for: a queue or a pipe (get), a process or a task of a pool (join), a lock or a semaphore
---(acquire), an event or a latch (wait), `q:putting(v)`, `sandbox.after(s)` and `sandbox.every(s)`.
---@alias sandbox.Selectable sandbox.Queue|sandbox.Pipe|sandbox.Process|sandbox.Future|sandbox.Lock|sandbox.Semaphore|sandbox.Event|sandbox.Latch|sandbox.Putting|sandbox.Timer

---An entry of `sandbox.select`, made by `q:putting(v)`.
---@class sandbox.Putting

---An entry of `sandbox.select`, made by `sandbox.after(s)` or `sandbox.every(s)`.
---@class sandbox.Timer

---The entries of a select: a list, or a table in which each entry has a name; and, of a list, whether its order matters.
---@class sandbox.SelectList
---@field [integer|string] sandbox.Selectable
---@field ordered? boolean # if several are ready, take the first; by default each has the same chance

---Wait until one of several operations can be done, and do only that one.
---```lua
---local news, mail = queue(), queue()
---mail:put("a letter")
---print(sandbox.select { news, mail }) --> 2	a letter
---print(sandbox.select({ news, mail }, 0)) --> nil	timeout
---print(sandbox.select { news, sandbox.after(0.01) }) --> 2	true
---mail:put("another")
---print(sandbox.select { news = news, mail = mail }) --> mail	another
---```
---@param list sandbox.SelectList
---@param timeout? number # seconds
---@return integer|string? index # of the entry that was done, or its name
---@return any ... # what that operation alone would return: for a queue the item, or nil and "closed"; for a process or a task true and the results, or nil and the failure; for others true; "timeout" if none could be done
function sandbox.select(list, timeout) end

---An entry for `sandbox.select` that is ready from the moment when so much time has passed since it was made.
---@param seconds number # from now
---@return sandbox.Timer entry
function sandbox.after(seconds) end

---An entry for `sandbox.select` that is ready each time that so many seconds have passed. The ticks are at multiples of that time
---from the call on, so they do not drift, however long the work in between takes. Ticks that nobody took are not piled up: the
---next select has one for them all, with their number as its result.
---```lua
---local jobs, tick = queue(), sandbox.every(0.01)
---for i = 1, 2 do print((sandbox.select { jobs = jobs, tick = tick })) end
-----> tick
-----> tick
---```
---@param seconds number # above 0
---@return sandbox.Timer entry
function sandbox.every(seconds) end

------------------------------------------------------------------------------------------------------------------------
-- Synchronisation: shared by all processes, and survives the death of any of them
------------------------------------------------------------------------------------------------------------------------

---Make a lock: at most one process at a time holds it.
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

---The name of an object, in reports and in `tostring`.
---@class sandbox.NameOption
---@field name? string

---Make a lock that its holder may acquire again; the holder must release it as often.
---@param options? sandbox.NameOption
---@return sandbox.Lock lock
function sandbox.rlock(options) end

---A lock, made by `sandbox.lock` or `sandbox.rlock`.
---@class sandbox.Lock
local Lock = {}

---Acquire the lock; wait while another process holds it. If the holder died, the next process acquires the lock and is told
---so, since what the lock protects may be half changed.
---@param timeout? number # seconds
---@return true? ok # nil if it was not free in time
---@return "abandoned"|"timeout"|nil reason # true and "abandoned": its holder died
function Lock:acquire(timeout) end

---Release the lock. Raises an error if the calling process does not hold it. If a process ends while it holds the lock, a
---message on stderr says so, with the line of its `acquire`.
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
---@param n integer|sandbox.SemaphoreOptions # initial permits, 0 or more; or a table of options
---@param max? integer # most permits; a release above it is an error
---@return sandbox.Semaphore semaphore
function sandbox.semaphore(n, max) end

---@class sandbox.SemaphoreOptions
---@field n integer # initial permits
---@field max? integer
---@field name? string

---A semaphore.
---@class sandbox.Semaphore
local Semaphore = {}

---Take a permit; wait while there is none. Permits of a process that was killed or failed come back, but never beyond the
---initial number.
---@param timeout? number # seconds
---@return true? ok
---@return "abandoned"|"timeout"|nil reason # true and "abandoned": it came back from a process that died
function Semaphore:acquire(timeout) end

---Take a permit until the end of the block: `local hold <close> = s:hold()`.
---@param timeout? number # seconds
---@return table? hold # gives the permit back when it is closed; nil if there was none in time
---@return "abandoned"|"timeout"|nil reason
function Semaphore:hold(timeout) end

---Give permits back. The caller need not have taken them.
---@param n? integer # how many, 0 or more; default 1
---@return true
function Semaphore:release(n) end

---The number of permits left.
---@return integer count
function Semaphore:value() end

---Make an event: a flag to wait for, initially not set.
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

---Set the flag: all waiting processes go on, and no process waits until it is cleared.
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

---Make a condition: a process waits, with a lock, until another process notifies it of a change.
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
---@param lock? sandbox.Lock|sandbox.ConditionOptions # may be shared with other conditions; default: an rlock of its own
---@return sandbox.Condition condition
function sandbox.condition(lock) end

---@class sandbox.ConditionOptions
---@field lock? sandbox.Lock
---@field name? string

---A condition, with the methods of its lock.
---@class sandbox.Condition
local Condition = {}

---Acquire the condition's lock.
---@param timeout? number # seconds
---@return true? ok # nil if it was not free in time
---@return "abandoned"|"timeout"|nil reason
function Condition:acquire(timeout) end

---Release the condition's lock.
---@return true
function Condition:release() end

---Acquire the condition's lock until the end of the block.
---@param timeout? number # seconds
---@return table? hold
---@return "abandoned"|"timeout"|nil reason
function Condition:hold(timeout) end

---Release the lock, wait for a notification, and acquire the lock again. It is an error not to hold the lock.
---@param timeout? number # seconds
---@return true? ok
---@return "abandoned"|"timeout"|nil reason # true and "abandoned": the lock's holder died meanwhile
function Condition:wait(timeout) end

---Wait until a function returns true. It is called with the lock held, once at first and after each notification.
---@param predicate function # returns a true value to end the wait
---@param timeout? number # seconds
---@return any value # what the function returned
---@return "timeout"? reason
function Condition:wait_for(predicate, timeout) end

---Wake up waiting processes. It is an error not to hold the lock.
---@param n? integer # how many at most; default 1
---@return true
function Condition:notify(n) end

---Wake up all waiting processes. It is an error not to hold the lock.
---@return true
function Condition:notify_all() end

---Make a barrier: n processes wait there for each other, then all go on.
---```lua
---local b = sandbox.barrier(3)
---local list = {}
---for i = 1, 3 do list[i] = spawn(b.wait, b) end
---local sum = 0
---for _, p in ipairs(list) do sum = sum + p:result() end
---print(sum) --> 6
---```
---@param n integer|sandbox.BarrierOptions # the number of processes, 1 or more; or a table of options
---@param action? function # the last to arrive runs it, before the others go on; an error in it, or its death, breaks the barrier
---@return sandbox.Barrier barrier
function sandbox.barrier(n, action) end

---@class sandbox.BarrierOptions
---@field n integer
---@field action? function
---@field name? string

---A barrier. It breaks instead of letting processes wait without end: when a waiting process times out or dies, when a process
---that took part before is killed or fails, and when no process is left that could still arrive.
---@class sandbox.Barrier
local Barrier = {}

---Wait until all have arrived.
---@param timeout? number # seconds; afterwards the barrier breaks
---@return integer? index # from 1 to n, in the order of arrival
---@return "timeout"|"broken"|nil reason
function Barrier:wait(timeout) end

---Break the barrier: all processes that wait, or arrive before a `reset`, get nil and "broken".
---@return true
function Barrier:abort() end

---Reset the barrier to its initial state; waiting processes get nil and "broken".
---@return true
function Barrier:reset() end

---Make a lock for readers and writers: many processes may read at a time, or one may write.
---```lua
---local w, x = sandbox.rwlock(), sandbox.value { 1, 1 }
---local p = spawn(function()
---  local _ <close> = w:write()
---  x:set { 2, 1 }
---  x:set { 2, 2 }
---end)
---do
---  local _ <close> = w:read()
---  local v = x:get()
---  print(v[1] == v[2]) --> true
---end
---p:join()
---```
---@param options? sandbox.NameOption
---@return sandbox.RWLock rwlock
function sandbox.rwlock(options) end

---A lock for readers and writers. All are let in in the order in which they came, so that neither writers nor readers starve. A
---process that reads may read again; to write while it reads, or the other way round, is an error. At most 45 processes read at
---the same time; others wait.
---
---If a writer ends or is killed while it holds the lock, the lock is abandoned: each reader that gets it is told so, until the
---next writer, which is told as well, has had it. A reader that dies changes nothing.
---@class sandbox.RWLock
local RWLock = {}

---Read, until the end of the block: no process writes meanwhile.
---@param timeout? number # seconds
---@return table? hold # nil if it was not possible in time
---@return "abandoned"|"timeout"|nil reason
function RWLock:read(timeout) end

---Write, until the end of the block: no other process reads or writes meanwhile.
---@param timeout? number # seconds
---@return table? hold # nil if it was not possible in time
---@return "abandoned"|"timeout"|nil reason
function RWLock:write(timeout) end

---Make an array: numbers in shared memory, which all processes read and set like the elements of a table.
---```lua
---local a = sandbox.array(3)
---spawn(function()
---  a[1] = 7
---  a:add(2, 5)
---end):join()
---print(#a, table.concat(a:copy(), " ")) --> 3	7 5 0
---```
---@param n integer|number[] # how many, 1 or more, which are 0 at first; or a list of the numbers
---@param kind? "integer"|"number" # of all its numbers: integers, or floats. If it is absent, integers, unless the list has a float
---@param options? sandbox.NameOption
---@return sandbox.Array array
function sandbox.array(n, kind, options) end

---Numbers in shared memory, from 1 to `#a`. They are all integers, or all floats, and a number that is set is converted as Lua
---does; an array does not grow. An index that is out of bounds is an error, so loop `for i = 1, #a`, or over a copy.
---
---Each method, and each `a[i]` and `a[i] = v`, is atomic, and happens in one order for all processes. But `a[i] = a[i] + 1` is two
---steps, between which others may come: use `add`. Nothing ever waits for an array.
---@class sandbox.Array
---@field [integer] number
---@operator len: integer
local Array = {}

---Add to an element, in one step.
---@param i integer
---@param n number
---@return number sum
function Array:add(i, n) end

---Set an element if it is `old`, in one step: compare and swap.
---@param i integer
---@param old number
---@param new number
---@return boolean done
---@return number? current # what it is, if it was not `old`
function Array:cas(i, old, new) end

---Set all elements, in one step.
---@param v number
---@return true
function Array:fill(v) end

---Copy the elements from `from` (1) to `to` (the last), in one step.
---@param from? integer
---@param to? integer
---@return number[] list
function Array:copy(from, to) end

---Make a latch: a count that goes down to 0, once; then all processes that wait for it go on.
---```lua
---local ready = sandbox.latch(3)
---for i = 1, 3 do spawn(function() ready:down() end) end
---ready:wait()
---print(ready:count()) --> 0
---```
---@param n integer|sandbox.LatchOptions # the count at first, 0 or more; or a table of options
---@return sandbox.Latch latch
function sandbox.latch(n) end

---@class sandbox.LatchOptions
---@field n integer
---@field name? string

---A latch. A latch that is at 0 stays open: make another one for the next time.
---@class sandbox.Latch
local Latch = {}

---Count down, not below 0.
---@param k? integer # by how much, 0 or more; default 1
---@return integer left # what is left
function Latch:down(k) end

---Wait until the count is 0.
---@param timeout? number # seconds
---@return true? ok
---@return "timeout"? reason
function Latch:wait(timeout) end

---What is left.
---@return integer count
function Latch:count() end

---Make a value that all processes share.
---```lua
---local count = sandbox.value(0)
---local function work() for _ = 1, 100 do count:add(1) end end
---sandbox.join_all { spawn(work), spawn(work) }
---print(count:get()) --> 200
---```
---@param v any # any value that can be put into a queue, or nil
---@param options? sandbox.NameOption
---@return sandbox.Value value
function sandbox.value(v, options) end

---A shared value. Each method is atomic.
---@class sandbox.Value
local Value = {}

---Return the value.
---@return any value
function Value:get() end

---Set the value.
---@param v any
---@return true
function Value:set(v) end

---Add to the value, which must be a number.
---@param n number # may be negative
---@return number value # the sum
function Value:add(n) end

---Change the value by a function, which gets the value and returns the new one. No other process changes it meanwhile.
---```lua
---local list = sandbox.value({})
---list:update(function(t) t[#t + 1] = "x" return t end)
---print(#list:get()) --> 1
---```
---@param f function # from the value to the new value
---@return any value # the new value
function Value:update(f) end

---Set the value to `new` if it equals `old` (compare and swap). Numbers are compared as in Lua, everything else by its encoded
---bytes: two tables with the same entries are equal only if these were added in the same order.
---```lua
---local state = sandbox.value("free")
---print(state:cas("free", "taken")) --> true
---print(state:cas("free", "taken")) --> false	taken
---```
---@param old any
---@param new any
---@return boolean done
---@return any current # the value, if it did not equal `old`
function Value:cas(old, new) end

---Wait until the value is as a function wants it. The function runs here, gets a copy of the value, and is asked again after each
---change; it may not wait itself.
---```lua
---local count = sandbox.value(0)
---for _ = 1, 3 do spawn(function() count:add(1) end) end
---print(count:wait_for(function(n) return n == 3 end)) --> 3
---```
---@param predicate function # from the value to true or false
---@param timeout? number # seconds
---@return any value # the value that fitted, or nil
---@return "timeout"? reason
function Value:wait_for(predicate, timeout) end

---Make a table that all processes share.
---```lua
---local ages = sandbox.dict { ann = 30 }
---spawn(function() ages.bob = 25 end):join()
---print(ages.ann, ages.bob, #ages) --> 30	25	2
---```
---@param t? table # its initial entries
---@param options? sandbox.NameOption
---@return sandbox.Dict dict
function sandbox.dict(t, options) end

---A shared table: `d[k]`, `d[k] = v`, `pairs(d)`, and `#d`, the number of its entries. Values are returned as copies: to change
---a part of an entry, set the entry again, or `update` it. Keys are strings, numbers and booleans; the names of the methods
---(update, add, cas, wait_for) are no keys for `d[k]`.
---@class sandbox.Dict
---@field [any] any
---@operator len: integer
local Dict = {}

---Change an entry by a function, which gets its value and returns the new one. No other process changes it meanwhile.
---```lua
---local count = sandbox.dict()
---for word in ("to be or not to be"):gmatch("%a+") do
---  count:update(word, function(n) return (n or 0) + 1 end)
---end
---print(count.to, count["not"]) --> 2	1
---```
---@param key any
---@param f function # from the value, nil if there is none, to the new value
---@return any value # the new value
function Dict:update(key, f) end

---Add to an entry, which must be a number; one that does not exist counts as 0.
---@param key string|number|boolean
---@param n number # may be negative
---@return number sum # the new entry
function Dict:add(key, n) end

---Set an entry to `new` if it equals `old` (compare and swap), as `cas` of a value compares. nil stands for no entry, in both.
---@param key string|number|boolean
---@param old any
---@param new any
---@return boolean done
---@return any current # the entry, if it was not `old`
function Dict:cas(key, old, new) end

---Wait until an entry is as a function wants it, as `wait_for` of a value does. The function gets nil while there is no entry.
---```lua
---local d = sandbox.dict()
---spawn(function() d.answer = 42 end)
---print(d:wait_for("answer", function(v) return v ~= nil end)) --> 42
---```
---@param key string|number|boolean
---@param predicate function # from the entry to true or false
---@param timeout? number # seconds
---@return any value # the entry that fitted, or nil
---@return "timeout"? reason
function Dict:wait_for(key, predicate, timeout) end

---Connect to a world: objects in an engine (a Redis server) that independent programs share, which find them by name. An object
---is made by the first that asks for it. The objects of the run itself are not affected.
---```lua
---local function work()
---  local world <close> = sandbox.connect("redis://:secret@engine.example", { name = "course" })
---  for job in world:queue({ name = "jobs", max = 100 }):items() do print(job) end
---end
---```
---@param url string # redis://[:PASSWORD@]HOST[:PORT][/DB], or unix:///PATH; a password can stand in SANDBOX_PASSWORD
---@param options sandbox.WorldOptions
---@return sandbox.World world
function sandbox.connect(url, options) end

---@class sandbox.WorldOptions
---@field name string # of the world: letters, digits, "-", "_" and "."
---@field timeout? number # seconds in which it tries again while the engine cannot be reached; default: once

---A world of `sandbox.connect`. Each method returns the object of that name, and makes it if there is none. Objects that have
---the same type and name in all programs are one; another capacity is an error. They can be put into each other, and not mixed
---with the run's own.
---@class sandbox.World
---@field name string
local World = {}

---The queue of this name.
---@param options sandbox.QueueOptions # name, max, redeliver
---@return sandbox.Queue queue
function World:queue(options) end

---The lock of this name.
---@param options sandbox.NameOption # its name
---@return sandbox.Lock lock
function World:lock(options) end

---The rwlock of this name.
---@param options sandbox.NameOption # its name
---@return sandbox.RWLock rwlock
function World:rwlock(options) end

---The semaphore of this name.
---@param options sandbox.SemaphoreOptions # its name, and the options of such an object
---@return sandbox.Semaphore semaphore
function World:semaphore(options) end

---The event of this name.
---@param options sandbox.NameOption # its name
---@return sandbox.Event event
function World:event(options) end

---The condition of this name, with a lock of its own, or with `lock`, which must be one of this world.
---@param options { name: string, lock?: sandbox.Lock }
---@return sandbox.Condition condition
function World:condition(options) end

---The barrier of this name, without an action.
---@param options sandbox.BarrierOptions # name, n
---@return sandbox.Barrier barrier
function World:barrier(options) end

---The latch of this name.
---@param options sandbox.LatchOptions # its name, and the options of such an object
---@return sandbox.Latch latch
function World:latch(options) end

---The value of this name.
---@param options { name: string, initial?: any } # `initial`: what it has as long as it has nothing
---@return sandbox.Value value
function World:value(options) end

---The dict of this name.
---@param options { name: string, initial?: table } # `initial`: entries that are set where there are none
---@return sandbox.Dict dict
function World:dict(options) end

---The array of this name.
---@param options { name: string, n: integer|number[], kind?: "integer"|"number" }
---@return sandbox.Array array
function World:array(options) end

---Leave the world in this process; also at the end of the block of a `<close>` variable. What the process holds there
---passes on. The objects stay for a minute after the last program has left.
function World:close() end

---Make a monitor: fields that processes share under one lock, and `m:when` to wait until they are as wanted.
---```lua
---local m = sandbox.monitor { items = {} }
---local function put(v) m:when(function(f) return #f.items < 3 end, function(f) table.insert(f.items, v) end) end
---local function get()
---  return m:when(function(f) return #f.items > 0 end, function(f) return table.remove(f.items, 1) end)
---end
---spawn(function() for i = 1, 5 do put(i) end end)
---local sum = 0
---for _ = 1, 5 do sum = sum + get() end
---print(sum) --> 15
---```
---@param fields table # values that can be sent
---@param options? { name: string } # by which reports call it
---@return sandbox.Monitor monitor
function sandbox.monitor(fields, options) end

---Shared fields.
---@class sandbox.Monitor
local Monitor = {}

---Wait until `predicate(fields)` is true, then call `action(fields)`, with no other process in between; what it changes in the
---fields is shared when it returns. If it raises an error, or its process is killed, the fields stay as they were.
---
---The predicate gets a copy, may not wait, and is asked again after each change.
---@param predicate fun(fields: table): boolean
---@param action fun(fields: table): any
---@param timeout? number # seconds
---@return any ... # what the action returns; nil and "timeout" if the fields were not so in time
function Monitor:when(predicate, action, timeout) end

------------------------------------------------------------------------------------------------------------------------
-- Pools and scopes
------------------------------------------------------------------------------------------------------------------------

---Options of a pool.
---@class sandbox.PoolOptions
---@field workers? integer # how many processes; default sandbox.cpus(), or the slots of `hosts`
---@field hosts? "all"|(string|sandbox.Host)[] # run the workers on these hosts, each with as many as its slots allow: "all" (every agent that lives; this host, if there is none), or names and entries of `sandbox.hosts()`. Functions go there as `spawn({ on = ... })` sends them, with the globals that they name
---@field init? function # called once in each worker before its first task
---@field max_tasks? integer # replace a worker after that many tasks
---@field retries? integer # how often a task is retried after its worker died; default 0. The worker is replaced the next time that the pool's owner uses the pool or waits for it
---@field name? string # of the workers, in reports
---@field task_timeout? number # seconds that a task, or each item of a map, may take: then its worker is ended and replaced, and it fails with the message "timeout"

---Options of a task.
---@class sandbox.SubmitOptions
---@field timeout? number # seconds that it may take in a worker; default: the pool's task_timeout. The owner sees to it when it uses the pool, or waits for it

---Options of `map`, `starmap`, `imap` and `imap_unordered`.
---@class sandbox.MapOptions
---@field chunk? integer # items sent at a time; default: chosen by the time that they take
---@field progress? string # label of a bar that counts the results, as `sandbox.progress` shows it; of a list with its total
---@field timeout? number # seconds, as the argument

---Make a pool: processes (workers) that wait for tasks. With `local pool <close> = sandbox.pool()`, all its tasks are done
---before the block ends, and then its workers end; if the block is left by an error, the workers are ended at once. Without
---`<close>`, all its tasks are done before the script ends. The workers are copies of the process that makes the pool, with the
---globals of that moment; a worker that replaces a dead one has the globals of a later moment. Functions are sent to the workers
---as items of a queue are. Only the process that made the pool can use it.
---```lua
---local pool <close> = sandbox.pool(4)
---print(table.concat(pool:map(function(x) return x * x end, { 1, 2, 3, 4 }), " ")) --> 1 4 9 16
---```
---@param workers? integer|sandbox.PoolOptions # how many processes, or a table of options
---@return sandbox.Pool pool
function sandbox.pool(workers) end

---A pool. When a worker dies, its task fails with the reason (or is retried, see the option `retries`), and the worker is
---replaced.
---@class sandbox.Pool
local Pool = {}

---Call a function for each item of a list and return the results. Raises the first failure, with the index of its item. A
---result may be nil, so go by the length of your own list, and not by `#results`.
---```lua
---local pool <close> = sandbox.pool(2)
---local function check(x) if x == 3 then error("not three", 0) end end
---local ok, failure = pcall(pool.map, pool, check, { 1, 2, 3, 4 })
---print(ok, failure.index, failure.value) --> false	3	not three
---```
---@param f function
---@param list any[]|function # a list, or an iterator
---@param chunk? integer|sandbox.MapOptions # items sent at a time; default: chosen by the time that they take; or a table of options
---@param timeout? number # seconds, for all items together
---@return any[]? results # in the order of the list; nil after the timeout: items not begun are not done any more
---@return "timeout"? reason
function Pool:map(f, list, chunk, timeout) end

---Like `map`, but each item is a list of arguments.
---```lua
---local pool <close> = sandbox.pool(2)
---print(table.concat(pool:starmap(math.max, { { 1, 5 }, { 7, 2 } }, { chunk = 1 }), " ")) --> 5 7
---```
---@param f function
---@param list any[][]
---@param chunk? integer|sandbox.MapOptions # items sent at a time; or a table of options
---@param timeout? number # seconds, for all items together
---@return any[]? results # in the order of the list; or nil and "timeout"
---@return "timeout"? reason
function Pool:starmap(f, list, chunk, timeout) end

---Call a function for each item, and iterate over the results while others are computed. Only a bounded number of items is
---taken ahead, so the items may be endless. An iterator may wait, for example for an item of a queue; results are returned
---meanwhile as they come. A failure (of an item, an item that cannot be sent, an error of the iterator) ends the loop with an
---error, after the results that precede it.
---```lua
---local pool <close> = sandbox.pool(2)
---for i, v in pool:imap(string.upper, { "a", "b" }) do print(i, v) end
-----> 1	A
-----> 2	B
---```
---@param f function
---@param items any[]|function # a list, or an iterator
---@param chunk? integer|sandbox.MapOptions # items sent at a time; or a table of options
---@param timeout? number # seconds for each step; afterwards an error is raised, and the loop can be continued
---@return fun(): integer, any # the index of the item and its result, in order
function Pool:imap(f, items, chunk, timeout) end

---Like `imap`, but results come in the order in which they are ready, and an error as soon as it is known.
---@param f function
---@param items any[]|function # a list, or an iterator
---@param chunk? integer|sandbox.MapOptions # items sent at a time; or a table of options
---@param timeout? number # seconds for each step; afterwards an error is raised, and the loop can be continued
---@return fun(): integer, any # the index of the item and its result
function Pool:imap_unordered(f, items, chunk, timeout) end

---Give the pool one task: call `f(...)`, with the arguments as they are now.
---```lua
---local pool <close> = sandbox.pool(2)
---local f = pool:submit(math.max, 3, 9)
---print(f:result(), f:done()) --> 9	true
---```
---@param f function
---@param ... any # its arguments
---@return sandbox.Future future
---@overload fun(self: sandbox.Pool, options: sandbox.SubmitOptions, f: function, ...: any): sandbox.Future
function Pool:submit(f, ...) end

---Close the pool: it accepts no more tasks, and the workers end when all are done.
---@return true
function Pool:close() end

---Wait until the workers of a closed pool have ended. It is an error if the pool is not closed.
---@param timeout? number # seconds
---@return true? ok
---@return "timeout"? reason
function Pool:join(timeout) end

---End the workers at once, with all that their tasks have spawned; tasks that are not done fail.
---@return true
function Pool:terminate() end

---A task of a pool.
---@class sandbox.Future
local Future = {}

---Wait until the task is done, and return its results or its failure, as `join` of a process does.
---@param timeout? number # seconds
---@return true? ok
---@return any ... # the results; or the failure; or "timeout"
function Future:join(timeout) end

---Like `join`, but returns only the results, and raises the failure.
---@param timeout? number # seconds
---@return any ... # what the function returned; or nil and "timeout"
function Future:result(timeout) end

---Is the task done?
---@return boolean done
function Future:done() end

---Cancel a task that has not begun; its `join` then returns a failure with the message "cancelled".
---@return boolean cancelled
function Future:cancel() end

---End the task: if no worker has begun it, as `cancel`; else its worker is killed, with all that the task has spawned, and
---replaced, and the task fails with the message "killed".
---@return boolean ended # false: it was done already
function Future:kill() end

---Options of a team.
---@class sandbox.TeamOptions
---@field processes? integer # how many; default: the slots of the hosts, or sandbox.cpus()
---@field hosts? "all"|(string|sandbox.Host)[] # where they run, as the option of a pool

---Start `n` processes that do the same work: the i-th calls `f(i, ...)`. The team is the list of its processes (`t[i]`, `#t`),
---and can be sent. With a table of options in the place of `n`, they go round several hosts.
---```lua
---local function square(i) return i * i end
---local t = sandbox.team(4, square)
---print(table.concat(t:results(), " ")) --> 1 4 9 16
---```
---@param n integer|sandbox.TeamOptions # how many, or a table of options
---@param f function # called with the number of the process, from 1, and the arguments
---@param ... any # arguments
---@return sandbox.Team team
function sandbox.team(n, f, ...) end

---Processes that do the same work.
---@class sandbox.Team
---@field [integer] sandbox.Process
local Team = {}

---Wait until all processes of the team have ended; the first failure is returned at once.
---@param timeout? number # seconds
---@return true? ok
---@return sandbox.Failure|"timeout"? failure
---@return sandbox.Process? process # that failed
function Team:join(timeout) end

---Wait for all processes of the team, and return what their functions have returned: the first result of each, in a list in the
---order of their numbers, with `n`. Raises the first failure.
---@param timeout? number # seconds
---@return any[]? results
---@return "timeout"? reason
function Team:results(timeout) end

---Kill all processes of the team, as `p:kill()` does.
---@return true
function Team:kill() end

---Options of a scope.
---@class sandbox.ScopeOptions
---@field on_error? "stop"|"wait" # what to do with the others after the first failure; default "stop"
---@field deadline? number|sandbox.Deadline # seconds from now: when the end of the block, or `g:spawn`, finds that they have passed, all processes are stopped and an error is raised

---Make a scope: no process that is spawned in it outlives the block; a process that is stopped is stopped with all that it has
---spawned. The first failure stops the other processes and is raised at the end of the block. If the block itself is left by an
---error, its processes are stopped, and that error is raised.
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

---Start a process that ends with the scope, at the latest. If another process of the scope has failed meanwhile, that failure
---is raised instead.
---@param f function
---@param ... any # its arguments
---@return sandbox.Process process
---@overload fun(self: sandbox.Scope, options: sandbox.SpawnOptions, f: function, ...: any): sandbox.Process
function Scope:spawn(f, ...) end

---End the processes of the scope now, with all that they have spawned, as at its end after a failure: first by an interrupt.
---@return true
function Scope:stop() end

---Start a team (see `sandbox.team`) whose processes end with the scope, at the latest.
---@param n integer|sandbox.TeamOptions # how many, or a table of options
---@param f function # called with the number of the process, from 1, and the arguments
---@param ... any # arguments
---@return sandbox.Team team
function Scope:team(n, f, ...) end

------------------------------------------------------------------------------------------------------------------------
-- Time
------------------------------------------------------------------------------------------------------------------------

---The moment that lies so many seconds ahead. It may stand wherever a timeout may, and several calls then share one limit: each
---waits at most for what is left. It means the same in every process.
---```lua
---local q, limit = queue(), sandbox.deadline(0.01)
---print(q:get(limit)) --> nil	timeout
---print(limit:left(), q:get(limit)) --> 0	nil	timeout
---```
---@param seconds number # from now
---@return sandbox.Deadline deadline
function sandbox.deadline(seconds) end

---A moment that stands for a timeout.
---@class sandbox.Deadline
local Deadline = {}

---The seconds that are left until then, at least 0.
---@return number seconds
function Deadline:left() end

---Sleep for some seconds. With `--speed 10` it takes a tenth of the time.
---@param seconds number # 0 or more
function sandbox.sleep(seconds) end

---Seconds since the run began, the same in all its processes. The clock never goes back; `--speed` makes it go faster. In a
---program that embeds the library, the run begins when the library is opened.
---```lua
---local start = sandbox.now()
---sleep(0.1)
---print(sandbox.now() - start >= 0.1) --> true
---```
---@return number seconds
function sandbox.now() end

---The time of day: seconds since 1970, as os.time, but with fractions; also correct after the clock was set or the machine
---slept. With `--speed` it runs ahead.
---@return number seconds
function sandbox.time() end

------------------------------------------------------------------------------------------------------------------------
-- Proving
------------------------------------------------------------------------------------------------------------------------

---Options of an exploration.
---@class sandbox.ExploreOptions
---@field limit? integer # states, at most (default 2,000,000)
---@field seconds? number # real time, at most
---@field seed? integer # of the random numbers that the function draws
---@field preemptions? integer # only interleavings in which so many times, at most, another process goes on than the one that could
---@field kills? integer # so many processes, but not the caller, may be killed, each at any step (default 0)
---@field token? string # follow only the schedule that it names: a token of a failure of the same function
---@field interrupt? boolean # Ctrl-C ends only the exploration: the result has what was found so far
---@field step? boolean # a person chooses each step, on stdin and stdout: the result is the token of the steps taken, a string

---One kind of failure that an exploration has found, by its shortest schedule.
---@class sandbox.ExploredFailure
---@field kind "error"|"deadlock"|"stuck"|"held"|"livelock"|"starves" # stuck: it never ends; held: a process ended with a lock held
---@field loop? integer # the steps from this one on are repeated for ever
---@field message? string
---@field where? string # "file:line" of the error
---@field steps integer # of the shortest schedule that leads there
---@field token string # names that schedule: `explore(fn, { token = ... })` follows it again
---@field preemptions integer # of that schedule: how often a process that could go on was not the one to go on

---What the processes printed, and in how many interleavings.
---@class sandbox.Outcome
---@field ends "well"|"error"|"deadlock"|"stuck"|"held"
---@field text string # stdout of all processes, one after the other
---@field interleavings? integer # nil: without end

---The result of an exploration. `tostring` gives the report.
---@class sandbox.Exploration
---@field ok boolean # no interleaving that was tried went wrong
---@field complete boolean # all were tried
---@field interleavings? integer # how many there are; nil: without end, or not all were tried
---@field states integer
---@field histories integer
---@field processes integer
---@field seconds number
---@field bytes integer
---@field failures sandbox.ExploredFailure[]
---@field outcomes sandbox.Outcome[]
---@field report string

---Try every interleaving of the processes that a function spawns, in the simulator, on a copy of the calling process: whatever
---the function does, the caller is untouched. Queues, locks and other objects that the function uses must be made inside of it.
---```lua
---local r = sandbox.explore(function()
---  local count = sandbox.value(0)
---  local function inc() count:set(count:get() + 1) end
---  sandbox.join_all { spawn(inc), spawn(inc) }
---  assert(count:get() == 2, "count is " .. count:get())
---end)
---print(r.ok, r.interleavings) --> false	6
---local report = tostring(r) -- the shortest schedule that fails, and why
---```
---In a test: `assert(sandbox.explore(f).ok)`.
---@param fn fun()
---@param options? sandbox.ExploreOptions
---@return sandbox.Exploration
function sandbox.explore(fn, options) end

------------------------------------------------------------------------------------------------------------------------
-- Seeing
------------------------------------------------------------------------------------------------------------------------

---Mark this moment in the trace of the run: an instant with a name; or, with a value, a counter that from now on has it. Without
---a trace nothing happens, at the cost of a function call.
---```lua
---sandbox.mark("halfway")
---for i = 1, 3 do sandbox.mark("residue", 1 / i) end
---```
---@param name string # text on one line; what does not fit 47 bytes is cut
---@param value? number # finite
function sandbox.mark(name, value) end

---Stop here, and look. In a script that was started with `sandbox -i`, and in what is typed at the prompt, main stops, the prompt
---opens, and all other processes go on. There the locals of the function that called it can be read and changed by their
---names; `:locals` lists them, `:bt` shows where it is, `:src` the lines around, and `:continue` lets it go on. In another
---process of such a run, that process stops, as `p:pause()` stops it, and says so. Without a prompt nothing stops, which is
---said once.
---```lua
---local function double(n)
---  if n < 0 then sandbox.pause() end -- how can that be?
---  return 2 * n
---end
---print(double(4)) --> 8
---```
---@return boolean paused # false: there is no prompt
function sandbox.pause() end

---Options of a progress.
---@class sandbox.ProgressOptions
---@field total? integer # how much there is to do; without it only a count and a rate are shown
---@field label? string # what is being done: text on one line; what does not fit 47 bytes is cut

---Show how far something is. On a terminal it is a bar at the bottom of the screen, with percent, count, rate, and the time
---that has passed and that is left; what processes print stands above. If stderr is no terminal, it is a line on stderr for
---each tenth of the total, or after ten seconds. When it is closed, what it has come to stays as a line.
---
---Any number of processes can share it: a handle that was there at a spawn, or that was sent, moves the same count. It is
---closed by `close`, when its block ends (`<close>`), when the process that made it ends, or when no process has it any more.
---Times are those of the run's clock.
---```lua
---local bar <close> = sandbox.progress { total = 100, label = "primes" }
---local workers = {}
---for w = 1, 4 do
---  workers[w] = spawn(function()
---    for i = 1, 25 do bar:add() end
---  end)
---end
---assert(sandbox.join_all(workers))
---print(bar:set(100)) --> true
---```
---@param options? sandbox.ProgressOptions
---@return sandbox.Progress progress
function sandbox.progress(options) end

---How far something is, shown to a person.
---@class sandbox.Progress
local Progress = {}

---Move on by `k`. It costs the process no more than an atomic addition. The count never goes below 0.
---@param k? integer # default 1; may be negative
---@return true? ok # nil if it is closed
---@return "closed"? reason
function Progress:add(k) end

---Set the count.
---@param n integer # 0 or more
---@return true? ok # nil if it is closed
---@return "closed"? reason
function Progress:set(n) end

---Close it: the count is final, and stays on the screen as a line. A progress that is short of its total is shown as stopped.
---@return true
function Progress:close() end

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
