-- prompt/lua/paused.lua - what has paused: sandbox.pause() in a script or a chunk. Its locals, its place, its end.
--
-- The host knows the frame (prompt/pause.c); here it becomes variables. Of nested pauses the innermost is meant.
local _, use = ...
local _ENV <const> = use "std"

local compile, pretty, source = use "compile", use "pretty", use "source"

local paused = {}

local CONTEXT <const> = 4 -- lines before and behind the one that has paused

-- The variables that a chunk sees: those of the paused function first. What a chunk keeps of them, a function that it
-- defines, sees only globals when the pause is over.
local function variables(session, pause)
  local host, all = session.host, globals -- a metatable of the globals has its say
  local function is_there() return session.pause == pause end
  return setmetatable({}, {
    __index = function(_, name)
      if is_there() and type(name) == "string" then
        local found, value = host.local_get(name)
        if found then return value end
      end
      return all[name]
    end,
    __newindex = function(_, name, value)
      if not (is_there() and type(name) == "string" and host.local_set(name, value)) then all[name] = value end
    end,
  })
end

-- The lines around the one that has paused, or only that one.
local function lines_around(session, context)
  local f, current, name = session.host.place()
  local all = source.lines(session, f)
  if not all or not all[current] then return {} end
  local list = {}
  for at = math.max(1, current - context), math.min(#all, current + context) do
    list[#list + 1] = string.format("%s %d  %s", at == current and ">" or " ", at, all[at])
  end
  return list, name, current
end

-- Say where, and remember what the pause interrupts: chunks are counted from the beginning in it.
function paused.begin(session)
  local pause = { outer = session.pause, depth = session.depth }
  session.pause, session.depth = pause, 0
  pause.env = variables(session, pause)
  local _, current, name = session.host.place()
  session.host.say(string.format("paused at %s:%d; :continue goes on, :locals shows its variables", name, current))
  for _, line in ipairs(lines_around(session, 0)) do session.host.say(line) end
end

function paused.finish(session)
  local pause = session.pause
  session.pause, session.depth = pause.outer, pause.depth
end

-- { name, value } for each variable of the function that has paused.
local function locals(session)
  local list = {}
  for _, pair in ipairs(session.host.locals()) do
    if not compile.adds(pair[1]) then list[#list + 1] = pair end
  end
  return list
end

-- Of the frames of a pause, the names that may be completed.
function paused.names(session)
  local list = {}
  for _, pair in ipairs(session.pause and locals(session) or {}) do list[#list + 1] = pair[1] end
  return list
end

local function check(session)
  if session.pause then return end
  error("nothing is paused: sandbox.pause() stops a script that runs with -i, or a chunk", 0)
end

function paused.show_source(session)
  check(session)
  put_out(table.concat(lines_around(session, CONTEXT), "\n") .. "\n")
end

function paused.install(session, functions)
  functions["continue"] = function()
    check(session)
    session.host.resume()
  end
  local bt = session.host.commands and session.host.commands.bt
  functions.bt = bt and function(p)
    if not session.pause or p ~= nil and p ~= "main" then return bt(p) end
    put_out(session.host.stack() .. "\n")
  end
  function functions.locals()
    check(session)
    local width, color = session.host.width(), session.host.color
    for _, pair in ipairs(locals(session)) do
      put_out(pair[1] .. " = " .. pretty.values({ pair[2], n = 1 }, { width = width, color = color }) .. "\n")
    end
  end
end

return paused
