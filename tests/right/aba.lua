-- the top has a number that never comes again
local top = sandbox.value("1 0")
local next = sandbox.dict { [1] = 2, [2] = 3, [3] = 0 }
local function read()
  local text = top:get()
  local t, version = text:match("(%d+) (%d+)")
  return math.tointeger(t), math.tointeger(version), text
end
local function pop()
  while true do
    local t, version, text = read()
    if t == 0 then return 0 end
    if top:cas(text, (next[t] .. " " .. version + 1)) then return t end
  end
end
local function push(x)
  while true do
    local t, version, text = read()
    next[x] = t
    if top:cas(text, (x .. " " .. version + 1)) then return end
  end
end
local a = spawn(pop)
local b = spawn(function() local x, y = pop(), pop() if x ~= 0 then push(x) end return y end)
local x, y = a:result(), b:result()
local t, seen = read(), { [x] = true, [y] = x ~= y or y == 0 }
while t ~= 0 do
  assert(not seen[t], "in the stack, and taken")
  seen[t] = true
  t = next[t]
end
