-- host/course/answer.lua - what an answer does: compiled, run with limits, and explored. Each is found out once, when a
-- rule first asks for it.
--
-- An answer is somebody else's program. It runs in processes of its own, each a `sandbox` with limits; what it printed
-- comes back as text, and what an exploration found as a Lua table of numbers and strings.

local Answer = {}
Answer.__index = Answer

local OUTPUT_MAX <const> = 100000 -- bytes
local PROCESSES_MAX <const> = 32
local STATES_MAX <const> = 300000

-- Explores a script, and prints what was found as a table. Standard input is this text; the script and its argument are
-- arg[1] and arg[2].
local EXPLORER <const> = [[
local file, word = arg[1], arg[2]
local script = assert(loadfile(file))
arg = { [0] = file, word }
local r = sandbox.explore(function() script(word) end, { limit = %d, seconds = %d })
local function write(v)
  if type(v) == "table" then
    io.write "{"
    for k, each in pairs(v) do io.write("[", string.format("%%q", k), "]=") write(each) io.write "," end
    io.write "}"
  else
    io.write(string.format("%%q", v))
  end
end
write(setmetatable(r, nil))
]]

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- Run a shell command. Returns {status=, out=, err=}; status is 128+n for signal n.
local function run(command)
  local errors = os.tmpname()
  local pipe <close> = assert(io.popen(command .. " 2>" .. quote(errors), "r"))
  local out = pipe:read(OUTPUT_MAX) or ""
  local _, kind, number = pipe:close()
  local file <close> = io.open(errors, "r")
  local err = file and file:read(OUTPUT_MAX) or ""
  os.remove(errors)
  return { status = kind == "signal" and 128 + number or number, out = out, err = err }
end

-- `host`: program, the path of this program; seconds, the time limit of a run.
function Answer.new(host, file) return setmetatable({ host = host, file = file, known = {} }, Answer) end

function Answer:name() return self.file:match "[^/]*$" end

-- A command line of this program, with limits.
function Answer:command(options, ...)
  local words = { quote(self.host.program), "--color never", "--timeout " .. self.host.seconds,
    "--max-procs " .. PROCESSES_MAX, options }
  for _, word in ipairs { ... } do words[#words + 1] = quote(word) end
  return table.concat(words, " ")
end

-- The value of key, which find() finds out at the first time.
function Answer:once(key, find)
  if self.known[key] == nil then self.known[key] = find() end
  return self.known[key]
end

-- The compiler's message with its hint, or false.
function Answer:syntax_error()
  return self:once("syntax", function()
    local r = run(quote(self.host.program) .. " --color never --check -- " .. quote(self.file))
    return r.status ~= 0 and r.err
  end)
end

-- A run by real processes, with a clock that goes ten times faster.
function Answer:run(word)
  return self:once("run " .. (word or ""), function()
    return run(self:command("--speed 10 --", self.file, word) .. " </dev/null")
  end)
end

-- The result of sandbox.explore; {error=} if there is none.
function Answer:explored(word)
  return self:once("explored " .. (word or ""), function()
    local text = EXPLORER:format(STATES_MAX, self.host.seconds)
    local r = run(self:command("-", self.file, word) .. " <<'END-OF-INPUT'\n" .. text .. "END-OF-INPUT\n")
    local found = r.status == 0 and load("return " .. r.out, "=explored", "t", {})
    return found and found() or { error = r.err }
  end)
end

-- The token of the shortest order that goes wrong, as the command line tells it; or nil.
function Answer:token(word)
  return self:once("token " .. (word or ""), function()
    local r = run(self:command("--explore=" .. STATES_MAX .. " --", self.file, word) .. " </dev/null")
    return { r.out:match "see it again: sandbox %-%-replay '([^']+)'" }
  end)[1]
end

-- A run by real processes, in the order of a token.
function Answer:replayed(token, word)
  return run(self:command("--replay " .. quote(token) .. " --", self.file, word) .. " </dev/null")
end

return Answer
