-- doc/manual.lua - writes the manual page sandbox.1 out of what `sandbox --help all` prints.
--
--   sandbox src/doc/manual.lua >src/doc/sandbox.1        a test compares
--
-- The program asked is the one that runs this.
local program = assert(io.open("/proc/self/cmdline")):read("a"):match("^[^\0]+")

local function output_of(arguments)
  local pipe <close> = assert(io.popen(("'%s' %s"):format(program, arguments)))
  return pipe:read("a")
end

-- Text for roff: backslashes and dashes as they are typed, no line that begins with a dot or a quote.
local function plain(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (text:gsub("^([.'])", "\\&%1"))
end

local lines = {}
local function add(format, ...) lines[#lines + 1] = select("#", ...) > 0 and format:format(...) or format end

local version = output_of("--version"):match("sandbox (%S+)")
add('.TH SANDBOX 1 "" "sandbox %s" "User Commands"', version)
add [==[
.SH NAME
sandbox \- a scriptable laboratory for concurrency
.SH SYNOPSIS
.B sandbox
.RI [ options ]
.RI [ script
.RI [ args ]]
.br
.B sandbox trace
.RI [ options ]
.I file
.RI [ file ]
.br
.B sandbox check
.RI [ options ]
.RI [ lesson
.RI [ answer... ]]
.SH DESCRIPTION
.B sandbox
runs Lua 5.4 scripts whose
.BR spawn ,
.BR join ,
.BR queue_put ,
.B queue_get
and
.B sleep
are real processes and pipes of the operating system. It shows what each process did, provokes orders that are rare, and tries
every order in a simulator. Without a script it is a prompt, if standard input is a terminal, and else reads a script from there.]==]

local in_options, section = false, nil
for line in output_of("--help all"):gmatch("[^\n]*") do
  local title = line:match("^(%u[^:]*):$")
  local left, right = line:match("^  (%-.-)  +(.*)$")
  if not left then left, right = line:match("^  (%-%S+.*)$"), "" end
  if title then
    section = title
    if title:find("^O") and not in_options then
      in_options = true
      add ".SH OPTIONS"
    end
    if title:find("^O") then add(".SS %s", title) end
    if title == "Exit status" then add ".SH EXIT STATUS" end
  elseif section and section:find("^O") and left then
    add(".TP\n.B %s", plain(left))
    if right ~= "" then add("%s", plain(right)) end
  elseif section == "Exit status" and line:find("%S") then
    local status, means = line:match("^  (%S+)%s+(.*)$")
    add(".TP\n.B %s\n%s", plain(status), plain(means))
  end
end

add [[
.SH ENVIRONMENT
.TP
.B LUA_INIT, LUA_INIT_5_4, LUA_PATH, LUA_CPATH
as for
.BR lua (1)
.TP
.B NO_COLOR
no colours in messages
.SH FILES
.TP
.I ~/.local/state/sandbox/history
the lines typed at the prompt
.TP
.I ~/.config/sandbox/init.lua
runs when the prompt starts
.TP
.I ~/.editrc
keys of the prompt
.SH SEE ALSO
.BR lua (1);
the pages in
.I share/doc/sandbox
below the prefix where sandbox is installed;
.B sandbox \-\-help sandbox
lists the library.]]
print(table.concat(lines, "\n"))
