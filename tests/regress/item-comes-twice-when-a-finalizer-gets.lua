-- A collection in the middle of decoding ran a __gc that called get on the same queue: the item came twice.
local q, seen = queue(), {}
local function take()
  local v = q:try_get()
  if v then seen[v.id] = (seen[v.id] or 0) + 1 end
end
local mt = { __gc = take }
for id = 1, 2000 do
  local t = { id = id }
  for k = 1, 100 do t[k] = { k } end
  q:put(t)
end
while not q:empty() do
  setmetatable({}, mt)
  setmetatable({}, mt)
  take()
end
for id = 1, 2000 do assert(seen[id] == 1, id) end
