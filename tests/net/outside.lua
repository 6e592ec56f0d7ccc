-- The specs, and tests of specs, that do not hold with --engine, and why. Names of tests as busted has them, without those around.
local without = "it starts runs of its own, without an engine"
local explored = "it is about the simulator, which has no engine"
local holders = "an engine does not know which processes have a handle, which may be on any host"
local numbers = "the ends of a pipe in an engine have other numbers"
local past = "an engine does not remember what was done last to an object"
local shared = "it is about shared memory, or descriptors, which objects in an engine have none of"
local kept = "a handle of a process that is in the engine does not keep the record of how it ended"

return {
  specs = {
    explore = explored, explore_kills = explored, explore_objects = explored, explored = explored,
    explore_time = explored,
    valgrind = without, regress = without, run = without, scripts = without, experiments = without, stdin = without,
    repl_command = without, repl_complete = without, repl_help = without, repl_pretty = without, repl_save = without,
    repl_session = without, globals = without, module = without, modules = without, warnings = without, gathered = without,
    memory_kept = shared,
    ends = without,
  },
  tests = {
    deadlock = {
      ["the holder of a lock waits for something else"] = holders,
      ["one waits for what it alone holds, while others come and go and make what they need"] = holders,
      ["parts are told of, each when it stands, and never again"] = holders,
      ["and when the others come to wait, too, the run ends"] = holders,
      ["a barrier to which nobody else comes: it breaks"] = holders,
      ["nothing is sent through a pipe"] = numbers,
      ["what became of a queue"] = numbers,
      ["who has what is waited for, and since which line"] = past,
      ["which notification came too early"] = past,
      ["what was done to events, semaphores and barriers"] = past,
      ["does not blame the idle workers of pools, and has no place of the library in it"] = holders,
      ["two wait for one another's lock while a third works"] = past,
    },
    remembered = {
      ["an upvalue in an item"] = kept, ["a table in an item"] = kept, ["dict"] = kept, ["pipe"] = kept, ["item"] = kept,
      ["is remembered: value"] = kept,
    },
    sync_barrier = { ["breaks when nobody is left who could come"] = holders },
    pool = { ["refuses more workers than there can be objects"] = "an engine has no such limit" },
    sync_lock = { ["too many at once are an error that says so, and leave room when dropped"] = "an engine has no such limit" },
  },
}
