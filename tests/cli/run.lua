-- cli/run.lua - run the program with a command line, and look at all that comes out.
local shell = require "support.shell"

-- Variables that change what the program does; none of them is set unless a test says so.
local VARIABLES = { "LUA_INIT", "LUA_INIT_5_4", "NO_COLOR", "FORCE_COLOR" }

-- `env` part of a command line: without VARIABLES, but with those of `set`.
local function environment(set)
  local words = { "env" }
  for _, name in ipairs(VARIABLES) do words[#words + 1] = "-u " .. name end
  for name, value in pairs(set or {}) do words[#words + 1] = shell.quote(name .. "=" .. value) end
  return table.concat(words, " ")
end

local function slurp(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("a")
  file:close()
  os.remove(name)
  return text
end

-- Run the program; returns {out=, err=, status=}; status is 128+n for signal n.
--   t[1], t[2], ...  its arguments
--   t.stdin    text for its standard input; none: /dev/null
--   t.env      variables to set
--   t.program  another program than the one under test
--   t.command  a whole shell command instead, where $P is the program
--   t.dir      the folder to be in
--   t.closed   a shell redirection at the end, like "1>&-"
local function run(t)
  local program = t.program or shell.program
  local out, err, input = os.tmpname(), os.tmpname(), os.tmpname()
  local file = assert(io.open(input, "wb"))
  file:write(t.stdin or "")
  file:close()

  local words = { "cd " .. shell.quote(t.dir or ".") .. " &&", environment(t.env),
    "P=" .. shell.quote(program), "timeout -k 5 60" }
  if t.command then
    words[#words + 1] = "sh -c " .. shell.quote(t.command)
  else
    words[#words + 1] = shell.quote(program)
    for _, word in ipairs(t) do words[#words + 1] = shell.quote(word) end
  end
  words[#words + 1] = ("<%s >%s 2>%s %s"):format(input, out, err, t.closed or "")
  local _, kind, number = os.execute(table.concat(words, " "))
  os.remove(input)
  return { out = slurp(out), err = slurp(err), status = kind == "signal" and 128 + number or number }
end

return run
