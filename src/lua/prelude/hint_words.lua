-- Words of other languages, and what stands for them here. For hint.lua.

-- What is a global elsewhere. Only told while there is no such global.
local WORDS <const> = {
  len = "#x is the length of x", range = "`for i = 1, n do` counts", input = "io.read() reads a line",
  str = "tostring(x) makes a text", int = "math.tointeger(x) makes a whole number, x // 1 rounds down",
  float = "tonumber(x) makes a number", list = "a list is a table: { 1, 2, 3 }", exit = "os.exit() ends the script",
  quit = "os.exit() ends the script", unpack = "it is table.unpack", loadstring = "it is load", printf = "print(string.format(...))",
  enumerate = "`for i, v in ipairs(list) do`", foreach = "`for i, v in ipairs(list) do`", Process = "spawn(f, ...) starts a process", Thread = "spawn(f, ...) starts a process",
  thread = "spawn(f, ...) starts a process", Queue = "queue() makes a queue", Channel = "queue() makes a queue",
  chan = "queue() makes a queue", make = "queue() makes a queue", Pool = "sandbox.pool(n) makes a pool",
  Lock = "sandbox.lock() makes a lock", Mutex = "sandbox.lock() makes a lock", mutex = "sandbox.lock() makes a lock",
  RLock = "sandbox.rlock() makes one", Semaphore = "sandbox.semaphore(n) makes one", Event = "sandbox.event() makes one",
  Condition = "sandbox.condition() makes one", Barrier = "sandbox.barrier(n) makes one",
  send = "p:send(v) sends p a message", receive = "sandbox.receive() takes the next message", try = "pcall(f) calls f, and catches its error", Value = "sandbox.value(x) makes a shared value", Pipe = "sandbox.pipe() makes one", Manager = "sandbox.dict() is a shared table",
  time = "sandbox.now() is the time, sleep(s) waits", console = "print(...) writes a line", echo = "print(...) writes a line",
  println = "print(...) writes a line", puts = "print(...) writes a line", fmt = "print(...) writes a line",
  System = "print(...) writes a line", throw = "error(message) raises an error", raise = "error(message) raises an error",
  fork = "spawn(f, ...) starts a process", threading = "spawn(f, ...) starts a process",
  multiprocessing = "spawn(f, ...) starts a process, queue() makes a queue", asyncio = "spawn(f, ...) starts a process",
}

-- Libraries of Lua, whose functions are looked for when there is no global of their name.
local LIBRARIES <const> = { "string", "table", "math", "coroutine", "os", "io", "utf8", "debug" }

-- What is a field of a library elsewhere.
local FIELDS <const> = {
  ["table.append"] = "table.insert(t, v), or t[#t + 1] = v", ["table.push"] = "table.insert(t, v), or t[#t + 1] = v",
  ["table.length"] = "#t", ["table.len"] = "#t", ["table.getn"] = "#t", ["table.size"] = "#t",
  ["string.split"] = "for word in s:gmatch(\"[^,]+\") do", ["string.length"] = "#s", ["string.trim"] = "s:match(\"^%s*(.-)%s*$\")",
  ["math.round"] = "math.floor(x + 0.5)", ["math.rand"] = "math.random(n)", ["math.randint"] = "math.random(from, to)",
  ["math.pow"] = "x ^ y", ["os.sleep"] = "sleep(s)", ["time.sleep"] = "sleep(s)",
  ["os.getpid"] = "sandbox.getpid()", ["sandbox.mutex"] = "sandbox.lock()", ["sandbox.send"] = "p:send(v)",
  ["sandbox.timeout"] = "a number of seconds, or sandbox.deadline(s)", ["sandbox.sleep_ms"] = "sleep(s), in seconds", ["sandbox.run"] = "spawn(f, ...)",
  ["sandbox.fork"] = "spawn(f, ...)", ["sandbox.cpu_count"] = "sandbox.cpus()", ["os.cpu_count"] = "sandbox.cpus()",
  ["sandbox.id"] = "sandbox.self().id", ["sandbox.pid"] = "sandbox.getpid()", ["os.fork"] = "spawn(f, ...)",
}

-- Methods of the same things elsewhere; %s stands for the variable.
local METHODS <const> = {
  queue = { qsize = "#%s", size = "#%s", count = "#%s", put_nowait = "%s:try_put(v)", get_nowait = "%s:try_get()",
    send = "%s:put(v)", push = "%s:put(v)", append = "%s:put(v)", add = "%s:put(v)", enqueue = "%s:put(v)",
    recv = "%s:get()", receive = "%s:get()", pop = "%s:get()", take = "%s:get()", dequeue = "%s:get()",
    is_empty = "%s:empty()", is_full = "%s:full()", wait = "%s:get()", iter = "%s:items()", values = "%s:items()" },
  process = { is_alive = "%s:alive()", wait = "%s:join()", run = "spawn(f, ...), which starts at once",
    get = "%s:result()", receive = "sandbox.receive(), in the process itself", close = "nothing: a handle is collected", exit_code = "%s.exitcode" },
  lock = { lock = "%s:acquire()", unlock = "%s:release()", with = "local _ <close> = %s:hold()",
    enter = "%s:acquire()", leave = "%s:release()" },
  semaphore = { wait = "%s:acquire()", signal = "%s:release()", post = "%s:release()", down = "%s:acquire()",
    up = "%s:release()", lock = "%s:acquire()", unlock = "%s:release()", get_value = "%s:value()" },
  event = { signal = "%s:set()", notify = "%s:set()", notify_all = "%s:set()", fire = "%s:set()", reset = "%s:clear()" },
  condition = { signal = "%s:notify()", broadcast = "%s:notify_all()", notifyAll = "%s:notify_all()", lock = "%s:acquire()",
    unlock = "%s:release()" },
  barrier = { arrive = "%s:wait()", await = "%s:wait()", join = "%s:wait()" },
  value = { increment = "%s:add(1)", inc = "%s:add(1)", incr = "%s:add(1)", load = "%s:get()", store = "%s:set(v)",
    read = "%s:get()", write = "%s:set(v)", get_lock = "%s:update(f), one step, needs no lock" },
  pipe = { put = "%s:send(v)", get = "%s:recv()", receive = "%s:recv()", read = "%s:recv()", write = "%s:send(v)" },
  pool = { apply = "%s:submit(f, ...):result()", apply_async = "%s:submit(f, ...)", map_async = "%s:submit(f, ...) for each",
    shutdown = "%s:close()", spawn = "%s:submit(f, ...)", run = "%s:submit(f, ...)" },
  latch = { count_down = "%s:down()", countDown = "%s:down()", done = "%s:down()", await = "%s:wait()" },
  rwlock = { rlock = "local _ <close> = %s:read()", wlock = "local _ <close> = %s:write()", lock = "local _ <close> = %s:write()",
    read_lock = "local _ <close> = %s:read()", write_lock = "local _ <close> = %s:write()" },
  team = { wait = "%s:join()", get = "%s:results()" },
  topic = { send = "%s:publish(v)", put = "%s:publish(v)", emit = "%s:publish(v)", on = "%s:subscribe()" },
  scope = { wait = "nothing: the end of its block waits", cancel = "%s:stop()", go = "%s:spawn(f, ...)" },
  future = { get = "%s:result()", wait = "%s:join()", ready = "%s:done()" },
  table = { append = "%s[#%s + 1] = v", push = "%s[#%s + 1] = v", push_back = "%s[#%s + 1] = v",
    pop = "table.remove(%s)", len = "#%s", length = "#%s", size = "#%s", join = "table.concat(%s, \", \")" },
  string = { split = "for word in %s:gmatch(\"[^,]+\") do", length = "#%s", trim = "%s:match(\"^%%s*(.-)%%s*$\")",
    strip = "%s:match(\"^%%s*(.-)%%s*$\")", replace = "%s:gsub(old, new)", append = "%s .. more",
    startswith = "%s:find(\"^...\")", toUpperCase = "%s:upper()", toLowerCase = "%s:lower()" },
}

-- Words for a value that Lua does not have: as globals they are nil, and nobody says so.
local CONSTANTS <const> = { None = "nil", null = "nil", NULL = "nil", undefined = "nil", nullptr = "nil", True = "true", TRUE = "true",
  False = "false", FALSE = "false" }

return { globals = WORDS, libraries = LIBRARIES, fields = FIELDS, methods = METHODS, constants = CONSTANTS }
