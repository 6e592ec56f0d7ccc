-- prompt/lua/commands.lua - the commands of the prompt, one row each; help, completion and "did you mean" read this
-- table.
--
--   name       of the global function, and after the colon
--   arguments  as help shows them
--   says       one sentence
--   more       further explanation; optional
--   takes      what the arguments of the short form `:name ...` are, see arguments.lua:
--              "values" (the default) Lua values; "words" unevaluated words; "text" the rest of the line
--   replays    a saved session repeats it: it acts on processes, not on what is shown
--   form       ":" if there is no function of that name: Lua has one of its own, or a function makes no sense
local _, use = ...
local _ENV <const> = use "std"

local commands = {}

commands.groups = {
  { title = "Look at what runs", rows = {
    { name = "ps", arguments = "[process]", says = "Show the processes: state, what each waits for, since when, " ..
      "cpu, memory, items in and out, source line." },
    { name = "top", arguments = "", says = "Show the processes every second, until a key is pressed." },
    { name = "queues", arguments = "", says = "Show the queues: items, capacity, bytes, waiting processes, closed " ..
      "or not." },
    { name = "objects", arguments = "", says = "Show the locks, semaphores, events, conditions, barriers, latches, rwlocks, arrays, values, " ..
      "dicts and pipes: state, holder, waiting processes, place of the last use." },
    { name = "peek", arguments = "queue [, n]", says = "Show the oldest items of a queue (in an engine also by its name or number) " ..
        "without taking them.",
      more = "n is 10 by default." },
    { name = "waits", arguments = "[file]", takes = "words",
      says = "Show what each process waits for, and any deadlock; or write it as a picture: waits('x.svg').",
      more = "In the picture, an arrow leads from a process to what it waits for, and from there to a process that " ..
        "holds it or could help. A deadlock is a red ring." },
    { name = "bt", arguments = "process", says = "Show where a process is: its Lua traceback." },
    { name = "watch", arguments = "expression [, seconds]", takes = "words",
      says = "Show the value of an expression whenever it changes; it is evaluated every second by default.",
      more = "The expression is given as text: watch('#q', 0.5), or :watch #q 0.5. Quote it if it contains blanks. " ..
        "watch() lists what is watched; unwatch ends it. watch('timeline()') draws the timeline in the whole terminal " ..
        "until a key is pressed." },
    { name = "unwatch", arguments = "[n]", says = "Stop watching number n, or everything." },
    { name = "follow", arguments = "[process]", says = "Show only the output of this process, or again that of all." },
    { name = "mute", arguments = "process [, false]", says = "Drop the output of a process, or show it again." },
  } },
  { title = "Look at what happened", rows = {
    { name = "timeline", arguments = "[seconds]",
      says = "Draw what each process did when: since the last input that did something, or in the last seconds.",
      more = "The chart begins with that input and ends with it and all that it has spawned, or now. :watch timeline() " ..
        "draws it again and again." },
    { name = "stats", arguments = "[seconds]",
      says = "Show the same in numbers: the longest waits, the busiest queues, how each process spent its time." },
    { name = "marks", arguments = "[seconds]",
      says = "Show what sandbox.mark(name [, value]) noted: time, process, name, value.",
      more = "Times are those of sandbox.now(). Of more than 100 marks the last ones are shown." },
    { name = "trace", arguments = "file [, seconds]", takes = "words",
      says = "Write all that is recorded, or the last seconds, into a file: .html .svg .pftrace .json",
      more = "The prompt records every run from its start, in memory: the last 32 MiB, which are minutes of a busy run " ..
        "and hours of others (--trace-limit). An .html file is a page for any browser, .pftrace is for " ..
        "ui.perfetto.dev." },
  } },  { title = "Try what could happen", rows = {
    { name = "explore", arguments = "function [, options]",
      says = "Try every interleaving of the processes that a function spawns, on a copy of this session.",
      more = "The result has ok, complete, interleavings, failures, outcomes; shown, it is the report. Queues, locks and " ..
        "the like must be made inside of the function. See help(sandbox.explore)." },
    { name = "step", arguments = "function [, options]",
      says = "Choose each step of the processes that a function spawns, on a copy of this session.",
      more = "It shows who could go on, what it would do, and in how many interleavings it ends wrong from here; ? lists what " ..
        "can be typed: a number takes that step, u undoes, r takes a random one, f runs on to the nearest failure, t shows the " ..
        "token, q leaves. The value is the token of the steps that were taken, for replay. Options as of explore." },
    { name = "replay", arguments = "failure [, function]",
      says = "Follow the schedule of a failure that explore has found: r = explore(f), replay(r.failures[1]).",
      more = "In the simulator, on a copy of this session as it is now; its report is shown. The function is needed if " ..
        "the failure comes from sandbox.explore, and for a token: replay(step(f), f)." },
  } },
  { title = "After sandbox.pause()", rows = {
    { name = "continue", arguments = "", form = ":", says = "Let the script, or the chunk, that has paused go on.",
      more = "sandbox.pause() in a script stops it there, if it was started with -i, and opens the prompt; other " ..
        "processes go on. Its locals can be read and changed by their names. :bt shows where it is, :src the lines." },
    { name = "locals", arguments = "", says = "Show the locals of what has paused, and the variables around it." },
  } },
  { title = "Act on processes", rows = {
    { name = "kill", arguments = "process", replays = true, says = "End a process at once (SIGKILL)." },
    { name = "pause", arguments = "process", replays = true, says = "Stop a process where it is, until resume." },
    { name = "resume", arguments = "process", replays = true, says = "Let a paused process go on." },
  } },
  { title = "Work at the prompt", rows = {
    { name = "help", arguments = "[topic]", takes = "text", says = "Explain: help('queue.put'), help(q.put), ?q.put",
      more = "A topic is a function of the library or of Lua, a method ('queue.put'), a command of the prompt; or " ..
        "any value." },
    { name = "src", arguments = "[function]", says = "Show the source of a function; or the line that has paused." },
    { name = "dump", arguments = "value [, depth]",
      says = "Show a value in full: more levels and items, and the fields of objects that have a __tostring." },
    { name = "time", arguments = "function, ...", takes = "text",
      says = "Call a function repeatedly for half a second, and show how long a call takes.",
      more = "A text is compiled first: time('#q'), or :time #q. The time is real time, whatever --speed is." },
    { name = "edit", arguments = "[function or n]", says = "Edit the last input, a function, or input n (repl:n) in " ..
      "$VISUAL, $EDITOR or vi; then run it." },
    { name = "save", arguments = "file [, true]", takes = "words",
      says = "Write what worked so far as a script that runs: `sandbox file`.",
      more = "A file that exists is replaced only with true. Input that failed and commands of the prompt are left " ..
        "out, except those that act on processes." },
    { name = "load", arguments = "file", takes = "words", form = ":",
      says = "Run a file in this session; its globals stay." },
    { name = "reload", arguments = "[module]", takes = "words",
      says = "Load a module again, or all modules loaded from files since the start.",
      more = "The table of a module stays the same, so every reference to it sees the new functions." },
    { name = "quit", arguments = "", form = ":", says = "Leave, as Ctrl-D does." },
  } },
}

-- Further lines of the overview.
commands.signs = {
  { sign = "?name", says = "Short for help('name')." },
  { sign = "!command", says = "Run a command of the system; ! alone starts a shell." },
  { sign = "Tab", says = "Complete the word, or list its completions." },
  { sign = "Ctrl-C", says = "Interrupt the running chunk, or drop what is typed; other processes go on." },
  { sign = "Ctrl-Z", says = "Stop the whole run; fg lets it go on." },
  { sign = "Ctrl-D", says = "Leave, on an empty line." },
}

commands.by_name, commands.names = {}, {}
for _, group in ipairs(commands.groups) do
  for _, row in ipairs(group.rows) do
    commands.by_name[row.name] = row
    table.insert(commands.names, row.name)
  end
end
table.sort(commands.names)

return commands
