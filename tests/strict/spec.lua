--[[ sandbox --strict=lua strict/spec.lua NAME: run spec/NAME_spec.lua under busted as a script in strict mode.

busted needs debug, io and modules in C. So in a build for tests ($SANDBOX_STRICT_LATE) the language layer is not on when this
file begins. busted and what it is made of are loaded with an environment of their own, which keeps the libraries as they are
(`trusted`); then strict_close() puts the layer on, for all that the specs do, and for every process that they spawn. The kernel
layers cannot be on: busted maps modules in C. They have the same specs as `strict_kernel` does.

A test that starts programs, opens files, or uses `debug` is told to be pending when it does so. What else cannot be the same here
is in strict/outside.lua. Status 77: that is true of the whole spec. ]]
package.path = "./?.lua;/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua;" .. package.path
local name = arg[1]
local outside = loadfile "strict/outside.lua"()

if outside.specs[name] then
  print(name .. ": " .. outside.specs[name])
  os.exit(77)
end

-- -- what busted sees ---------------------------------------------------------------------------------

local trusted = { _G = _G }
for key, value in pairs(_G) do
  if type(value) == "table" and value ~= _G and value ~= package and value ~= sandbox then
    local copy = {}
    for k, v in pairs(value) do copy[k] = v end
    value = copy
  end
  trusted[key] = trusted[key] or value
end
setmetatable(trusted, { __index = _G })

local loadfile <const>, searchpath <const> = loadfile, package.searchpath
local of_c <const> = package.searchers[3]
local path <const>, cpath <const> = package.path, package.cpath

-- The modules of busted are loaded so before and after; those of the specs are scripts.
local function search_trusted(module)
  if module:find("^support%.") or module:find("^sim%.") or module:find("^cli%.") then return nil end
  local file = searchpath(module, path)
  if file then return loadfile(file, "t", trusted), file end
  if searchpath(module, cpath) then
    local before = package.cpath
    package.cpath = cpath
    local loader, where = of_c(module)
    package.cpath = before
    return loader, where
  end
end

table.insert(package.searchers, 1, search_trusted)
require "busted.runner"
local run <const> = require "busted.runner"
local pending <const> = require("busted.core")().pending -- in a test it ends the test

-- -- what the specs see -------------------------------------------------------------------------------

table.remove(package.searchers, 1)
strict_close()
local was = {} -- functions of busted that are sent name by it what they see and scripts do not
for library, t in pairs(trusted) do
  if type(t) == "function" and t ~= _G[library] then was[library] = t end
  for key, f in pairs(type(t) == "table" and type(_G[library]) == "table" and t or {}) do
    if type(f) == "function" and f ~= _G[library][key] then was[library .. "." .. tostring(key)] = f end
  end
end
package.loaded["strict.was"] = was
table.insert(package.searchers, 1, search_trusted)
package.path = path

local function needs(what)
  return function() pending("outside of strict mode: " .. what) end
end
os.execute, io.popen = needs "it starts a program", needs "it starts a program"
os.tmpname, os.remove, io.open = needs "it writes a file", needs "it writes a file", needs "it opens a file"
for key in pairs(debug) do
  if key ~= "traceback" then debug[key] = needs("it uses debug." .. key) end
end

arg = { [0] = "busted", "--output=plainTerminal", "--lpath=./?.lua" }
for test in pairs(outside.tests[name] or {}) do
  arg[#arg + 1] = "--filter-out=" .. test:gsub("%p", "%%%0")
end
arg[#arg + 1] = ("spec/%s_spec.lua"):format(name)
trusted.arg = arg
run { standalone = false }
for _, p in ipairs(sandbox.children()) do p:kill() end -- of tests that were left in their middle
os.exit(true) -- it returns when all is well
