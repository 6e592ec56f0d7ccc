-- Several items by one call: q:put_all(list), q:get_all(n). As many as there is room for, or as are there, go by one
-- commit: those of other processes do not come in between, and nobody is woken for each. native.h, batch.c.
local _, use = ...
local common, native = use "common", use "native"

local batch = {}

-- Put one; an error says which it was, since those before it are in the queue.
local function put(q, list, i, deadline)
  local ok, done, why = pcall(queue.put, q, list[i], common.left(deadline))
  if ok then return done, why end
  if type(done) ~= "string" then error(done, 0) end -- an interrupt
  native.raise(string.format("put_all: item %d of the list: %s", i, common.text_of(done)))
end

function batch.put_all(q, list, timeout, ...)
  common.check_no_more("put_all", 3, ...)
  common.check_queue(q, "put_all")
  common.check_table(list, "put_all", 1, "list of items")
  local n = common.length(list, "put_all", 1)
  for i = 1, n do
    common.check(list[i] ~= nil, "put_all", 1, string.format("item %d of the list is nil", i))
  end
  local deadline = common.deadline(timeout, "put_all", 2)
  local i = 1
  while i <= n do
    local done, why = common.call(native.put_run, q, list, i, common.left(deadline))
    if done == 0 then done, why = put(q, list, i, deadline) end
    if not done then return i - 1, why end
    i = i + (done == true and 1 or done)
  end
  return n
end

function batch.get_all(q, n, timeout, ...)
  common.check_no_more("get_all", 3, ...)
  common.check_queue(q, "get_all")
  n = common.check_integer(n, 1, "get_all", 1, "number of items")
  local list = {}
  local count, why = common.call(native.get_run, q, list, n, common.left(common.deadline(timeout, "get_all", 2)))
  if not count then return nil, why end
  return list
end

return batch
