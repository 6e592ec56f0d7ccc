-- prompt/lua/std.lua - the standard library as it was before the first chunk ran.
--
-- Whatever a chunk does to print, string, table or _G must not reach the prompt itself. So every module of the prompt
-- runs in this environment (`local _ENV <const> = use "std"`), which holds copies of the libraries, and no module
-- calls a method of a string (`s:sub(1)` would be looked up in the chunk's table `string`) or of a file.
--
-- Besides the libraries: `globals`, the table of globals that chunks see, to be used raw; `loaded`, which is
-- package.loaded, and `loaded_at_start`, what it was; `put_out(text)`, `put_err(text)` and `flush()` for the standard
-- streams; `metatable_of(value)`.
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
-- Those that a chunk sees let an interrupt pass; the prompt is where it ends.
local registry = debug.getregistry()
std.pcall, std.xpcall = registry["sandbox.pcall"] or pcall, registry["sandbox.xpcall"] or xpcall
std.package, std.loaded = package, package.loaded -- not copies: paths change, modules come and go
std.loaded_at_start = copy(std.loaded)

local getmetatable <const>, pcall <const>, error <const> = getmetatable, std.pcall, error
local stdout <const>, stderr <const> = io.stdout, io.stderr
local write <const>, flush <const> = stdout.write, stdout.flush

-- A chunk may have closed the stream: then there is nobody to tell.
function std.put_out(text) pcall(write, stdout, text) end

function std.flush() pcall(flush, stdout) end

-- What was printed before stands before the error.
function std.put_err(text)
  pcall(flush, stdout)
  pcall(write, stderr, text)
  pcall(flush, stderr)
end

-- The metatable itself, whatever its __metatable says.
std.metatable_of = debug.getmetatable or getmetatable

return setmetatable(std, {
  __index = function(_, name) error("the prompt knows no '" .. name .. "'", 2) end,
  __newindex = function(_, name) error("the prompt sets no global '" .. name .. "'", 2) end,
})
