-- support/reach.lua - every C function that a script can reach, and what happens when it is called with wrong things.
--
-- What can be reached from a value: fields, keys, metatables, upvalues, user values. With the registry that is all.
local reach = {}

-- Those of Lua's own libraries are Lua's; the library puts its own in place of some in `debug`, `coroutine` and _G.
local LUAS = {
  "%.string%.", "%.table%.", "%.math%.", "%.utf8%.", "%.io%.", "%.os%.[^e]", "%.os%.execute", "%.package%.", "%.debug%.[^s]",
  "%.debug%.set[^hm]", "%.print$", "%.warn$", "FILE%*", "_CLIBS", "_IO_", "_PRELOAD", "loadlib", "searchers",
}

local function is_luas(path)
  for _, pattern in ipairs(LUAS) do
    if path:find(pattern) then return true end
  end
  return false
end

-- The pairs of a table, those with a name in the order of their names, so that two runs find the same paths.
local function sorted_pairs(t)
  local named, others = {}, {}
  for k, v in next, t do
    local list = type(k) == "string" and named or others
    list[#list + 1] = { k, v }
  end
  table.sort(named, function(a, b) return a[1] < b[1] end)
  return table.move(others, 1, #others, #named + 1, named)
end

-- The C functions below the roots (a table from names to values), as a list of { path, function } in order. The path
-- is a shortest one: what has a name in a root is called by it, however many functions keep it as an upvalue.
function reach.functions(roots)
  local seen, todo, found = {}, {}, {}
  local function visit(value, path)
    local t = type(value)
    if (t == "table" or t == "function" or t == "userdata") and not seen[value] and not is_luas(path) then
      seen[value] = true
      todo[#todo + 1] = { value, path }
    end
    local meta = debug.getmetatable(value)
    if meta and not seen[meta] then visit(meta, path .. "#") end
  end
  for _, root in ipairs(sorted_pairs(roots)) do visit(root[2], "." .. root[1]) end
  local at = 0
  while at < #todo do
    at = at + 1
    local value, path = table.unpack(todo[at])
    if type(value) == "table" then
      for _, entry in ipairs(sorted_pairs(value)) do
        local k, v = entry[1], entry[2]
        visit(k, path .. ".key")
        visit(v, path .. "." .. (type(k) == "string" and k or type(k)))
      end
    elseif type(value) == "userdata" then
      for i = 1, 8 do
        local v, is = debug.getuservalue(value, i)
        if not is then break end
        visit(v, path .. "@" .. i)
      end
    else
      if debug.getinfo(value, "S").what == "C" then found[#found + 1] = { path, value } end
      for i = 1, 255 do
        local name, v = debug.getupvalue(value, i)
        if not name then break end
        visit(v, path .. "^" .. i)
      end
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found
end

-- Calls with none, one and some with two and four of the values. Each is f(...), in order.
local function each_call(values, f)
  local n = #values
  f()
  for i = 1, n do f(values[i]) end
  for i = 1, n do
    f(nil, values[i])
    for j = i % 3 + 1, n, 3 do f(values[i], values[j]) end
  end
  math.randomseed(1)
  local function any() return values[math.random(n)] end
  for _ = 1, 200 do f(any(), any(), any(), any()) end
end

-- Call f, in a process of its own: the number of the call is in `at` while it runs. One that never returns, or ends
-- its process, is left out, and the next process goes on behind it. Returns the failures that are crashes.
function reach.try(path, f, values)
  local at, crashes, first = sandbox.value(0), {}, 1
  for _ = 1, 200 do
    local p = spawn({ quiet = true }, function()
      local n = 0
      each_call(values, function(...)
        n = n + 1
        if n < first then return end
        at:set(n)
        pcall(f, ...)
      end)
      at:set(math.huge)
    end)
    local ok, failure
    repeat
      local before = at:get()
      ok, failure = p:join(0.1)
    until failure ~= "timeout" or at:get() == before
    p:kill()
    if not ok and failure ~= "timeout" and failure.signal then
      crashes[#crashes + 1] = ("crash in %s: call %d: signal %d"):format(path, at:get(), failure.signal)
    end
    if at:get() == math.huge then break end
    first = math.max(at:get(), first) + 1
  end
  return crashes
end

return reach
