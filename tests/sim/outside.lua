-- sim/outside.lua - what of the specs cannot be the same in the simulator, and why. Tests that start programs, write files or
-- look into /proc are not listed: spec.lua finds them out.
local PROGRAMS = "all of it starts programs, or writes files"
local LOADS = "it starts a program while it is loaded"

return {
  -- the whole of spec/NAME_spec.lua
  specs = {
    coroutine = PROGRAMS, experiments = PROGRAMS, forgotten = PROGRAMS, gathered = PROGRAMS, globals = PROGRAMS,
    handles_deadline = PROGRAMS, handles_lost = PROGRAMS, many = PROGRAMS, memory_kept = PROGRAMS, module = PROGRAMS,
    places = PROGRAMS, regress = PROGRAMS, run = PROGRAMS, scripts = PROGRAMS, stdin = PROGRAMS, valgrind = PROGRAMS,
    progress = PROGRAMS, ends = PROGRAMS, explore = PROGRAMS, explore_objects = "a simulated run explores nothing",
    explored = "it explores, which a simulated run cannot", explore_kills = "likewise",
    explore_time = "likewise",
    deadlock = LOADS, kill = LOADS, task = LOADS,
    interrupt = "a process that computes for ever has the run for itself: no other can interrupt it",
    pool = "some hundred processes that are as large as the runner of the specs take minutes",
    repl_command = "the prompt is not simulated", repl_complete = "the prompt is not simulated",
    repl_help = "the prompt is not simulated", repl_pretty = "the prompt is not simulated",
    repl_save = "the prompt is not simulated", repl_session = "the prompt is not simulated",
  },

  -- single tests, by the end of their names
  tests = {
    api = { ["sleep(s)   sandbox.now()   sandbox.time()"] = "a sleep lasts exactly as long, which is less once it is rounded" },
    family = { ["ends when it minds no interrupt and spawns meanwhile"] = "it counts processes of the system" },
    fork = { ["such as the working directory"] = "the working directory is the program's: C modules are for the specs' runner only" },
    process = {
      ["pins to a processor"] = "there are no processors",
      ["counts processors"] = "there are two on each machine",
      ["has clocks that agree with the system's"] = "the clock is virtual",
    },
    queue = { ["get: timeouts (fault 11"] = "a wait lasts exactly as long, which is less once it is rounded" },
    scope = { ["children that are busy, or catch all errors"] = "a process that computes for ever has the run for itself" },
    select = { ["uses no CPU while it waits"] = "os.clock is virtual, and the time of all processes" },
    waiting = { ["also of one whose worker dies meanwhile, and in a loop with a map"] = "os.exit is the runner's here, and cannot be sent" },
    sync_dict = { ["holds a hundred thousand keys"] = "the simulator looks for a key in all of them" },
    sync_lock = { ["too many at once are an error that says so"] = "there is no limit but memory" },
  },
}
