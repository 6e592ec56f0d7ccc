-- strict/cases/cheating.lua - ways to make a run look like another one; see strict/hold.lua.
local FORGED <const> = "sandbox: all tests passed"

-- A line that looks like a report's is in the text.
-- A terminal at the end of a pipe would show it so.
local function is_in(text)
  text = text:gsub("\u{200b}", ""):gsub("\u{feff}", ""):gsub("\u{2060}", ""):gsub("\u{301}", ""):gsub("\r\n", "\n")
  text = text:gsub("\27%[[%d;]*m", ""):gsub("\27%[[%d;]*%a", "\r")
  return ("\n" .. text):find("[\r\n]" .. FORGED) ~= nil
end

local function forges(name, program, more)
  local case = { program, name = "a forged line, " .. name, alone = { "L" }, escaped = function(o) return is_in(o.err) or o.streams and is_in(o.out) end }
  for k, v in pairs(more or {}) do case[k] = v end
  return case
end

-- A line that begins as a report's does, or what turns the text before a line is seen to begin otherwise.
local function reads(name, program, more)
  local case = forges(name, program, more)
  case.escaped = function(o)
    local text = ("\n" .. o.err):gsub("\u{2067}", "\u{202e}")
    return text:find("\nsandbox:", 1, true) ~= nil or text:find("\n\u{202e}", 1, true) ~= nil or text:find("\ns\u{202e}", 1, true) ~= nil
  end
  return case
end

local MARKED <const> = { plain = "labels are marked in any run" }
local LATER <const> = "only the first line of a report begins as one"

return {
  forges("on stderr", ("io.stderr:write('%s\\n')"):format(FORGED)),
  { "os.exit(124)", name = "the exit status of a limit", alone = { "L" }, escaped = function(o) return o.status == 124 or o.status == 125 end },
  { "local file = io.open('/proc/self/fd/9') print(file and file:read 'a')", name = "an inherited descriptor", alone = { "L", "FS" }, escaped = "secret",
    setup = "exec 9<../out/secret.txt" },
  { "os.execute(\"python3 -c 'import fcntl, termios; fcntl.ioctl(0, termios.TIOCSTI, b\\\"x\\\")' && echo ESCAPED\")", name = "input put into a terminal (TIOCSTI)",
    alone = { "L", "FS" }, escaped = "told", terminal = true },

  -- Found by trying.
  forges("in an error", ("error('x\\n%s', 0)"):format(FORGED), { plain = LATER }),
  forges("in the error of a process", ("spawn({ name = 'x' }, function() error('y\\n%s', 0) end)"):format(FORGED), { plain = LATER }),
  forges("in the name of a chunk", ("load('x()', '@a\\n%s')()"):format(FORGED), { plain = LATER }),
  forges("in the text of an error object", ("error(setmetatable({}, { __tostring = function() return 'x\\n%s' end }))"):format(FORGED), { plain = LATER }),
  forges("in a warning", ("warn('@on') warn('x\\n%s')"):format(FORGED)),
  forges("in pieces", "io.stderr:write('x') io.stderr:write('\\nsand') io.stderr:write('box: all tests passed\\n')"),
  forges("in pieces, unbuffered", "io.stderr:setvbuf 'no' for c in ('x\\nsandbox: all tests passed\\n'):gmatch '.' do io.stderr:write(c) end"),
  forges("behind a line that another process broke off", [[io.stderr:write "x"
spawn(function() io.stderr:write "y\n" end):join()
io.stderr:write "sandbox: all tests passed\n"]]),
  forges("behind what has no width", "io.stderr:write('\\u{200b}\\u{feff}sand\\u{2060}box\\u{301}: all tests passed\\n')"),
  forges("behind sequences of a terminal", "io.stderr:write('x\\27[2K\\27[1Gsandbox: all tests passed\\n')"),
  reads("from right to left", "io.stderr:write('\\u{202e}dessap stset lla :xobdnas\\n')"),
  reads("from right to left, in a part", "io.stderr:write('x\\ns\\u{2067}:xobdna\\n')"),
  reads("by a progress", "sandbox.progress({ label = 'sandbox: all tests passed' }):close()", MARKED),
  reads("by a progress that is called as the program", "sandbox.progress({ label = 'sandbox' }):close()", MARKED),
  reads("by a progress, from right to left", "sandbox.progress({ label = '\\u{202e}:xobdnas' }):close()", MARKED),
  reads("by a progress that is open at the end", "sandbox.progress { label = 'sandbox: all tests passed', total = 2 }", MARKED),
  reads("by the name of a process in a timeline", "spawn({ name = 'sandbox: x' }, sleep, 0):join()", { always = "--timeline=120" }),
  reads("by the name of a process in a table", "spawn({ name = 'sandbox: x' }, sleep, 0):join()", { always = "--stats" }),
  forges("in the place of another line", "io.stderr:write('x\\rsandbox: all tests passed\\n')"),
  forges("of an error in the place of another line", "error('x\\ny\\rsandbox: all tests passed')", { plain = LATER }),
  forges("by io.output", ("io.output(io.stderr) io.write('%s\\n')"):format(FORGED)),
  forges("by a process", ("spawn(function() io.stderr:write('x\\n%s\\n') end):join()"):format(FORGED)),
  forges("on stdout, where that is stderr", ("print('%s')"):format(FORGED), { streams = ">../stdout 2>&1" }),
  forges("in the place of a lock that is held", ("load('local l = sandbox.lock() l:acquire()', '@a\\n%s')()"):format(FORGED), { plain = LATER }),
  forges("in the place of a deadlock", ("load('queue():get() print(1)', '@a\\n%s')()"):format(FORGED), { plain = LATER }),
  forges("in the name of a process", ("pcall(spawn, { name = 'x\\n%s' }, error, 'y')"):format(FORGED), { plain = "names have no line breaks" }),
  forges("by a file that is stderr", ("io.open('/dev/stderr', 'w'):write('%s\\n')"):format(FORGED)),
  { "io.stdout:seek('set') io.stdout:write('all is well') io.stdout:flush()", name = "the output of the run before, overwritten", alone = { "L" },
    escaped = function(o) return o.out:sub(1, 7) ~= "the run" end,
    setup = "exec 3>../stdout; echo 'the run before' >&3", streams = ">&3 2>../stderr" },
  { "io.stderr:seek('end', -15) io.stderr:write('all is well')", name = "the errors of the run before, overwritten", alone = { "L" },
    escaped = function(o) return o.out:sub(1, 7) ~= "the run" end,
    setup = "exec 3>../stdout; echo 'the run before' >&3", streams = ">../stderr 2>&3" },
  forges("on stdout of a run that is shaken", ("print('%s') error('x')"):format(FORGED),
    { streams = ">../stdout 2>&1", always = "--shake=1" }),
}
