-- prompt/lua/session.lua - what the prompt does with a line: evaluate it, obey it, complete it.
--
-- S = session.new(host), where `host` has the functions of the program (see prompt/session.c), in tests a fake:
--   host.width() -> columns      host.color  a boolean       host.say(text)  a note for the person
--   host.run(command) -> ok, "exit"|"signal", code           runs a program in the foreground
--   host.request(name, ...) -> string | nil, error           asks the supervisor
-- and optionally:
--   host.fresh()  starts a new line for the next output
--   host.commands  { name = function }: commands written in C        host.meta  the text of src/lua/meta/sandbox.lua
--   host.clock() -> seconds of the machine's monotonic clock         host.list(folder) -> names, folders with a "/"
--
-- Errors of a chunk are reported here, never raised; only an interrupt may be raised.
local _, use = ...
local _ENV <const> = use "std"

local arguments, call, commands, compile = use "arguments", use "call", use "commands", use "compile"
local complete, files, hints, lex = use "complete", use "files", use "hints", use "lex"
local outline, paused, pretty, suggest = use "outline", use "paused", use "pretty", use "suggest"

local Session = {}
Session.__index = Session

-- -- results --------------------------------------------------------------------------------------

local KEPT <const> = 9 -- results that have a name

-- `_` and `_1` are the last result, `_2` ... `_9` those before.
local function keep_result(value)
  for i = KEPT, 2, -1 do rawset(globals, "_" .. i, rawget(globals, "_" .. i - 1)) end
  rawset(globals, "_1", value)
  rawset(globals, "_", value)
end

-- The chunk's output may have left the cursor in the middle of a line.
local function fresh_line(self)
  flush()
  if self.host.fresh then self.host.fresh() end
end

-- Is the one result a report, which is lines of text?
local function is_report(r)
  local meta = r.n == 2 and type(r[2]) == "table" and getmetatable(r[2])
  return type(meta) == "table" and rawget(meta, "__name") == "sandbox.exploration"
end

-- r: { true, results..., n = }. The result of an inquiry while a chunk runs gets no name.
local function show_results(self, r)
  if r.n < 2 then return end
  if self.depth == 0 then keep_result(r[2]) end
  local values = table.pack(table.unpack(r, 2, r.n))  fresh_line(self)
  if is_report(r) then return put_out(tostring(r[2])) end
  put_out(pretty.values(values, { width = self.host.width(), color = self.host.color }) .. "\n")
end

local function show_error(self, e)
  local value = e.value
  if type(value) == "string" then value = call.without_own_place(value) end
  if self.depth == 0 then rawset(globals, "_e", value) end
  fresh_line(self)
  put_err(call.report(e, self.host.color, hints.of(self, e)))
end

-- -- evaluation -----------------------------------------------------------------------------------

-- Call what was typed. A chunk runs with the debug hook that it or an earlier chunk has set; an inquiry that comes
-- meanwhile does not change the hook.
local function call_input(self, f, chunk)
  self.depth = self.depth + 1
  if self.depth == 1 and chunk.kind ~= "command" then call.resume_hook() end
  local r = call.protected(f)
  if self.depth == 1 and chunk.kind ~= "command" then call.suspend_hook() end
  self.depth = self.depth - 1
  return r
end

local function run(self, f, chunk)
  local r = call_input(self, f, chunk)
  chunk.worked = r[1]
  if r[1] then show_results(self, r) else show_error(self, r.error) end
  flush()
  return r[1] and "ok" or "error"
end

-- Locals end with their chunk: remember them for hints, and say so once.
local function note_locals(self, chunk)
  local tokens = lex.code(chunk.text)
  local names = outline(tokens).locals
  for _, name in ipairs(names) do self.locals[name] = chunk.name end
  if tokens[1] and tokens[1].text == "local" and names[1] and not self.told_of_locals then
    self.told_of_locals = true
    self.host.say("hint: a local ends with its line: write `" .. names[1] .. " = ...` without `local` to keep it " ..
      "(said once)")
  end
end

local eval

-- Run the text that edit returned as an input of its own, once the input that called edit has ended.
local function run_edited(self, chunk, done)
  local text = self.next_chunk
  if not text or self.depth > 0 then return done end
  self.next_chunk, chunk.kind = nil, "command"
  return eval(self, text, true)
end

-- Words that are typed alone, as at other prompts. Returns whether it was one.
local function said_alone(self, text)
  local word = string.match(text, "^%s*(%a+)%s*;?%s*$")
  if word == "help" and self.functions.help and rawequal(rawget(globals, "help"), self.functions.help) then
    self.functions.help()
  elseif (word == "exit" or word == "quit") and rawget(globals, word) == nil then
    self.host.say("Ctrl-D leaves")
  else
    return false
  end
  return true
end

-- `is_whole`: no more lines will come.
function eval(self, text, is_whole)
  if said_alone(self, text) then return "ok" end
  local chunk = { text = text, name = "repl:" .. #self.chunks + 1, worked = false }
  local f, kind, more = compile.chunk(text, "=" .. chunk.name, self.pause and self.pause.env)
  if not f and more and not is_whole then return "incomplete" end
  self.chunks[#self.chunks + 1] = chunk
  if not f then
    show_error(self, { value = kind })
    return "error"
  end
  chunk.kind = kind
  local done = run(self, f, chunk)
  note_locals(self, chunk)
  return run_edited(self, chunk, done)
end

-- Do something for the person. An error in it (mostly an interrupt of the printing) is reported without its traceback,
-- which would not be the chunk's.
local function guarded(self, f, ...)
  local depth = self.depth
  local r = call.protected(f, self, ...)
  if r[1] then return r[2] end
  self.depth = depth
  call.protected(show_error, self, { value = r.error.value })
  return "error"
end

-- Evaluate a chunk and print its results. Returns "ok"; "error", which has been reported; or "incomplete": more lines
-- may complete it, and the caller passes the whole text again.
function Session:eval(text) return guarded(self, eval, text) end

-- -- inquiries ------------------------------------------------------------------------------------

local function one_line(text, env)
  local f, message = compile.expression(text, "=(expression)", env)
  if not f then error(message, 0) end
  local r = table.pack(f())
  for i = 1, r.n do r[i] = pretty.line(r[i], 500) end
  return table.concat(r, ", ", 1, r.n)
end

-- The value of an expression as one line of text, for a caller that asks while something else runs: nothing is printed
-- or kept. Returns true and the text, or false and a message.
function Session:evaluate(text)
  local r = call.protected(one_line, text, self.pause and self.pause.env)
  if r[1] then return true, r[2] end
  return false, call.message(r.error.value)
end

-- -- commands -------------------------------------------------------------------------------------

local function shell(self, command)
  if not string.find(command, "%S") then command = os.getenv("SHELL") or "sh" end
  local ok, kind, code = self.host.run(command)
  if ok then return "ok" end
  self.host.say(kind == "signal" and "ended by signal " .. code or "exit status " .. tostring(code))
  return "error"
end

local function unknown(self, name)
  if commands.by_name[name] then return ":" .. name .. " is not available in this session" end
  local list = {}
  for known in next, self.functions do list[#list + 1] = known end
  local near = suggest(name, list)
  return "there is no command :" .. name .. (near and "; did you mean :" .. near .. "?" or "; :help lists them")
end

-- Calls the original function of the command, even if a chunk has changed the global.
local function obey(self, line, name, rest)
  local row, f = commands.by_name[name], self.functions[name]
  local chunk = { text = line, name = "repl:" .. #self.chunks + 1, kind = "command", worked = false }
  if self.depth == 0 then self.chunks[#self.chunks + 1] = chunk end
  local done = run(self, function()
    if not f then error(unknown(self, name), 0) end
    local list = arguments.read(row, rest, self.pause and self.pause.env)
    if name == "load" then chunk.loads = list[1] end
    if row.replays then chunk.act = { name = name, rest = rest, on = list[1] } end
    return f(table.unpack(list, 1, list.n))
  end, chunk)
  return run_edited(self, chunk, done)
end

local function command(self, line)
  local sign, rest = string.match(line, "^%s*([:?!])%s*(.-)%s*$")
  if sign == "!" then return shell(self, rest) end
  if sign == "?" then return obey(self, line, "help", rest == "" and "" or " " .. rest) end
  local name, tail = string.match(rest or "", "^([%a_][%w_]*)(.*)$")
  if name then return obey(self, line, name, tail) end
  show_error(self, { value = "a command is `:name arguments`, `?name` or `!command`; :help lists them" })
  return "error"
end

-- `:name arguments`, `?name`, `!command`. Returns "ok" or "error".
function Session:command(line) return guarded(self, command, line) end

-- -- completion -----------------------------------------------------------------------------------

-- Complete the word at the cursor; `cursor` bytes of the line are before it. Returns the byte (from 1) where the word
-- starts, and a sorted list of candidates for it.
function Session:complete(line, cursor)
  local r = call.protected(complete, self, line, cursor)
  if r[1] then return r[2], r[3] end
  return cursor + 1, {}
end

-- -- pauses -------------------------------------------------------------------------------------------

-- sandbox.pause() was called; and what had paused goes on.
function Session:pause_begin() paused.begin(self) end

function Session:pause_finish() paused.finish(self) end

-- -- the prompt -----------------------------------------------------------------------------------

local PROMPT_BYTES <const> = 1024

local function without_color(text) return (string.gsub(text, "\27%[[%d;:]*m", "")) end

local function shorten(text)
  if #text <= PROMPT_BYTES then return text end
  return (string.gsub(string.sub(text, 1, PROMPT_BYTES), "[\xC2-\xF4][\x80-\xBF]*$", ""))
end

-- The prompt, as in lua: the global _PROMPT, or _PROMPT2 when a chunk needs more lines (`more` is 1), converted to a
-- string. If that fails, the error is reported once, and the prompt is the default.
function Session:prompt(_, more)
  local name, usual = "_PROMPT", self.pause and "paused> " or "> "
  if more == 1 then name, usual = "_PROMPT2", ">> " end
  local there = call.protected(function() return globals[name] end)
  if there[2] == nil then return usual end -- a metatable of the globals may refuse the access
  local r = call.protected(tostring, there[2])
  if r[1] then
    self.prompt_failed = nil
    return shorten(self.host.color and r[2] or without_color(r[2]))
  end
  local message = name .. ": " .. call.message(r.error.value)
  if message ~= self.prompt_failed then
    fresh_line(self)
    put_err(message .. "\n")
  end
  self.prompt_failed = message
  return usual
end

-- How many chunks there were so far: the last one is "repl:N".
function Session:count() return #self.chunks end

-- -- making ---------------------------------------------------------------------------------------

-- Run the person's init file: $XDG_CONFIG_HOME/sandbox/init.lua, else ~/.config/sandbox/init.lua, unless a path is
-- given. A missing file is fine. An error is reported. Returns "ok" or "error".
function Session:init(path)
  local config, home = os.getenv("XDG_CONFIG_HOME"), os.getenv("HOME")
  path = path or (config and config ~= "" and config or (home or "") .. "/.config") .. "/sandbox/init.lua"
  local file = io.open(path)
  if not file then return "ok" end
  io.close(file)
  self.init_file = path
  return guarded(self, function() return run(self, function() files.run(path) end, {}) end)
end

-- Make the commands global functions, unless the name is in use.
local function install(self)
  for _, name in ipairs { "files", "help", "measure", "paused", "reload", "save", "source", "trace", "watch" } do
    use(name).install(self, self.functions)
  end
  for _, name in ipairs(commands.names) do
    local row, global = commands.by_name[name], rawget(globals, name)
    local f = self.functions[name] or self.host.commands and self.host.commands[name]
    if not f and type(global) == "function" and debug.getinfo(global, "S").what == "C" then f = global end
    self.functions[name] = f
    if global == nil and row.form ~= ":" then rawset(globals, name, f) end
  end
end

local session = {}

function session.new(host)
  local self = setmetatable({ host = host, chunks = {}, functions = {}, locals = {}, depth = 0 }, Session)
  call.text_of = hints.text_of(self)
  install(self)
  return self
end

return session
