-- sandbox --sim sim/spec.lua NAME: run spec/NAME_spec.lua under busted in the simulator.
--
-- A test that starts programs or writes files is told to be pending when it does so. What else cannot be the same here is in
-- sim/outside.lua. Status 77: that is true of the whole spec.
package.path = "./?.lua;" .. package.path
local name, output = arg[1], arg[2] or "plainTerminal"
local outside = require "sim.outside"

if outside.specs[name] then
  print(name .. ": " .. outside.specs[name])
  os.exit(77)
end

local pending = require("busted.core")().pending -- in a test it ends the test
local function needs(what)
  return function() pending("outside of the simulator: " .. what) end
end
os.execute, io.popen = needs "it starts a program", needs "it starts a program"
os.tmpname, os.remove = needs "it writes a file", needs "it writes a file"
-- Tests that were given up in the middle have left processes behind.
local exit, main = os.exit, sandbox.self().id
function os.exit(...)
  for _, child in ipairs(sandbox.self().id == main and sandbox.children() or {}) do child:kill() end
  exit(...)
end

local open = io.open
local real_process = needs "it looks at the processes of the system"
function io.open(name, ...)
  if type(name) == "string" and name:find("^/proc/") then real_process() end
  return open(name, ...)
end

arg = { [0] = "busted", "--output=" .. output, "--lpath=./?.lua" }
for test in pairs(outside.tests[name] or {}) do
  arg[#arg + 1] = "--filter-out=" .. test:gsub("%p", "%%%0")
end
arg[#arg + 1] = ("spec/%s_spec.lua"):format(name)
require "busted.runner" { standalone = false }
os.exit(true) -- it returns when all is well
