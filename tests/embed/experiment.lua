-- Run by host.c: the library in a foreign program.
assert(require "sandbox" == sandbox)

local q = queue()
local writer = spawn(function()
  for i = 1, 10 do q:put({ i, "item " .. i }) end
  q:close()
  sleep(1) -- the host's clock goes 100 times faster
  return sandbox.getpid()
end)

local sum = 0
for item in q:items() do sum = sum + item[1] end
assert(sum == 55, "the items that arrived add up to " .. sum)

local pid = writer:result()
assert(pid == writer.pid and pid ~= sandbox.getpid())

local ok, failure = join(spawn({ quiet = true }, error, "oops"))
assert(ok == nil and tostring(failure):find("oops", 1, true))
print("55 from process " .. pid)
