-- A large string is made while it lies in the queue. The collector runs then, and a finalizer may take it, or more.
local q, seen = queue(), {}
local function take(v)
  if v then seen[v] = (seen[v] or 0) + 1 end
end
local mt = { __gc = function() take(q:try_get()) end }
for i = 1000, 1999 do q:put(tostring(i):rep(5000)) end
while not q:empty() do
  setmetatable({}, mt)
  setmetatable({}, mt)
  take(q:try_get())
end
for i = 1000, 1999 do assert(seen[tostring(i):rep(5000)] == 1, i) end
