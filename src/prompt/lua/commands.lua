-- prompt/lua/commands.lua - what the prompt can do besides Lua, one row each; help, completion and "did you mean" read
-- it.
--
--   name       of the global function, and after the colon
--   arguments  as help shows them
--   says       one sentence
--   more       what else there is to know; may be left out
--   takes      what the arguments of the short form `:name ...` are, see arguments.lua:
--              "values" (unless said) Lua values; "words" words as they stand; "text" all of the line in one piece
--   replays    a saved session does it, too: it is about processes, not about what is shown
--   form       ":" when there is no function of that name: Lua has one of its own, or a function makes no sense
local _, use = ...
local _ENV <const> = use "std"

local commands = {}

commands.groups = {
  { title = "Look at what runs", rows = {
    { name = "ps", arguments = "[process]", says = "Show the processes: state, what each waits for, since when, " ..
      "cpu, memory, items in and out, source line." },
    { name = "top", arguments = "", says = "Show the processes again and again, until a key is hit." },
    { name = "queues", arguments = "", says = "Show the queues: items, room, bytes, who waits, closed or not." },
    { name = "objects", arguments = "", says = "Show the locks, semaphores, events, conditions, barriers, values, dicts and " ..
      "pipes: state, holder, who waits, and where it was used last." },
    { name = "peek", arguments = "queue [, n]", says = "Show the oldest items of a queue, and leave them there.",
      more = "n is 10 unless said." },
    { name = "waits", arguments = "", says = "Show who waits for whom; a deadlock is named." },
    { name = "bt", arguments = "process", says = "Show where a process is: its Lua traceback." },
    { name = "watch", arguments = "expression [, seconds]", takes = "words",
      says = "Show an expression whenever its value changes, looking every second or as often as said.",
      more = "The expression is a text, as it is evaluated again and again: watch('#q', 0.5), or :watch #q 0.5. " ..
        "One with blanks goes into quotes. watch() lists what is watched; unwatch ends it." },
    { name = "unwatch", arguments = "[n]", says = "Stop watching number n, or everything." },
    { name = "follow", arguments = "[process]", says = "Show the output of this process alone, or of all again." },
    { name = "mute", arguments = "process [, false]", says = "Drop the output of a process, or show it again." },
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
    { name = "src", arguments = "function", says = "Show the source of a function." },
    { name = "dump", arguments = "value [, depth]",
      says = "Show all of a value: more levels and items, and objects that have a __tostring from the inside." },
    { name = "time", arguments = "function, ...", takes = "text",
      says = "Call a function again and again for half a second, and show how long a call takes.",
      more = "A text is compiled: time('#q'), or :time #q. The clock is the machine's, whatever --speed says." },
    { name = "edit", arguments = "[function or n]", says = "Edit the last input, that of a function, or " ..
      "number n (of repl:n) in $VISUAL, $EDITOR or vi; then run it." },
    { name = "save", arguments = "file [, true]", takes = "words",
      says = "Write what worked so far as a script that runs: `sandbox file`.",
      more = "A file that exists is replaced only with true. Input that failed and commands of the prompt are left " ..
        "out, but for what was done to processes." },
    { name = "load", arguments = "file", takes = "words", form = ":",
      says = "Run a file here; what it defines stays." },
    { name = "reload", arguments = "[module]", takes = "words",
      says = "Load a module again, or all that came from files since the start.",
      more = "Whoever holds the table of a module sees its new functions." },
    { name = "quit", arguments = "", form = ":", says = "Leave, as Ctrl-D does." },
  } },
}

-- What else the overview tells.
commands.signs = {
  { sign = "?name", says = "Short for help('name')." },
  { sign = "!command", says = "Run a command of the system; ! alone starts a shell." },
  { sign = "Tab", says = "Complete the word, or show what it may become." },
  { sign = "Ctrl-C", says = "Interrupt what runs, or drop what is typed; processes in the background go on." },
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
