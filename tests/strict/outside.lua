-- strict/outside.lua - what of the specs cannot be the same in strict mode, and why; see strict/spec.lua. A test that starts
-- programs, opens files or uses `debug` is not listed: spec.lua finds it out, unless a child does it, or it is done while a spec is
-- loaded.
local PROGRAMS = "all of it starts programs, or writes files"
local LOADS = "it starts a program while it is loaded"
local PROMPT = "the prompt: repl/test_strict.py"
local NAME = "it asks for the metatable of a handle"
local DEBUG = "a process that it spawns uses debug"
local FILES = "a process that it spawns starts a program"

return {
  -- the whole of spec/NAME_spec.lua
  specs = {
    classics = PROGRAMS, coroutine = LOADS, deadlock = LOADS, ends = PROGRAMS, experiments = PROGRAMS, forgotten = PROGRAMS,
    gathered = PROGRAMS, globals = PROGRAMS, handles_deadline = PROGRAMS, handles_lost = PROGRAMS, hint = PROGRAMS, many = PROGRAMS,
    memory_kept = PROGRAMS, module = PROGRAMS, pause = PROGRAMS, places = LOADS, receivers = PROGRAMS, regress = PROGRAMS, run = PROGRAMS,
    scripts = PROGRAMS, stdin = PROGRAMS, valgrind = PROGRAMS, repl_command = PROMPT, repl_complete = PROMPT, repl_help = PROMPT,
    repl_pretty = PROMPT, repl_save = PROMPT, repl_session = PROMPT,
  },

  -- single tests, by the end of their names
  tests = {
    api = { ["t = sandbox.team(n, fn, ...)   t[i]   #t   t:join([timeout])   t:results([timeout])   t:kill()"] = NAME },
    fork = { ["in require"] = "its module is not beside a script" },
    interrupt = {
      ["a loop that asks for debug hooks"] = DEBUG, ["a loop that sets debug hooks"] = DEBUG, ["a script's own debug hook"] = DEBUG,
    },
    kill = { ["a kill at a point"] = LOADS },
    misuse = { ["all of the above"] = DEBUG },
    task = { ["a worker killed in task_done"] = LOADS },
    pipe = { ["its ends are handles: equal everywhere, told apart, shown"] = NAME },
    process = { ["pins to a processor"] = "a process that it spawns opens a file" },
    pool = { ["kill -9, os.exit, with the reason; it is replaced"] = FILES, ["only whose item kills again and again fails"] = FILES },
    whole = {
      ["is the main thread"] = DEBUG, ["can be hooked"] = DEBUG,
      ["stands at the end of the stack: no traceback, no level shows its parent"] = DEBUG,
    },
  },
}
