-- prompt/lua/files.lua - `:load file`, the init file, edit.
local _, use = ...
local _ENV <const> = use "std"

local source = use "source"

local files = {}

local write, close = io.stdout.write, io.stdout.close

-- Expand `~/x` as the shell does.
function files.expand(path)
  local home = os.getenv("HOME")
  return home and string.find(path, "^~/") and home .. string.sub(path, 2) or path
end

-- Compile a file, without its `#!` line, and call it.
function files.run(path)
  local text, message = source.read_file(files.expand(path))
  if not text then error("cannot read " .. message, 0) end
  local f, problem = load(string.gsub(text, "^#[^\n]*", ""), "@" .. path)
  if not f then error(problem, 0) end
  return f()
end

function files.write(path, text)
  local file, message = io.open(path, "wb")
  if not file then error("cannot write " .. message, 0) end
  local ok, problem = write(file, text)
  local closed, at_close = close(file)
  if not (ok and closed) then error("cannot write " .. path .. ": " .. (problem or at_close), 0) end
end

-- -- edit -----------------------------------------------------------------------------------------

local function quote(text) return "'" .. string.gsub(text, "'", "'\\''") .. "'" end

-- The text that edit opens: of a function, of chunk n, or of the last chunk that was typed.
local function text_to_edit(session, what)
  if type(what) == "function" then
    local text, message = source.text(session, what)
    if not text then error("this function cannot be edited: " .. message, 0) end
    return text
  end
  if what ~= nil and math.type(what) ~= "integer" then error("edit wants a function or the n of repl:n", 0) end
  for i = what or #session.chunks, what or 1, -1 do
    local chunk = session.chunks[i]
    if chunk and chunk.kind ~= "command" then return chunk.text end
  end
  if what then error("there is no repl:" .. what, 0) end
  return ""
end

-- Let the person edit a text; returns the edited text.
local function edited(session, text)
  local editor = os.getenv("VISUAL") or os.getenv("EDITOR") or "vi"
  local plain = os.tmpname()
  local path = plain .. ".lua" -- editors choose the language by the extension
  os.rename(plain, path)
  files.write(path, text)
  local ok, kind, code = session.host.run(editor .. " " .. quote(path))
  local after, message = source.read_file(path)
  os.remove(path)
  if not ok then error(editor .. " ended with " .. tostring(kind) .. " " .. tostring(code) .. ": nothing is run", 0) end
  if not after then error(message, 0) end
  return (string.gsub(after, "%s+$", ""))
end

function files.install(session, functions)
  -- The edited text runs after the input that called edit has ended, see session.lua.
  function functions.edit(what)
    local before = text_to_edit(session, what)
    local after = edited(session, before)
    if after == "" or after == before then
      session.host.say("edit: " .. (after == "" and "nothing to run" or "unchanged, not run"))
    else
      put_out(after .. "\n")
      session.next_chunk = after
    end
  end

  functions.load = files.run
end

return files
