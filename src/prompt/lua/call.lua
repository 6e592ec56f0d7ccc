-- prompt/lua/call.lua - protected calls of what was typed, and error reports.
local _, use = ...
local _ENV <const> = use "std"

local hint = use "hint"

local call = {}

-- Modules of the prompt, whose positions are left out of messages.
local own = {}
for name in string.gmatch([[arguments call commands compile complete files help hint hints leaf lex measure meta names
    outline page paused pretty reload resolve save session source std suggest topic trace watch width]], "%a+") do
  own[name] = true
end

-- -- calling --------------------------------------------------------------------------------------

local last -- the last error that a handler saw, with its traceback

-- A function that returns a line of an input and the line before it; set by the session.
call.text_of = nil

-- Kept small, since it also runs after a stack overflow.
local function on_error(value)
  last = { value = value, traceback = debug.traceback(nil, 2) }
  last.hint = hint.protected(value, call.text_of) or false
  return value
end

-- Call f(...). Returns { true, n = , results... }, or { false, error = { value =, traceback =, hint = } }.
function call.protected(f, ...)
  last = nil
  local r = table.pack(xpcall(f, on_error, ...)) -- no tail call: tracebacks are cut at this frame
  if r[1] then return r end
  local seen = last and rawequal(last.value, r[2]) and last or { value = r[2] }
  last = nil
  return { false, n = 1, error = seen }
end

-- -- hooks of chunks ------------------------------------------------------------------------------

local kept -- the debug hook that the last chunk has left

-- A chunk's own debug hook applies to chunks, not to the prompt. A hook set in C is an interrupt, and stays.
function call.suspend_hook()
  local hook, mask, count = debug.gethook()
  if type(hook) == "function" then
    debug.sethook()
    kept = { hook, mask, count }
  elseif hook == nil then
    kept = nil
  end
end

function call.resume_hook()
  if kept and debug.gethook() == nil then debug.sethook(kept[1], kept[2], kept[3]) end
end

-- -- tracebacks -----------------------------------------------------------------------------------

-- The module, of the prompt or of the library, that a frame belongs to; nil: it belongs to the chunk.
local function own_frame(line) return string.match(line, "^\t%[sandbox ([%a_]+)%]") end

local function is_of_c(line) return string.find(line, "^\t%[C%]: ") end

local function is_tail_call(line) return line == "\t(...tail calls...)" end

-- Remove xpcall and other frames that are not calls of the chunk from the end of a list of frames.
local function drop_protection(list)
  if list[#list] and is_tail_call(list[#list]) then list[#list] = nil end
  if list[#list] and is_of_c(list[#list]) then list[#list] = nil end
  if list[#list] and is_tail_call(list[#list]) then list[#list] = nil end
end

-- The lines of a traceback from the error down to the chunk, without frames of the prompt and the library and the C
-- functions that these called.
local function frames(traceback)
  local list, name = {}, nil
  for line in string.gmatch(traceback, "[^\n]+") do
    local tail = name and is_tail_call(line)
    name = own_frame(line) or tail and name
    if name == "call" and not tail then
      drop_protection(list)
      break
    end
    while name and not tail and list[#list] and is_of_c(list[#list]) do list[#list] = nil end
    if not name then list[#list + 1] = line end
  end
  return list
end

-- Does a frame say more than the message does?
local function tells_more(line)
  return not (is_tail_call(line) or string.find(line, "in main chunk$") or is_of_c(line))
end

-- The traceback as a report shows it; nil if it adds nothing.
function call.shorten(traceback)
  local list, worth = frames(traceback), false
  for i = 2, #list do worth = worth or tells_more(list[i]) end
  return worth and table.concat(list, "\n") or nil
end

-- -- reports --------------------------------------------------------------------------------------

local function paint(text, code, color) return color and "\27[" .. code .. "m" .. text .. "\27[0m" or text end

-- An error in a command written in C has the position of its caller, which is a line of the prompt.
function call.without_own_place(text)
  local name, rest = string.match(text, "^%[sandbox (%a+)%]:%d+: (.*)$")
  return name and own[name] and rest or text
end

-- The text for an error value: a string as it is, an object as its __tostring wants.
function call.message(value)
  if type(value) == "string" then return call.without_own_place(value) end
  local meta = metatable_of(value)
  if type(value) == "number" or type(meta) == "table" and rawget(meta, "__tostring") then
    local ok, text = pcall(tostring, value)
    if ok then return text end
  end
  return "error value: " .. use("pretty").line(value, 200)
end

-- A failed process, as join returns it, brings the traceback of that process.
local function traceback_of(e)
  local value = e.value
  local meta = type(value) == "table" and metatable_of(value)
  if type(meta) == "table" and rawget(meta, "__tostring") then
    local theirs = rawget(value, "traceback")
    return type(theirs) == "string" and theirs ~= "" and theirs or nil
  end
  return e.traceback and call.shorten(e.traceback)
end

-- The report of an error { value =, traceback = }, several lines: the message, maybe a hint, the traceback.
function call.report(e, color, hint_text)
  local parts = { paint(call.message(e.value), "1;31", color) }
  if hint_text then parts[#parts + 1] = paint("hint: " .. hint_text, "33", color) end
  local traceback = traceback_of(e)
  if traceback then parts[#parts + 1] = paint(traceback, "2", color) end
  return table.concat(parts, "\n") .. "\n"
end

return call
