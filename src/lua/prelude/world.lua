-- Worlds: objects that independent programs share by their names. sandbox.connect.
--
-- An object of a world is a handle like any other; only where it is made differs (host/world_lua.h). One that is there
-- by its type and name already is meant, so the programs need not agree on which comes first.
local sandbox, use = ...
local native, common, World = use "native", use "common", use("classes").World
local worlds <const> = native.worlds()

local world, methods = {}, {}

local function check_name(name, what, arg)
  common.check(type(name) == "string" and name ~= "", what, arg,
    "name must be a string, by which other programs find it")
end

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
    local tag, engine = common.call(worlds.join, url, options.name)
    if tag then return setmetatable({ tag = tag, name = options.name, engine = engine }, World) end
    local unreached = string.find(engine, "^cannot reach")
    if not unreached or common.left(deadline) == 0 then native.raise("connect: " .. engine) end
    common.call(sandbox.sleep, math.min(0.1, common.left(deadline)))
  end
end

local function check_world(w, what) return common.check_object(w, World, what) end

-- Call a constructor so that it makes what it makes in the world.
local function make(w, what, constructor, ...)
  check_world(w, what)
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

-- The options of `what`; `known` is a set of them, besides the name.
local function read(options, what, known)
  common.check_table(options, what, 1, "table of options")
  known.name = true
  common.check_options(options, known, what, 1)
  check_name(options.name, what, 1)
  return options
end

for what, known in next, { lock = {}, event = {}, rwlock = {}, queue = { max = true }, barrier = { n = true },
  semaphore = { n = true, max = true }, latch = { n = true } } do
  methods[what] = function(w, options, ...)
    common.check_no_more(what, 2, ...)
    check_world(w, what)
    return make(w, what, sandbox[what], read(options, what, known))
  end
end

function methods.value(w, options, ...)
  common.check_no_more("value", 2, ...)
  check_world(w, "value")
  options = read(options, "value", { initial = true })
  local v, initial = make(w, "value", worlds and worlds.value, options.name), options.initial
  if initial ~= nil and common.call(v.get, v) == nil then -- it is the first; or the first was killed here
    common.call(v.update, v, function(now) if now == nil then return initial end return now end)
  end
  return v
end

function methods.dict(w, options, ...)
  common.check_no_more("dict", 2, ...)
  check_world(w, "dict")
  options = read(options, "dict", { initial = true })
  local initial = options.initial
  common.check(initial == nil or type(initial) == "table", "dict", 1, "initial must be a table of entries")
  local d = make(w, "dict", sandbox.dict, nil, { name = options.name })
  for key, value in next, initial or {} do common.call(d.cas, d, key, nil, value) end
  return d
end

function methods.array(w, options, ...)
  common.check_no_more("array", 2, ...)
  check_world(w, "array")
  options = read(options, "array", { n = true, kind = true })
  return make(w, "array", sandbox.array, options.n, options.kind, { name = options.name })
end

function methods.close(w, ...)
  common.check_no_more("close", 1, ...)
  check_world(w, "close")
  if not rawget(w, "closed") then
    w.closed = true
    if worlds then worlds.close(rawget(w, "tag")) end
  end
end

function World.__index(w, key)
  if methods[key] then return methods[key] end
  if key == "name" then return rawget(w, "name") end
end

function World.__close(w) methods.close(w) end

function World.__tostring(w)
  check_world(w, "tostring")
  local closed = rawget(w, "closed") and " (closed)" or ""
  return string.format("world: %s at %s%s", rawget(w, "name"), rawget(w, "engine"), closed)
end

-- What is called when the class is still a stub.
world.__index, world.__tostring = World.__index, World.__tostring

return world
