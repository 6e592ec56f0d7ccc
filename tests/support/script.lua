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

-- Run `text` in the background; when it has printed `word`, run `signals`, lines of shell in which $super is its
-- supervisor. Returns what run does; if `signals` set $from to a time in nanoseconds, `out` says "took=MS" before the rest.
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

-- Is there a process with this number, zombies not counted?
function script.alive(pid)
  local handle = io.open("/proc/" .. pid .. "/stat")
  if not handle then return false end
  local stat = handle:read("a") or ""
  handle:close()
  return stat:match("^.*%) (%a)") ~= "Z"
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
