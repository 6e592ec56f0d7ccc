-- The error for a value that cannot be sent had no file:line: in front.
local ok, message = pcall(function()
  queue():put { handlers = { coroutine.create(print) } }
end)
assert(not ok)
assert(message:find(":3: item.handlers[1]: a coroutine cannot be sent", 1, true), message)
