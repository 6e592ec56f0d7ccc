-- Functions and values for a state that shares nothing with this one, on another host: see src/lua/codec/named.h.
--
-- A call sent there is {fn = function, args = packed arguments, globals = name -> value}: the globals that the function,
-- and all functions that can be reached from it, name. Modules go by name; the other side loads them before it decodes.
local _, use = ...
local native = use "native"

local abroad = {}

-- The values that a walk has still to look at.
local function new_walk()
  local walk = { seen = native.loaded(), globals = {}, todo = {} }
  function walk.add(value)
    local kind = type(value)
    if (kind ~= "table" and kind ~= "function") or walk.seen[value] then return end
    walk.seen[value] = true
    walk.todo[#walk.todo + 1] = value
  end
  return walk
end

local function look_into_function(walk, f)
  local named = native.named(f)
  if not named then return end -- written in C, or the library's own
  for name, value in next, named do
    walk.globals[name] = value
    walk.add(value)
  end
  for i = 1, math.huge do
    local name, value = debug.getupvalue(f, i)
    if not name then break end
    walk.add(value)
  end
end

local function look_into_table(walk, t)
  walk.add(debug.getmetatable(t))
  for key, value in next, t do
    walk.add(key)
    walk.add(value)
  end
end

-- The globals that these values name, as a table.
local function globals_of(...)
  local walk = new_walk()
  for i = 1, select("#", ...) do walk.add((select(i, ...))) end
  while #walk.todo > 0 do
    local value = table.remove(walk.todo)
    if type(value) == "function" then look_into_function(walk, value) else look_into_table(walk, value) end
  end
  return walk.globals
end

local own = setmetatable({}, { __mode = "k" }) -- functions of the library that may be called there -> their modules

-- The module `name` of the library is this function, which may be called there.
function abroad.know(fn, name) own[fn] = name end

function abroad.knows(fn) return own[fn] ~= nil end

-- A call of `fn`: bytes, for abroad.unpack. Returns nil and a message if something cannot be sent; `what` begins it.
function abroad.pack(what, fn, args)
  local call = { fn = own[fn] or fn, args = args, globals = globals_of(fn, args) }
  local bytes, modules = native.abroad(what, call)
  if not bytes then return nil, modules end
  local names = {}
  for name in next, modules do names[#names + 1] = name end
  table.sort(names)
  return native.encode("call", names, bytes)
end

local GLOBALS <const> = 2 -- where the registry has them

-- The function and its arguments. The modules are loaded before, and the globals are set in this state; their names are
-- added to the set `shared`, if there is one.
function abroad.unpack(bytes, shared)
  local names, inner = native.decode(bytes)
  local require = debug.getregistry()[GLOBALS].require
  for _, name in ipairs(names) do require(name) end
  local call = native.decode(inner)
  for name, value in next, call.globals do
    native.set_global(name, value)
    if shared then shared[name] = true end
  end
  local fn = type(call.fn) == "string" and use(call.fn) or call.fn
  return fn, table.unpack(call.args, 1, call.args.n)
end

-- Results on their way back: bytes, for abroad.read. `shared`: the names of the globals that came with the call. Returns
-- nil and a message if one cannot be sent.
function abroad.answer(shared, ...)
  local bytes, modules = native.abroad("result", table.pack(...), shared)
  if not bytes then return nil, modules end
  return bytes
end

-- The results, packed.
function abroad.read(bytes) return (native.decode(bytes)) end

return abroad
