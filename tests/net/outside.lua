-- The specs, and tests of specs, that do not hold with --engine, and why. Names of tests as busted has them, without those around.
local without = "it starts runs of its own, without an engine"
local explored = "it is about the simulator, which has no engine"
local pipes = "pipes cannot be made in a run with --engine"
local deadlocks = "deadlocks over an engine are not found"
local shared = "it is about shared memory, or descriptors, which objects in an engine have none of"
local kept = "a handle of a process that is in the engine does not keep the record of how it ended"

return {
  specs = {
    explore = explored, explore_kills = explored, explore_objects = explored, explored = explored,
    pipe = pipes,
    deadlock = deadlocks,
    valgrind = without, regress = without, run = without, scripts = without, experiments = without, stdin = without,
    repl_command = without, repl_complete = without, repl_help = without, repl_pretty = without, repl_save = without,
    repl_session = without, globals = without, module = without, modules = without, warnings = without, gathered = without,
    memory_kept = shared,
    ends = without,
    call = "q:call answers through a pipe: " .. pipes,
  },
  tests = {
    api = {
      ["a, b = sandbox.pipe()   a:send(v)   a:recv([timeout])   a:poll([timeout])   a:close()"] = pipes,
      ["every one is shared by all processes"] = pipes,
      ["answer... = q:call(request [,timeout])   for request, reply in q:calls([timeout]) do reply(answer...) end"] = pipes,
    },
    deadline = { ["stands wherever a timeout may"] = pipes },
    imap = { ["gives a result before its iterator waits for the next item, in recv"] = pipes },
    program = { ["give a program the three streams and nothing else"] = pipes },
    remembered = {
      ["an upvalue in an item"] = kept, ["a table in an item"] = kept, ["dict"] = kept, ["pipe"] = pipes, ["item"] = kept,
      ["is remembered: value"] = kept,
    },
    sync_barrier = { ["breaks when nobody is left who could come"] = "an engine does not know which processes have a handle, "
      .. "which may be on any host" },
    pool = { ["refuses more workers than there can be objects"] = "an engine has no such limit" },
    sync_rwlock = { ["lets a stopped waiter hold up nobody for long"] = "a waiter says every few seconds that it is there, so one "
      .. "that says nothing counts for 10: too long for the test" },
    sync_lock = { ["too many at once are an error that says so, and leave room when dropped"] = "an engine has no such limit" },
  },
}
