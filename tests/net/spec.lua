-- sandbox --engine URL net/spec.lua NAME: run spec/NAME_spec.lua under busted, with the objects of the run in an engine.
--
-- What cannot be the same there is in net/outside.lua, with the reason. Status 77: that is true of the whole spec.
package.path = "./?.lua;" .. package.path
local name, output = arg[1], arg[2] or "plainTerminal"
local outside = require "net.outside"

if outside.specs[name] then
  print(name .. ": " .. outside.specs[name])
  os.exit(77)
end

arg = { [0] = "busted", "--output=" .. output, "--lpath=./?.lua" }
for test in pairs(outside.tests[name] or {}) do
  arg[#arg + 1] = "--filter-out=" .. test:gsub("%p", "%%%0")
end
arg[#arg + 1] = ("spec/%s_spec.lua"):format(name)
require "busted.runner" { standalone = false }
os.exit(true) -- it returns when all is well
