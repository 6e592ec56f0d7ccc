-- prompt/lua/std.lua - the standard library as it was before the first chunk ran.
--
-- A chunk may change print, string, table or _G, and the prompt must not be affected. So every module of the prompt
-- runs in this environment (`local _ENV <const> = use "std"`), which holds copies of the libraries, and no module calls
-- a method of a string (`s:sub(1)` would look it up in the chunk's table `string`) or of a file.
--
-- Besides the libraries there are: `globals`, the table of globals that chunks see, for raw access; `loaded`, which is
-- package.loaded, and `loaded_at_start`, its initial contents; `put_out(text)`, `put_err(text)` and `flush()` for the
-- standard streams; `metatable_of(value)`.
local std = { globals = _G }

local function copy(t)
  local c = {}
  for k, v in next, t do c[k] = v end
  return c
end

for name, value in next, _G do
  if type(name) == "string" and value ~= _G then
    std[name] = type(value) == "table" and name ~= "arg" and copy(value) or value
  end
end
-- The versions that a chunk sees let an interrupt pass; the prompt is where it must end.
local registry = debug.getregistry()
std.pcall, std.xpcall = registry["sandbox.pcall"] or pcall, registry["sandbox.xpcall"] or xpcall
std.package, std.loaded = package, package.loaded -- not copies, since paths change and modules are added and removed
std.loaded_at_start = copy(std.loaded)

local getmetatable <const>, pcall <const>, error <const> = getmetatable, std.pcall, error
local stdout <const>, stderr <const> = io.stdout, io.stderr
local write <const>, flush <const> = stdout.write, stdout.flush

-- A chunk may have closed the stream; the text is lost then.
function std.put_out(text) pcall(write, stdout, text) end

function std.flush() pcall(flush, stdout) end

-- Flush stdout first, so that earlier output appears before the error.
function std.put_err(text)
  pcall(flush, stdout)
  pcall(write, stderr, text)
  pcall(flush, stderr)
end

-- The metatable itself, even if it has a __metatable field.
std.metatable_of = debug.getmetatable or getmetatable

return setmetatable(std, {
  __index = function(_, name) error("the prompt knows no '" .. name .. "'", 2) end,
  __newindex = function(_, name) error("the prompt sets no global '" .. name .. "'", 2) end,
})
