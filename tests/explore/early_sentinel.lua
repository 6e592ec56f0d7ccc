-- two producers; the first to end says that there is nothing more
local q = queue()
local function producer() q:put(1) q:put "end" end
local got = 0
local a, b = spawn(producer), spawn(producer)
local consumer = spawn(function()
  local got = 0
  while q:get() ~= "end" do got = got + 1 end
  return got
end)
a:join() b:join()
assert(consumer:result() == 2, "items are left")
