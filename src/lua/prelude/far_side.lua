-- The side of a far process (src/host/far.h): it runs the function that it was sent, in a state of its own.
local _, use = ...
local abroad, far = use "abroad", use "far"

local side = {}

local shared = {}  -- the names of the globals that came with functions
local sources = {} -- of modules: as `far.ask` gave them

-- A searcher of require: the spawner's modules come before those of this host.
local function search(name)
  local answer, why = sources[name], nil
  if not answer then answer, why = far.ask(name) end
  if not answer then return "\n\t" .. why end
  local file, text = string.match(answer, "^f([^\0]*)\0(.*)$")
  if not file then return string.sub(answer, 2) end
  sources[name] = answer
  local chunk, message = load(text, "@" .. file)
  if not chunk then error(string.format("error loading module '%s' from file '%s':\n\t%s", name, file, message), 0) end
  return chunk, file
end

-- For a process that this one has spawned elsewhere.
function side.source(name) return sources[name] end

function side.is_global_missing(name) return rawget(shared, name) == nil end

-- The function in `bytes`, which is not called here, since a traceback would tell; and its arguments.
function side.begin(bytes)
  table.insert(debug.getregistry()._LOADED.package.searchers, 2, search)
  return abroad.unpack(bytes, shared)
end

-- The same for a function that comes later.
function side.receive(bytes) return abroad.unpack(bytes, shared) end

-- The results as bytes.
function side.results(...)
  local bytes, message = abroad.answer(shared, ...)
  if not bytes then error(message, 0) end
  return bytes
end

-- A failure as bytes; if its value cannot be sent, what is said of it can.
function side.failure(message, hint, traceback, value)
  traceback = traceback and string.gsub(traceback, "\n\t%[C%]: in %?$", "") -- the end of the stack: the program itself
  return (abroad.answer(shared, message, hint, traceback, value) or abroad.answer(shared, message, hint, traceback, nil))
end

return side
