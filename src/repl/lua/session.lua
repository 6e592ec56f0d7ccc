-- repl/lua/session.lua - what the prompt does with a line: evaluate it, obey it, complete it.
--
-- S = session.new(host), with the functions of the program (see repl/session.c) in `host`; in tests a fake:
--   host.width() -> columns      host.color  a boolean       host.say(text)  a note for the person
--   host.run(command) -> ok, "exit"|"signal", code           a program in the foreground
--   host.request(name, ...) -> string | nil, error           asked of the supervisor
-- and, where they are there:
--   host.fresh()  what is printed next begins on a line of its own
--   host.commands  { name = function }: commands written in C        host.meta  the text of src/lua/meta/sandbox.lua
--   host.clock() -> seconds of the machine's monotonic clock         host.list(folder) -> names, folders with a "/"
--
-- Nothing here raises an error for what a chunk does; what leaves is an interrupt at worst.
local _, use = ...
local _ENV <const> = use "std"

local call, compile, pretty = use "call", use "compile", use "pretty"

local Session = {}
Session.__index = Session

-- -- results --------------------------------------------------------------------------------------

local KEPT <const> = 9 -- results that have a name

-- `_` and `_1` the last result, `_2` ... `_9` those before.
local function keep_result(value)
  for i = KEPT, 2, -1 do rawset(globals, "_" .. i, rawget(globals, "_" .. i - 1)) end
  rawset(globals, "_1", value)
  rawset(globals, "_", value)
end

-- What the chunk wrote may have left the cursor in the middle of a line.
local function fresh_line(self)
  flush()
  if self.host.fresh then self.host.fresh() end
end

-- r: { true, results..., n = }
local function show_results(self, r)
  if r.n < 2 then return end
  keep_result(r[2])
  fresh_line(self)
  put_out(pretty.values(table.pack(table.unpack(r, 2, r.n)), { width = self.host.width(), color = self.host.color }) ..
    "\n")
end

local function show_error(self, e, hint)
  rawset(globals, "_e", e.value)
  fresh_line(self)
  put_err(call.report(e, self.host.color, hint))
end

-- -- evaluation -----------------------------------------------------------------------------------

-- Call what was typed with its own debug hook, and see what became of it.
local function run(self, f, chunk)
  call.resume_hook()
  local r = call.protected(f)
  call.suspend_hook()
  if r[1] then
    chunk.worked = true
    show_results(self, r)
  else
    show_error(self, r.error)
  end
  flush()
  return r[1] and "ok" or "error"
end

local function eval(self, text)
  local chunk = { text = text, name = "repl:" .. #self.chunks + 1 }
  local f, kind, more = compile.chunk(text, "=" .. chunk.name)
  if not f and more then return "incomplete" end
  self.chunks[#self.chunks + 1] = chunk
  if not f then
    show_error(self, { value = kind })
    return "error"
  end
  chunk.kind = kind
  return run(self, f, chunk)
end

-- Do something for the person; an error in it (an interrupt of the printing, mostly) is told, too.
local function guarded(self, f, ...)
  local r = call.protected(f, self, ...)
  if r[1] then return r[2] end
  call.protected(show_error, self, r.error)
  return "error"
end

-- Evaluate a chunk, print what it gives. Returns "ok"; "error", which was reported; or "incomplete": more lines may
-- complete it, the text is given again with them.
function Session:eval(text) return guarded(self, eval, text) end

-- -- inquiries ------------------------------------------------------------------------------------

local function one_line(text)
  local f, message = compile.expression(text, "=(expression)")
  if not f then error(message, 0) end
  local r = table.pack(f())
  for i = 1, r.n do r[i] = pretty.line(r[i], 500) end
  return table.concat(r, ", ", 1, r.n)
end

-- The value of an expression as one line of text, for those who ask while something else goes on: nothing is printed or
-- kept. Returns true and the text, or false and a message.
function Session:evaluate(text)
  local r = call.protected(one_line, text)
  if r[1] then return true, r[2] end
  return false, call.message(r.error.value)
end

-- -- commands -------------------------------------------------------------------------------------

-- `:name arguments`, `?name`, `!command`. Returns "ok" or "error".
function Session:command(line)
  put_err("not a command: " .. line .. "\n")
  return "error"
end

-- -- completion -----------------------------------------------------------------------------------

-- The words that may stand at the cursor, which is before the byte `cursor` of the line. Returns the byte where the
-- word starts, and a sorted list of what may stand there instead.
function Session:complete(_, cursor) return cursor, {} end

-- -- making ---------------------------------------------------------------------------------------

local session = {}

function session.new(host)
  return setmetatable({ host = host, chunks = {} }, Session)
end

return session
