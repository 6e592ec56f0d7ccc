#!/usr/bin/env sandbox
-- A child starts with a copy of everything its parent has. From then on nothing is shared: neither of
-- them sees what the other changes. Data comes back as a result, or through a queue.

counter = 10 -- a global
local list = { "apple" } -- an upvalue of the function below

local function change(who)
  counter = counter + 1
  list[#list + 1] = "pear"
  print(("%s: counter = %d, list = { %s }"):format(who, counter, table.concat(list, ", ")))
  return counter
end

print(("parent, before: counter = %d, list = { %s }"):format(counter, table.concat(list, ", ")))
local a = spawn(change, "first child")
local in_a = a:result() -- wait for it, and take what its function returned
local b = spawn(change, "second child")
local in_b = b:result()
print(("parent, after: counter = %d, list = { %s }"):format(counter, table.concat(list, ", ")))
print(("returned by the children: %d and %d"):format(in_a, in_b))
