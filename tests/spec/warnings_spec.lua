-- With -W: warnings about what is a copy, and is thought to be shared.
local script = require "support.script"

-- The warnings of a script, without "Lua warning: ".
local function warnings(code, args)
  local r = script.run(code, { args = args or "-W" })
  local list = {}
  for line in r.err:gmatch("[^\n]+") do list[#list + 1] = line:match("^Lua warning: (.*)$") or "?? " .. line end
  return list, r.name
end

local CHANGED = ": the table that was read here from dict d#1 was changed later, but it is a copy: d[key] = t stores it, " ..
  "d:update(key, f) changes it in one step"

describe("a warning is given", function()
  it("for a table of a dict that is changed and not stored", function()
    for _, change in ipairs {
      "d.list[1] = 5", "table.insert(d.list, 5)", "d.deep.er[1] = 2", "d.list[1] = nil",
      "local t = d.list for i = 1, 3 do t[i] = i end",
    } do
      local list, name = warnings("local d = sandbox.dict({ list = { 1 }, deep = { er = { 1 } } }, { name = 'd' })\n" .. change)
      assert.are.same({ name .. ":2" .. CHANGED }, list, change)
    end
  end)

  it("once for each line, in the process that did it", function()
    local list, name = warnings([[
      local d = sandbox.dict({ list = { 1 } }, { name = 'd' })
      spawn(function()
        for i = 1, 600 do d.list[1] = i + 1 end
      end):join()]])
    assert.are.same({ name .. ":3" .. CHANGED }, list)
  end)

  it("for a variable that a process changed", function()
    local list, name = warnings([[
      local count, word = 0, "x"
      local function work() count = count + 1 end
      spawn(work):join()
      print(count, word)]])
    assert.are.same({ name .. ":2: the process changed 'count', but variables are copies: use a value, a queue, or the result" },
      list)
  end)

  it("for a global that a process changed", function()
    local list, name = warnings([[
      count = 0
      local function work() count = count + 1 end
      spawn(work):join()
      print(count)]])
    assert.are.same({ name ..
      ":2: the process changed the global 'count', but variables are copies: use a value, a queue, or the result" }, list)
  end)
end)

describe("no warning is given", function()
  for _, code in ipairs {
    "local d = sandbox.dict { list = { 1 } } local t = d.list t[1] = 5 d.list = t",
    "local d = sandbox.dict { list = { 1 } } local t = d.list t[1] = 5 d.other = t",
    "local d = sandbox.dict { list = { 1 } } d:update('list', function(t) t[1] = 5 return t end)",
    "local d = sandbox.dict { list = { 1 } } for i = 1, 300 do assert(d.list[1] == 1) end",
    "local d = sandbox.dict { list = { 1 } } d.n = 2 print(d.n + 1)",
    "local n = 1 spawn(function() print(n) end):join()",
    "n = 1 spawn(function() print(n) end):join() n = 2",
    "n = 1 spawn(function() local n = 2 print(n) own = 3 end):join()",
    "local t = {} spawn(function() t[1] = 2 return t end):join()",
    "local q = queue() spawn(function() local q = 1 return q end):join()",
  } do
    it("for " .. code, function() assert.are.same({}, warnings(code)) end)
  end

  it("without -W", function()
    assert.are.same({}, warnings("local d = sandbox.dict { list = { 1 } } d.list[1] = 5", "--timeout 60"))
  end)
end)
