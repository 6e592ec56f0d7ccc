-- prompt/lua/watch.lua - watch and unwatch, which ask the supervisor; dump and peek, which do not.
local _, use = ...
local _ENV <const> = use "std"

local compile, pretty = use "compile", use "pretty"

local watch = {}

local function ask(session, ...)
  local text, message = session.host.request(...)
  if not text then error(message or "the prompt does not answer", 0) end
  if text ~= "" then put_out(text .. (string.find(text, "\n$") and "" or "\n")) end
end

local function check_seconds(seconds)
  local n = tonumber(seconds == nil and 1 or seconds)
  if not n or n ~= n or n <= 0 then error("watch: the seconds must be a number above 0", 0) end
  return n
end

local FOLLOWED <const> = 0.5 -- seconds between two pictures

-- A timeline is a picture: it is drawn again and again, until a key is hit.
local function follow(session, expression, seconds)
  local _, message = session.host.request("follow", expression, check_seconds(seconds == nil and FOLLOWED or seconds))
  if message then error("watch: " .. message, 0) end
end

local PEEKED <const> = 10 -- items, by default

function watch.install(session, functions)
  function functions.peek(queue, n)
    local far = (type(queue) == "string" or math.type(queue) == "integer") and session.host.far()
    if far then
      local found = far.queue(queue)
      if not found then error(string.format("peek: there is no queue '%s' in the engine: see queues()", queue), 0) end
      queue = found
    end
    local methods = metatable_of(queue)
    local peek = methods and type(rawget(methods, "__index")) == "table" and rawget(methods, "__index").peek
    if not peek then error("peek wants a queue, and how many items: peek(q, 5)", 0) end
    n = n == nil and PEEKED or math.tointeger(n)
    if not n or n < 1 then error("peek: the number of items must be a whole number, 1 or more", 0) end
    return peek(queue, n)
  end

  function functions.watch(expression, seconds)
    if expression == nil then return ask(session, "watches") end
    if type(expression) ~= "string" then
      error("watch wants the expression as a text, to evaluate it again and again: watch(\"#q\", 1)", 0)
    end
    local f, message = compile.expression(expression, "=(watch)")
    if not f then error(message, 0) end
    if string.find(expression, "^timeline%f[^%w_]") then return follow(session, expression, seconds) end
    ask(session, "watch", expression, check_seconds(seconds))
  end

  function functions.unwatch(n)
    if n == nil then return ask(session, "unwatch") end
    if not tonumber(n) then error("unwatch wants the number of what is watched, as watch() shows it", 0) end
    ask(session, "unwatch", tonumber(n))
  end

  function functions.dump(value, depth)
    local o = { depth = tonumber(depth) or 10, items = 1000, string_limit = 100000, raw = true }
    o.width, o.color = session.host.width(), session.host.color
    put_out(pretty.value(value, o) .. "\n")
  end
end

return watch
