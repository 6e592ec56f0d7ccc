-- prompt/lua/pretty.lua - values in a form for people.
--
-- There are two steps. survey() walks a value within limits and makes a tree of nodes; it detects cycles, and notes how
-- much it left out. The layout then turns the tree into lines that fit the width. Neither calls a metamethod except
-- __tostring, and the work of both depends on what they show, not on the size of the value.
local _, use = ...
local _ENV <const> = use "std"

local leaf, lex, names, width_of = use "leaf", use "lex", use "names", use "width"

local pretty = {}

local SCAN <const> = 100000 -- most keys of a table that are examined
local NODES <const> = 1000  -- most values shown in all

-- A node is either a leaf { text =, kind =, width = }, or { items = list of nodes, pairs = list of { key text, node },
-- left = how many are left out, "more" if unknown; prefix = text before the brace }. A table that occurs again has a
-- `mark`, and its later occurrences are leaves with `again` = its first node.

-- -- keys -----------------------------------------------------------------------------------------

local rank <const> = { number = 1, string = 2, boolean = 3 }

-- Numbers, strings, then the others, each kind in its own order.
local function before(a, b)
  local ta, tb = type(a), type(b)
  local ra, rb = rank[ta] or 4, rank[tb] or 4
  if ra ~= rb then return ra < rb end
  if ra <= 2 then return a < b end
  if ra == 3 then return not a and b end
  if ta ~= tb then return ta < tb end
  return string.format("%p", a) < string.format("%p", b)
end

-- Keep the first `limit` of many keys without sorting them all: the list is cut whenever it has twice as many.
local function keep_first(list, key, limit)
  if list.full and not before(key, list[limit]) then return end
  list[#list + 1] = key
  if #list < 2 * limit then return end
  table.sort(list, before)
  for i = #list, limit + 1, -1 do list[i] = nil end
  list.full = true
end

-- The number of items from 1 on without a gap: exact up to `limit`, beyond it what rawlen says.
local function array_length(t, limit)
  local n = rawlen(t)
  for i = 1, math.min(n, limit) do
    if rawget(t, i) == nil then return i - 1 end
  end
  return n
end

local function is_item(key, length) return math.type(key) == "integer" and key >= 1 and key <= length end

-- Scan the keys after `key`. Returns how many there are besides the items of the array, and whether that is all.
local function scan(t, key, length, list, limit)
  local count, steps = 0, 0
  key = next(t, key)
  while key ~= nil do
    if not is_item(key, length) then
      count = count + 1
      keep_first(list, key, limit)
    end
    steps = steps + 1
    if steps == SCAN then return count, false end
    key = next(t, key)
  end
  return count, true
end

-- The keys that are not items of the array: the first of them, sorted; their number; whether that is exact.
local function other_keys(t, length, limit)
  local list = {}
  local count, exact = scan(t, nil, length, list, limit)
  if not exact and length >= SCAN then -- the array comes first: look after it
    list = {}
    count, exact = scan(t, length, length, list, limit)
  end
  table.sort(list, before)
  for i = #list, limit + 1, -1 do list[i] = nil end
  return list, count, exact
end

-- -- survey ---------------------------------------------------------------------------------------

local survey

-- `name` or `["a b"]` or `[1]`
local function key_text(key, o)
  if type(key) == "string" and #key <= 60 and lex.is_name(key) then return key end
  if type(key) == "table" then return string.format("[table: %p]", key) end
  return "[" .. leaf.text(key, { string_limit = 60, names = o.names }) .. "]"
end

local function leaf_node(text, kind)
  return { text = text, kind = kind, width = width_of(text) }
end

-- the `__name` of a metatable, as in `Point`
local function prefix_of(meta)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and #name <= 60 and name .. " " or nil
end

-- Nested tables show fewer items.
local function item_limit(depth, o) return depth == 0 and o.items or depth == 1 and o.items // 2 or o.items // 4 end

local function add_items(node, t, length, depth, o)
  for i = 1, math.min(length, item_limit(depth, o)) do
    if o.room <= 0 then return end
    node.items[i] = survey(rawget(t, i), depth + 1, o)
  end
end

local function add_pairs(node, t, keys, depth, o)
  for i = 1, #keys do
    if o.room <= 0 then return end
    node.pairs[i] = { key_text(keys[i], o), survey(rawget(t, keys[i]), depth + 1, o) }
  end
end

local function table_node(t, meta, depth, o)
  local node = { items = {}, pairs = {}, left = 0, prefix = prefix_of(meta) }
  o.met[t] = node
  local length = array_length(t, o.items)
  local keys, count, exact = other_keys(t, length, item_limit(depth, o))
  if depth >= o.depth and length + count > 0 then
    node.cut = true
    return node
  end
  add_items(node, t, length, depth, o)
  add_pairs(node, t, keys, depth, o)
  node.left = length + count - #node.items - #node.pairs
  node.exact = exact
  return node
end

local function tells_itself(meta, o)
  return not o.raw and type(meta) == "table" and rawget(meta, "__tostring") ~= nil
end

function survey(value, depth, o)
  o.room = o.room - 1
  if type(value) ~= "table" then return leaf_node(leaf.text(value, o)) end
  local meta = metatable_of(value)
  if tells_itself(meta, o) then
    return leaf_node((meta == sandbox.failure and "failure: " or "") .. leaf.told(value), "told")
  end
  local first = o.met[value]
  if first and not first.cut then
    first.shared = true
    return { again = first, kind = "mark" }
  end
  local _ = rawget(value, "(unread)") and value.message -- to show a failure is to look at it; this fetches its fields
  return table_node(value, meta, depth, o)
end

-- Number the shared tables in reading order.
local function number_shared(node, counter)
  if node.shared then
    counter.n = counter.n + 1
    node.mark = counter.n
  end
  for _, item in ipairs(node.items or {}) do number_shared(item, counter) end
  for _, pair in ipairs(node.pairs or {}) do number_shared(pair[2], counter) end
end

-- -- layout ---------------------------------------------------------------------------------------

local colors <const> = {
  string = "32", number = "36", boolean = "33", ["nil"] = "2", ["function"] = "35", thread = "35", userdata = "34",
  told = "34", mark = "1;33", dim = "2",
}

-- Output is collected in w: lines of parts. w.column is the width of the current line so far.
local function put(w, text, kind, width)
  w.column = w.column + (width or width_of(text))
  w[#w + 1] = w.color and colors[kind] and "\27[" .. colors[kind] .. "m" .. text .. "\27[0m" or text
end

local function new_line(w, indent)
  w[#w + 1] = "\n" .. string.rep(" ", indent)
  w.column = indent
end

local function left_text(node)
  if node.left <= 0 and node.exact ~= false then return nil end
  return "... " .. (node.exact and leaf.count(node.left) .. " more" or "many more")
end

local function opening(node) return (node.mark and "<" .. node.mark .. ">" or "") .. (node.prefix or "") .. "{" end

-- The width of a node on one line; stops at `limit` and then returns more than that.
local function measure(node, limit)
  if node.again then return 9 + #tostring(node.again.mark) end
  if node.text then return node.width end
  if node.cut then return #opening(node) + 4 end
  local width = #opening(node) + 1
  for _, item in ipairs(node.items) do
    width = width + 2 + measure(item, limit)
    if width > limit then return width end
  end
  for _, pair in ipairs(node.pairs) do
    width = width + 5 + width_of(pair[1]) + measure(pair[2], limit)
    if width > limit then return width end
  end
  local left = left_text(node)
  return width + (left and #left + 2 or 0) - (width > #opening(node) + 1 and 2 or 0)
end

local function put_leaf(w, node)
  if node.again then
    put(w, "<table " .. node.again.mark .. ">", "mark")
  else
    put(w, node.text, node.kind, node.width)
  end
end

local function put_opening(w, node)
  if node.mark then put(w, "<" .. node.mark .. ">", "mark") end
  put(w, (node.prefix or "") .. "{")
end

local put_inline

local function put_members_inline(w, node)
  local separator = ""
  for _, item in ipairs(node.items) do
    put(w, separator)
    put_inline(w, item)
    separator = ", "
  end
  for _, pair in ipairs(node.pairs) do
    put(w, separator .. pair[1] .. " = ")
    put_inline(w, pair[2])
    separator = ", "
  end
  local left = left_text(node)
  if left then
    put(w, separator)
    put(w, left, "dim")
  end
end

function put_inline(w, node)
  if not node.items then return put_leaf(w, node) end
  put_opening(w, node)
  if node.cut then put(w, "...", "dim") else put_members_inline(w, node) end
  put(w, "}")
end

local put_node

-- Put as many items on a line as fit; a table that does not fit gets lines of its own.
local function put_items(w, node, indent, more)
  for i, item in ipairs(node.items) do
    local last = i == #node.items and not more
    local width = measure(item, w.width) + (last and 0 or 1)
    if i == 1 or item.items or node.items[i - 1].items or w.column + 1 + width > w.width then
      new_line(w, indent)
    else
      put(w, " ")
    end
    put_node(w, item, indent, last and 0 or 1)
    if not last then put(w, ",") end
  end
end

local function put_block(w, node, indent)
  local left = left_text(node)
  put_opening(w, node)
  put_items(w, node, indent + 2, #node.pairs > 0 or left)
  for i, pair in ipairs(node.pairs) do
    local last = i == #node.pairs and not left
    new_line(w, indent + 2)
    put(w, pair[1] .. " = ")
    put_node(w, pair[2], indent + 2, last and 0 or 1)
    if not last then put(w, ",") end
  end
  if left then
    new_line(w, indent + 2)
    put(w, left, "dim")
  end
  new_line(w, indent)
  put(w, "}")
end

-- `after`: columns that must stay free after it
function put_node(w, node, indent, after)
  if not node.items or node.cut or w.column + measure(node, w.width) + after <= w.width then
    put_inline(w, node)
  else
    put_block(w, node, indent)
  end
end

-- -- doors ----------------------------------------------------------------------------------------

-- o: { width = columns (80), depth = levels of tables (4), items = of each table (100), string_limit = bytes (2000),
-- color =,
--      raw = ignore __tostring }. Returns a function that makes the tree of a value.
local function surveyor(o)
  local map
  local s = {
    depth = o.depth or 4, items = o.items or 100, string_limit = o.string_limit or 2000, raw = o.raw,
    names = function()
      map = map or names.functions()
      return map
    end,
  }
  return function(value)
    s.met, s.room = {}, NODES
    local node = survey(value, 0, s)
    number_shared(node, { n = 0 })
    return node
  end
end

local function writer(o) return { width = math.max(o.width or 80, 20), column = 0, color = o.color } end

-- One value as text of one or more lines.
function pretty.value(value, o)
  o = o or {}
  local w = writer(o)
  put_node(w, surveyor(o)(value), 0, 0)
  return table.concat(w)
end

-- Several values (n of them): on one line if possible, else each on its own.
function pretty.values(list, o)
  local nodes, make, total = {}, surveyor(o), 0
  local w = writer(o)
  for i = 1, list.n do
    nodes[i] = make(list[i])
    total = total + measure(nodes[i], w.width) + 2
  end
  local wraps = total - 2 > w.width
  for i, node in ipairs(nodes) do
    if i > 1 and wraps then new_line(w, 0) elseif i > 1 then put(w, ", ") end
    put_node(w, node, 0, 0)
  end
  return table.concat(w)
end

-- One value on one line of at most about `limit` bytes.
function pretty.line(value, limit)
  local w = writer { width = math.maxinteger }
  put_inline(w, surveyor { string_limit = limit, items = 20 }(value))
  local text = table.concat(w)
  if #text <= limit then return text end
  local stop = utf8.offset(text, 0, limit) - 1
  return string.sub(text, 1, stop) .. " ..."
end

return pretty
