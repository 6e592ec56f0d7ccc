-- Several items by one call: q:put_all(list), q:get_all(n). Each item is put and taken by an operation of its own, so
-- those of other processes may come in between.
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
  for i = 1, n do
    local done, why = put(q, list, i, deadline)
    if not done then return i - 1, why end
  end
  return n
end

function batch.get_all(q, n, timeout, ...)
  common.check_no_more("get_all", 3, ...)
  common.check_queue(q, "get_all")
  n = common.check_integer(n, 1, "get_all", 1, "number of items")
  local deadline = common.deadline(timeout, "get_all", 2)
  local item, why = common.call(queue.get, q, common.left(deadline))
  if item == nil then return nil, why end
  local list = { item }
  while #list < n do
    item = common.call(queue.get, q, 0)
    if item == nil then return list end
    list[#list + 1] = item
  end
  return list
end

return batch
