-- two consumers, and one item that says that there are no more: one of them never learns of it. "right": one for each
local q = queue()
local items = { 1, 2, "end", ... == "right" and "end" or nil }
local function producer() for _, x in ipairs(items) do q:put(x) end end
local function consumer() repeat until q:get() == "end" end
local list = { spawn(producer), spawn(consumer), spawn(consumer) }
for _, p in ipairs(list) do p:join() end
