-- prompt/lua/source.lua - the source of functions: src(f), and the comment above a function.
local _, use = ...
local _ENV <const> = use "std"

local names = use "names"

local source = {}

local read, close = io.stdout.read, io.stdout.close

-- The text of a file; or nil and the reason.
function source.read_file(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, problem = read(file, "a")
  close(file)
  if not text then return nil, path .. ": " .. problem end
  return text
end

-- The text that a function was compiled from, and its file if there is one: { text =, path = nil or path }.
local function text_of(session, info)
  local number = string.match(info.source, "^=repl:(%d+)$")
  local chunk = number and session.chunks[tonumber(number)]
  if chunk then return { text = chunk.text, lead = chunk.lead } end
  local path = string.match(info.source, "^@(.*)")
  if not path then return nil, "the source of " .. info.short_src .. " was not kept" end
  local text, message = source.read_file(path)
  return text and { text = text, path = path }, message
end

local function lines_of(text)
  local list = {}
  for line in string.gmatch(text .. "\n", "(.-)\r?\n") do list[#list + 1] = line end
  return list
end

-- A dump starts with a header that is the same for all functions, the number of upvalues and the name of the source.
local HEADER <const> = 33

-- Is this function, line numbers included, still in the text? Then its compiled form is a part of the text's compiled
-- form.
local function is_unchanged(f, text)
  local whole = load(string.gsub(text, "^#[^\n]*", ""), "=file", "t")
  if not whole then return false end
  local all, one = string.dump(whole, true), string.dump(f, true)
  return string.find(all, string.sub(one, HEADER), 1, true) ~= nil
end

-- Find the lines of a function within its text. Returns { all = lines, first =, last =, ... }; or nil and a message.
local function locate(session, f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return nil, "it is written in C" end
  local from, message = text_of(session, info)
  if not from then return nil, message end
  local all = lines_of(from.text)
  local first, last = info.linedefined, info.lastlinedefined
  if first <= 0 then first, last = 1, #all end
  local changed = last > #all or from.path and not is_unchanged(f, from.text)
  return { all = all, first = first, last = math.min(last, #all), path = from.path, changed = changed,
    where = info.short_src .. ":" .. first }
end

-- All lines of the text that a function is in; nil: they are not known.
function source.lines(session, f)
  local from = text_of(session, debug.getinfo(f, "S"))
  return from and lines_of(from.text)
end

-- The comment directly above a function, without its dashes.
function source.comment(session, f)
  local found = locate(session, f)
  local list = {}
  if not found or found.changed then return list end
  for at = found.first - 1, 1, -1 do
    local text = string.match(found.all[at], "^%s*%-%-+%s?(.*)$")
    if not text then break end
    table.insert(list, 1, text)
  end
  return list
end

-- The source of a function as text, for edit; or nil and the reason.
function source.text(session, f)
  local found, message = locate(session, f)
  if not found then return nil, message end
  return table.concat(found.all, "\n", found.first, found.last)
end

local function show(session, f)
  local found, message = locate(session, f)
  local name = names.functions()[f]
  if not found then error((name or "this function") .. " has no source to show: " .. message, 0) end
  local lines = { "-- " .. found.where }
  if found.changed then
    lines[1] = lines[1] .. ": the file has changed since the function was loaded, so these may be other lines"
  end
  for at = found.first, found.last do lines[#lines + 1] = found.all[at] end
  put_out(table.concat(lines, "\n") .. "\n")
end

function source.install(session, functions)
  function functions.src(f)
    if f == nil and session.pause then return use("paused").show_source(session) end
    if type(f) ~= "function" then error("src shows the source of a function, not of a " .. type(f), 0) end
    show(session, f)
  end
end

return source
