-- host/course/answer.lua - what an answer does: compiled, run, and explored. Each is found out once, when a rule first
-- asks for it.
--
-- An answer is somebody else's program. It runs in processes of its own, in strict mode and with limits; what it
-- printed comes back as text, and what an exploration found as a Lua table of numbers and strings. Where strict mode
-- cannot be had, which is told, the language alone holds, with the limits.

local Answer = {}
Answer.__index = Answer

local OUTPUT_MAX <const> = 100000 -- bytes
local PROCESSES_MAX <const> = 32
local STATES_MAX <const> = 300000
local KILLED_STATES <const> = 10000 -- and so many times those of the exploration without kills:
local KILLED_FACTOR <const> = 50
local EXPLORE_SHARE <const> = 0.6 -- of the time limit: what was found is still to be told

-- Explores a script, whose text, name and argument stand before, and prints what was found as a table, for read_value;
-- `replayed` is the kind of failure to which the token of the first one leads. If processes are killed, main waits for
-- ever at its end, so that no failure of its own ends those that are left.
local EXPLORER <const> = [[
local text, name, word, states, seconds, kills = %s
local script = assert(load(text, "@" .. name, "t"))
arg = { [0] = name, word }
local function explored() script(word) end
local function bereaved()
  pcall(script, word)
  sandbox.queue():get()
end
local r = sandbox.explore(kills > 0 and bereaved or explored, { limit = states, seconds = seconds, kills = kills })
local token = kills == 0 and r.failures[1] and r.failures[1].token
r.replayed = token and sandbox.explore(explored, { token = token }).failures[1].kind
local function write(v)
  local kind = math.type(v) or type(v)
  if kind == "table" then
    io.write "("
    for k, each in pairs(v) do write(k) write(each) end
    io.write ")"
  elseif kind == "boolean" then
    io.write(v and "+" or "-")
  else
    local forms = { string = "s4", integer = "j", float = "n" }
    io.write(kind:sub(1, 1), string.pack(forms[kind], v))
  end
end
write(setmetatable(r, nil))
]]

local FORMS <const> = { s = "s4", i = "j", f = "n" }
local DEPTH_MAX <const> = 16 -- of tables in tables

-- The value at `at`, and where it ends. It is only data, whoever has written it. Raises an error if it is not well formed.
local function read_value(text, at, depth)
  local kind = text:sub(at, at)
  if FORMS[kind] then return string.unpack(FORMS[kind], text, at + 1) end
  if kind == "+" or kind == "-" then return kind == "+", at + 1 end
  assert(kind == "(" and depth < DEPTH_MAX)
  local list, k, v = {}, nil, nil
  at = at + 1
  while text:sub(at, at) ~= ")" do
    k, at = read_value(text, at, depth + 1)
    v, at = read_value(text, at, depth + 1)
    list[k] = v
  end
  return list, at + 1
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- Run a shell command. Returns {status=, out=, err=, flood=}; status is 128+n for signal n. `flood`: it wrote more than
-- is wanted, and was cut off.
local function run(command)
  local errors = os.tmpname()
  local pipe <close> = assert(io.popen(command .. " 2>" .. quote(errors), "r"))
  local out = pipe:read(OUTPUT_MAX) or ""
  local _, kind, number = pipe:close()
  local file <close> = io.open(errors, "r")
  local err = file and file:read(OUTPUT_MAX) or ""
  os.remove(errors)
  return { status = kind == "signal" and 128 + number or number, out = out, err = err, flood = #out == OUTPUT_MAX }
end

-- `host`: program, the path of this program; seconds, the time limit of a run; strict, whether it can be had.
function Answer.new(host, file) return setmetatable({ host = host, file = file, known = {} }, Answer) end

function Answer:name() return self.file:match "[^/]*$" end

-- Can answers run in strict mode on this machine?
function Answer.is_strict(host) return run(quote(host.program) .. " --strict=report").status == 0 end

-- A command line of this program, with limits.
function Answer:command(options, ...)
  local host = self.host
  local words = { quote(host.program), host.strict and "--strict" or "--strict=lua",
    "--memory 1G --cpu " .. host.seconds, "--color never",
    "--timeout " .. host.seconds, "--max-procs " .. PROCESSES_MAX, options }
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

-- The text of the file, without a first line for the shell.
function Answer:text()
  local file <close> = assert(io.open(self.file, "rb"))
  return (file:read("a"):gsub("^#[^\n]*", ""))
end

local function explore(answer, word, states, kills)
  local values = ("%q, %q, %s, %d, %s, %d"):format(answer:text(), answer:name(), word and ("%q"):format(word), states,
    answer.host.seconds * EXPLORE_SHARE, kills)
  local input = os.tmpname()
  local file <close> = assert(io.open(input, "wb"))
  file:write((EXPLORER:format(values)))
  file:close()
  local r = run(answer:command("-") .. " <" .. quote(input))
  os.remove(input)
  local well, found = pcall(read_value, r.out, 1, 0)
  return r.status == 0 and well and found or { error = r.err }
end

-- The result of sandbox.explore; {error=} if there is none.
function Answer:explored(word)
  return self:once("explored " .. (word or ""), function() return explore(self, word, STATES_MAX, 0) end)
end

-- The same, when one process, but not main, is killed at any step: what do the others do? `endless`: there are so many
-- more states that there is no end to them.
function Answer:bereaved(word)
  return self:once("bereaved " .. (word or ""), function()
    local limit = math.min(KILLED_STATES + KILLED_FACTOR * self:explored(word).states, STATES_MAX)
    local r = explore(self, word, limit, 1)
    r.endless = not r.error and not r.complete and r.states >= limit
    return r
  end)
end

-- What its processes, but not main, have asked for in a run with real ones: for each, the set of these words
-- ("acquire", "get", ...).
function Answer:asked(word)
  return self:once("asked " .. (word or ""), function()
    local name, list = os.tmpname(), {}
    local trace = name .. ".json"
    run(self:command("--speed 10 --trace " .. quote(trace) .. " --", self.file, word) .. " </dev/null")
    local file <close> = assert(io.open(trace, "r"))
    for line in file:lines() do
      local id, op = line:match '"tid":(%d+),.*"args":{"op":"([^"]*)"'
      id = id and tonumber(id) & 0xffffffff -- a process may have several lanes
      if op and id > 1 then
        list[id] = list[id] or {}
        list[id][op] = true
      end
    end
    os.remove(trace)
    os.remove(name)
    return list
  end)
end

return Answer
