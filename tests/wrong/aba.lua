-- a stack by cas: pop reads the top and the next, is late, and the top is the same again
local top = sandbox.value(1)
local next = sandbox.dict { [1] = 2, [2] = 3, [3] = 0 }
local function pop()
  while true do
    local t = top:get()
    if t == 0 then return 0 end
    local n = next[t]
    if top:cas(t, n) then return t end
  end
end
local function push(x)
  repeat local t = top:get() next[x] = t until top:cas(t, x)
end
local a = spawn(pop)
local b = spawn(function() local x, y = pop(), pop() push(x) return y end)
local x, y = a:result(), b:result()
local t, seen = top:get(), { [x] = true, [y] = true }
while t ~= 0 do
  assert(not seen[t], "in the stack, and taken")
  seen[t] = true
  t = next[t]
end
