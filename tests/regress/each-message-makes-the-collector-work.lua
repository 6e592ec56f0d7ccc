-- Stopping and restarting the collector around each message made a step due at once: with a large heap a put took a
-- hundred times as long. Now a message brings the next collection no nearer than what it allocates.
local cycles = 0
local function sentinel()
  setmetatable({}, { __gc = function() cycles = cycles + 1 sentinel() end })
end
local big = {}
for i = 1, 200000 do big[i] = { i } end
for _, mode in ipairs { "incremental", "generational" } do
  collectgarbage(mode)
  collectgarbage()
  sentinel()
  cycles = 0
  local q = queue()
  for i = 1, 2000 do
    q:put { i }
    q:get()
  end
  assert(cycles <= 2, mode .. ": " .. cycles .. " collections") -- a megabyte of messages beside 16 of heap
end
