-- support/script.lua - run a script given as text under the program, bounded, with its two streams apart.
local shell = require "support.shell"

local script = {}

local function take(name)
  local handle = assert(io.open(name))
  local text = handle:read("a")
  handle:close()
  os.remove(name)
  return text
end

-- Run `text`. Options, all of them optional:
--   args      options of the program, a string for the shell
--   after     arguments of the script, a string for the shell
--   seconds   bound (20): a run that hangs is killed, and its status is 124 or 137
--   env       assignments before the command, a string for the shell
--   program   what runs it, a string for the shell; `args` and all else follow
--   shell     a command line around it: "%s" is the command
-- Returns { out =, err =, status =, name = of the script's file, as it stands in messages }.
function script.run(text, o)
  o = o or {}
  local file <close> = shell.file(text)
  local out, err = os.tmpname(), os.tmpname()
  local command = ("%s timeout -k 1 %d %s %s %s %s"):format(o.env or "", o.seconds or 20,
    o.program or shell.quote(shell.program), o.args or "", shell.quote(file.name), o.after or "")
  if o.shell then command = o.shell:format(command) end
  local _, kind, number = os.execute(("{ %s ; } >%s 2>%s </dev/null"):format(command, out, err))
  return {
    out = take(out), err = take(err), name = file.name,
    status = kind == "signal" and 128 + number or number,
  }
end

-- Run `text` until its time limit of `seconds`; again with longer ones, until `expected(r)` is true of what run returns: how soon its
-- processes are where a test wants them depends on what else the machine does. Returns the last.
function script.until_limit(text, seconds, expected, args)
  local r
  for _, limit in ipairs { seconds, 3, 10, 30 } do
    r = script.run(text, { args = ("%s --timeout %s"):format(args or "", limit), seconds = 60 })
    if expected(r) then break end
  end
  return r
end

-- Run `text` in the background; when it has printed `word`, run `signals`, lines of shell in which $super is its
-- supervisor. Returns what run does; if `signals` set $from to a time in nanoseconds, `out` begins with "took=MS".
function script.signalled(text, word, signals, o)
  o = setmetatable({}, { __index = o })
  o.seconds = o.seconds or 60
  o.shell = ([[
    out=$(mktemp); err=$(mktemp)
    %%s >$out 2>$err & wrapper=$!
    for i in $(seq 1500); do grep -q '%s' $out && break; sleep 0.02; done
    super=$(ps -o pid= --ppid $wrapper | tr -d " ")
    %s
    wait $wrapper; status=$?; end=$(date +%%%%s%%%%N); [ "$from" ] && echo took=$(((end - from) / 1000000))
    cat $out; cat $err >&2; rm -f $out $err
    ( exit $status )]]):format(word, signals)
  return script.run(text, o)
end

-- The same, until `expected` of what it returns, with ever longer pauses before the signals: the processes do not wait yet where a
-- test wants them when the word is printed. Returns the last.
function script.signalled_until(text, word, signals, expected, o)
  local r
  for _, pause in ipairs { 0, 1, 3, 10 } do
    r = script.signalled(text, word, ("sleep %d; %s"):format(pause, signals), o)
    if expected(r) then break end
  end
  return r
end

-- Are there fault points in the program? SANDBOX_FAULT names them, see src/base/fault.h.
function script.has_faults()
  return script.run("spawn(function() end):join()", { env = "SANDBOX_FAULT=spawn.fork:1:fail" }).status ~= 0
end
script.NO_FAULTS = "the program has no fault points (a release)"

-- Is there a process with this number, zombies not counted?
function script.alive(pid)
  local handle = io.open("/proc/" .. pid .. "/stat")
  if not handle then return false end
  local stat = handle:read("a") or ""
  handle:close()
  return stat:match("^.*%) (%a)") ~= "Z"
end

-- Wait until a process has slept for a while, so that it holds no lock: one that is stopped with a lock holds up others.
function script.asleep(pid)
  local looks = 0
  for _ = 1, 3000 do
    local file = assert(io.open(("/proc/%d/stat"):format(pid)))
    local state = file:read("a"):match "^.*%) (%a)"
    file:close()
    looks = state == "S" and looks + 1 or 0
    if looks == 5 then return true end
    sleep(0.01)
  end
  return false
end

-- Wait until none of the processes lives; false if some do after `seconds` (10).
function script.gone(pids, seconds)
  local stop = sandbox.now() + (seconds or 10)
  for _, pid in ipairs(pids) do
    while script.alive(pid) do
      if sandbox.now() > stop then return false, pid end
      sleep(0.01)
    end
  end
  return true
end

-- How many times `needle` (plain) stands in `text`.
function script.count(text, needle)
  local n, at = 0, 1
  while true do
    local first, last = text:find(needle, at, true)
    if not first then return n end
    n, at = n + 1, last + 1
  end
end

-- The number of children of this process that have ended and were not reaped.
function script.zombies()
  local own, n = tostring(sandbox.getpid()), 0
  for pid in require("lfs").dir("/proc") do
    local handle = pid:match("^%d+$") and io.open("/proc/" .. pid .. "/stat")
    if handle then
      local state, parent = (handle:read("a") or ""):match("^.*%) (%a) (%d+)")
      handle:close()
      if state == "Z" and parent == own then n = n + 1 end
    end
  end
  return n
end

-- The number of descriptors that this process has open.
function script.descriptors()
  local n = 0
  for _ in require("lfs").dir("/proc/self/fd") do n = n + 1 end
  return n
end

return script
