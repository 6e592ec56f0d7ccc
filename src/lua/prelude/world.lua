-- Worlds: objects that independent programs share by their names. sandbox.connect.
--
-- An object of a world is a handle like any other; only where it is made differs (host/world_lua.h). One that is there
-- by its type and name already is meant, so the programs need not agree on which comes first.
local sandbox, use = ...
local native, common, World = use "native", use "common", use("classes").World
local worlds <const> = native.worlds()

local world, methods = {}, {}

function world.connect(url, options, ...)
  common.check_no_more("connect", 3, ...)
  common.check(type(url) == "string", "connect", 1, "address of an engine expected, such as redis://:PASSWORD@HOST")
  common.check_table(options, "connect", 2, "table of options")
  common.check_options(options, { name = true, timeout = true }, "connect", 2)
  common.check(type(options.name) == "string", "connect", 2, "name must be a string: that of the world")
  if not worlds then
    native.raise("connect: only a run of real processes can connect, not one that is simulated or explored")
  end
  if worlds.refused then native.raise("connect: " .. worlds.refused) end
  local deadline = common.deadline(options.timeout or 0, "connect", 2)
  while true do
    local tag, told = common.call(worlds.join, url, options.name)
    if tag then return setmetatable({ tag = tag, name = options.name, engine = told }, World) end
    local unreached = string.find(told, "^cannot reach")
    if not unreached or common.left(deadline) == 0 then native.raise("connect: " .. told) end
    common.call(sandbox.sleep, math.min(0.1, common.left(deadline)))
  end
end

-- The options of the method `what`, checked with the world; `known` is a set of them, besides the name.
local function read(w, what, known, options, ...)
  common.check_no_more(what, 2, ...)
  common.check_object(w, World, what)
  common.check_table(options, what, 1, "table of options")
  known.name = true
  common.check_options(options, known, what, 1)
  common.check(type(options.name) == "string" and options.name ~= "", what, 1,
    "name must be a string, by which other programs find it")
  return options
end

-- Call a constructor so that it makes its object in the world.
local function make(w, what, constructor, ...)
  local throws = native.throws()
  if not worlds or not worlds.make_in(rawget(w, "tag")) then
    native.raise(what .. ": this process is not connected to world " .. rawget(w, "name"))
  end
  local ok, object = pcall(constructor, ...)
  worlds.make_in()
  if ok then return object end
  native.pass(throws, object)
  if type(object) == "string" then native.raise(common.text_of(object)) end
  error(object, 0)
end

for what, known in next, { lock = {}, event = {}, rwlock = {}, condition = { lock = true }, barrier = { n = true },
  queue = { max = true, redeliver = true }, semaphore = { n = true, max = true }, latch = { n = true } } do
  methods[what] = function(w, ...) return make(w, what, sandbox[what], read(w, what, known, ...)) end
end

function methods.value(w, ...)
  local options = read(w, "value", { initial = true }, ...)
  local v, initial = make(w, "value", worlds and worlds.value, options.name), options.initial
  if initial ~= nil and common.call(v.get, v) == nil then -- it is the first; or the first was killed here
    common.call(v.update, v, function(now) if now == nil then return initial end return now end)
  end
  return v
end

function methods.dict(w, ...)
  local options = read(w, "dict", { initial = true }, ...)
  local initial = options.initial
  common.check(initial == nil or type(initial) == "table", "dict", 1, "initial must be a table of entries")
  local d = make(w, "dict", sandbox.dict, nil, { name = options.name })
  for key, value in next, initial or {} do common.call(d.cas, d, key, nil, value) end
  return d
end

function methods.array(w, ...)
  local options = read(w, "array", { n = true, kind = true }, ...)
  return make(w, "array", sandbox.array, options.n, options.kind, { name = options.name })
end

-- `well`: what this process has in hand of queues with redeliver is given up.
local function close(w, well)
  common.check_object(w, World, "close")
  if not rawget(w, "closed") then
    w.closed = true
    if worlds then worlds.close(rawget(w, "tag"), well) end
  end
end

function methods.close(w, ...)
  common.check_no_more("close", 1, ...)
  return close(w, true)
end

function World.__close(w, failure) close(w, failure == nil) end

function World.__tostring(w)
  common.check_object(w, World, "tostring")
  local closed = rawget(w, "closed") and " (closed)" or ""
  return string.format("world: %s at %s%s", rawget(w, "name"), rawget(w, "engine"), closed)
end

-- While the class is still a stub (native.c), these are called; from now on it has them itself.
function world.__index(_, key) return methods[key] end
world.__tostring, World.__index = World.__tostring, methods

return world
