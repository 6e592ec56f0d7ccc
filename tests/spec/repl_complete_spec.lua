-- What may stand at the cursor: src/prompt/lua/complete.lua.
local prompt = require "support.prompt"

-- The candidates, and where the completed word starts.
local function candidates(p, line, cursor)
  local start, list = p.session:complete(line, cursor or #line)
  return list, start
end

local function has(list, wanted)
  for _, name in ipairs(list) do
    if name == wanted then return true end
  end
  return false
end

describe("completion", function()
  it("knows globals and keywords", function()
    local p <close> = prompt.new()
    assert.are.same({ { "print(" }, 1 }, { candidates(p, "prin") })
    assert.are.same({ { "while" }, 7 }, { candidates(p, "x = 1 whi") })
    assert.are.same({ { "spawn(" }, 11 }, { candidates(p, "local p = spa") })
    p.eval("my_table = {} my_number = 1")
    assert.are.same({ "my_number", "my_table" }, (candidates(p, "f(my_")))
    assert.is_true(has((candidates(p, "")), "for"))
    assert.are.same({ { "tostring(" }, 4 }, { candidates(p, "f(\ntostri") })
    assert.are.same({}, (candidates(p, "qqqqq")))
  end)

  it("looks at what is before the cursor", function()
    local p <close> = prompt.new()
    local list, start = candidates(p, "prin + string.form", 4)
    assert.are.same({ { "print(" }, 1 }, { list, start })
    list, start = candidates(p, "x = string.form(1)", 15)
    assert.are.same({ { "format(" }, 12 }, { list, start })
  end)

  it("knows processes, where one is wanted", function()
    local names = { "main", "reader#2", "reader#3", "writer" }
    local p <close> = prompt.new { processes = function() return names end }
    p.eval("my_reader = 1 list = { writer = 1 }")
    assert.are.same({ names, 5 }, { candidates(p, ":bt ") })
    assert.are.same({ { "reader#2", "reader#3" }, 7 }, { candidates(p, ":kill rea") })
    assert.are.same({ { "reader#3" }, 5 }, { candidates(p, ":ps reader#3") })
    assert.are.same({ { "writer" }, 5 }, { candidates(p, "bt('writ") })
    assert.are.same({ { "main" }, 8 }, { candidates(p, 'pause "ma') })
    assert.are.same({ { "my_reader" }, 5 }, { candidates(p, ":bt my") })
    assert.are.same({ { "writer" }, 10 }, { candidates(p, ":bt list.") })
    assert.are.same({}, (candidates(p, "print('writ")))
  end)

  it("knows fields, of tables within tables, too", function()
    local p <close> = prompt.new()
    p.eval("a = { b = { value = 1, func = print, ['not a name'] = 1, [1] = 2, ['end'] = 1, _hidden = 1 } }")
    assert.are.same({ { "func(", "value" }, 5 }, { candidates(p, "a.b.") })
    assert.are.same({ { "_hidden" }, 5 }, { candidates(p, "a.b._") })
    assert.are.same({ { "func(" }, 5 }, { candidates(p, "a.b:") })
    assert.are.same({ { "b" }, 11 }, { candidates(p, "x = y + a.") })
    assert.are.same({ { "find(", "format(" }, 8 }, { candidates(p, "string.f") })
    assert.are.same({}, (candidates(p, "a.nosuch.")))
    assert.are.same({}, (candidates(p, "a.b.value.")))
  end)

  it("knows methods and properties of handles", function()
    local p <close> = prompt.new()
    p.eval("q = queue() proc = spawn(function() end) proc:join()")
    local list, start = candidates(p, "q:")
    assert.are.equal(3, start)
    for _, name in ipairs { "put(", "get(", "close(", "items(" } do assert.is_true(has(list, name), name) end
    assert.are.same({ "try_put(" }, (candidates(p, "q:try_p")))
    list = candidates(p, "proc:")
    for _, name in ipairs { "join(", "result(", "kill(", "status(" } do assert.is_true(has(list, name), name) end
    assert.is_false(has(list, "pid"))
    list = candidates(p, "proc.")
    for _, name in ipairs { "join(", "pid", "name", "exitcode" } do assert.is_true(has(list, name), name) end
  end)

  it("knows methods of strings and of classes", function()
    local p <close> = prompt.new()
    assert.are.same({ { "upper(" }, 5 }, { candidates(p, "'x':up") })
    assert.are.same({ { "upper(" }, 7 }, { candidates(p, "('x'):up") })
    p.eval("s = 'x'")
    assert.are.same({ { "upper(" }, 3 }, { candidates(p, "s:up") })
    p.eval("Base = { base_method = print } Base.__index = Base")
    p.eval("Class = setmetatable({ class_method = print }, Base) Class.__index = Class")
    p.eval("object = setmetatable({ field = 1 }, Class)")
    assert.are.same({ { "base_method(", "class_method(", "field" }, 8 }, { candidates(p, "object.") })
    assert.are.same({ { "base_method(", "class_method(" }, 8 }, { candidates(p, "object:") })
  end)

  it("calls nothing", function()
    local p <close> = prompt.new()
    local called = false
    local function trap() called = true return {} end
    _G.trapped = setmetatable({ known = {} }, { __index = trap, __pairs = trap, __len = trap, __call = trap,
      __tostring = trap })
    assert.are.same({ "known" }, (candidates(p, "trapped.")))
    assert.are.same({}, (candidates(p, "trapped.made_up.")))
    assert.are.same({}, (candidates(p, "trapped().")))
    assert.are.same({}, (candidates(p, "trapped[1].")))
    setmetatable(_G, { __index = trap })
    assert.are.same({}, (candidates(p, "no_such_global.")))
    setmetatable(_G, nil)
    assert.is_false(called)
    p.eval("loop = {} setmetatable(loop, { __index = loop })")
    assert.are.same({}, (candidates(p, "loop.")))
    _G.trapped = nil
  end)

  it("says nothing within comments and long strings, or behind numbers", function()
    local p <close> = prompt.new()
    for _, line in ipairs { "-- pri", "x = 1 -- pri", "--[[ pri", "[[ pri", "x = 5", "1.", "::lab" } do
      assert.are.same({}, (candidates(p, line)), line)
    end
    assert.are.same({ "print(" }, (candidates(p, "--[[ comment ]] pri")))
    assert.are.same({ "print(" }, (candidates(p, "f('a string') pri")))
  end)

  it("knows modules behind require", function()
    local p <close> = prompt.new()
    _G.package.preload["preloaded.thing"] = function() end
    for _, open in ipairs { "require '", 'require "', "require('", 'x = require ( "' } do
      local list, start = candidates(p, open .. "busted.co")
      assert.is_true(has(list, "busted.core"), open)
      assert.are.equal(#open + 1, start)
    end
    assert.is_true(has((candidates(p, "require 'prel")), "preloaded.thing"))
    assert.is_true(has((candidates(p, "require 'sup")), "support."))
    assert.is_true(has((candidates(p, "require 'support.")), "support.prompt"))
    assert.is_false(has((candidates(p, "require '")), "_G"))
    _G.package.preload["preloaded.thing"] = nil
  end)

  it("knows files in strings and behind commands", function()
    local p <close> = prompt.new()
    assert.are.same({ { "prompt.lua" }, 18 }, { candidates(p, "io.open('support/promp") })
    assert.are.same({ { "support/" }, 9 }, { candidates(p, "dofile 'suppo") })
    assert.are.same({ { "prompt.lua" }, 15 }, { candidates(p, ":load support/promp") })
    assert.are.same({ { "prompt.lua" }, 14 }, { candidates(p, "!cat support/promp") })
    assert.are.same({}, (candidates(p, "'/nonexistent/")))
  end)

  it("knows commands and topics", function()
    local p <close> = prompt.new()
    assert.are.same({ { "help" }, 2 }, { candidates(p, ":he") })
    assert.is_true(has((candidates(p, ":")), "save"))
    assert.are.same({ { "queue.peek", "queue.put", "queue.put_all", "queue.putting" }, 2 }, { candidates(p, "?queue.p") })
    assert.are.same({ { "queue.peek", "queue.put", "queue.put_all", "queue.putting" }, 7 }, { candidates(p, ":help queue.p") })
    p.eval("q = queue()")
    assert.are.same({ { "try_put(" }, 4 }, { candidates(p, "?q.try_p") })
    assert.are.same({ { "try_put(" }, 9 }, { candidates(p, ":peek q.try_p") })
    assert.are.same({ { "spawn(" }, 6 }, { candidates(p, ":src spa") })
  end)

  it("does not take long for huge tables", function()
    local p <close> = prompt.new()
    _G.huge = {}
    for i = 1, 300000 do _G.huge["k" .. i] = i end
    local start = os.clock()
    assert.are.equal(500, #candidates(p, "huge."))
    assert.is_true(os.clock() - start < 5)
    _G.huge = nil
  end)

  it("survives any text", function()
    local p <close> = prompt.new { list = function() return { "a.lua", "require", "folder/" } end }
    local bits = { "a", ".", ":", "'", '"', "[[", "]]", "--", "\\", "(", ")", " ", "require", "\n", "?", "!", "1",
      "\xff", "=", "{", "::" }
    for _ = 1, 500 do
      local line = ""
      for _ = 1, math.random(0, 8) do line = line .. bits[math.random(#bits)] end
      local cursor = math.random(0, #line)
      local start, list = p.session:complete(line, cursor)
      assert.is_true(start >= 1 and start <= cursor + 1, line)
      local word = line:sub(start, cursor)
      for _, name in ipairs(list) do assert.are.equal(word, name:sub(1, #word)) end
    end
  end)
end)
