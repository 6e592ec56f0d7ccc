-- help(), help("topic"), help(value), ?topic: src/prompt/lua/help.lua and meta.lua.
local prompt = require "support.prompt"
local shell = require "support.shell"

local function page(p, line)
  assert.are.equal("ok", p.command(line), line .. ": " .. p.err())
  return p.out()
end

local function has(text, wanted) assert.is_truthy(text:find(wanted, 1, true), text .. "\n--- has not: " .. wanted) end

describe("the annotated source", function()
  local use = prompt.modules()
  local meta = use "meta" (shell.read("src/lua/meta/sandbox.lua"))

  it("is read completely", function()
    local count = 0
    for line in shell.read("src/lua/meta/sandbox.lua"):gmatch("[^\n]+") do
      local owner, separator, name, arguments = line:match("^function (%w+)([.:])([%w_]+)%((.*)%) end$")
      if owner then
        count = count + 1
        local entry = separator == "." and meta.functions[name] or
            separator == ":" and meta.classes[owner:lower()].by_name[name]
        assert.is_truthy(entry, line)
        assert.are.equal(arguments, entry.arguments)
        assert.is_truthy(entry.text[1] and entry.text[1]:find("%S"), line)
        for argument in arguments:gmatch("[^,%s]+") do
          local known = false
          for _, param in ipairs(entry.params) do known = known or param.name == argument end
          assert.is_true(known, line .. ": " .. argument)
        end
      end
    end
    assert.is_true(count > 50)
    assert.is_true(meta.globals.spawn and meta.globals.queue_get)
    assert.are.equal("integer", meta.classes.process.fields[1].type)
  end)

  it("has types, optional parts, texts", function()
    local put = meta.classes.queue.by_name.put
    assert.are.same({ name = "timeout", optional = true, type = "number", text = "seconds" }, put.params[2])
    assert.are.equal("true?", put.returns[1].type)
    assert.are.equal("nil when the queue stayed full", put.returns[1].text)
    assert.are.equal('"timeout"?', put.returns[2].type)
    assert.are.equal("reason", put.returns[2].name)
    local completed = meta.functions.as_completed.returns[1]
    assert.are.equal("fun(): sandbox.Process|sandbox.Future, boolean?, any", completed.type)
    assert.are.equal(1, #meta.functions.spawn.overloads)
  end)
end)

describe("help", function()
  it("tells of every function and method, by its name", function()
    local p <close> = prompt.new()
    for _, topic in ipairs(p.use "help".topics(p.session)) do
      local text = page(p, "?" .. topic)
      assert.is_truthy(text:find("%S"), topic)
      assert.are.equal(text, page(p, ":help " .. topic))
      p.eval(("help(%q)"):format(topic))
      assert.are.equal(text, p.out())
    end
  end)

  it("shows signature, description, example, parameters, results", function()
    local p <close> = prompt.new()
    local text = page(p, "?queue.put")
    has(text, "queue:put(item [, timeout])\n  Add an item; wait while the queue is full.")
    has(text, "\n    print(q:put({ name = \"tea\" })) --> true\n")
    has(text, "\n  timeout       number: seconds\n")
    has(text, "\n  returns       true?: nil when the queue stayed full\n                \"timeout\"?\n")
    has(page(p, "?spawn"), "spawn(f, ...)\n")
    has(page(p, "?now"), "sandbox.now()\n")
    has(page(p, "?sandbox.now"), "sandbox.now()\n")
    has(page(p, "?queue:put"), "queue:put(item [, timeout])")
    has(page(p, "?Queue.put"), "queue:put(item [, timeout])")
    has(page(p, "?sandbox.Queue.put"), "queue:put(item [, timeout])")
    has(page(p, "?process.pid"), "process.pid")
  end)

  it("goes from the name of a method to all that have it", function()
    local p <close> = prompt.new()
    local text = page(p, "?release")
    has(text, "lock:release()")
    has(text, "semaphore:release(")
  end)

  it("finds the text by the value", function()
    local p <close> = prompt.new()
    p.eval("q = queue() s = spawn")
    local put = page(p, "?queue.put")
    has(page(p, "?null"), "sandbox.null")
    has(page(p, "?sandbox.null"), 'stands for "nothing"')
    for _, text in ipairs { "help(q.put)", "help(queue().put)", "help('q.put')", "help('q:put')" } do
      p.eval(text)
      assert.are.equal(put, p.out(), text)
    end
    assert.are.equal(put, page(p, "?q.put"))
    local function same(topic, text)
      local wanted = page(p, "?" .. topic)
      p.eval(text)
      assert.are.equal(wanted, p.out())
    end
    same("spawn", "help(s)")
    same("process.join", "help(spawn(function() end).join)")
    same("save", "help(save)")
    p.eval("help(q)")
    has(p.out(), "\n  :put(item [, timeout])")
    p.eval("help(sandbox)")
    has(p.out(), "Processes that share nothing")
  end)

  it("finds methods that are written in Lua", function()
    local p <close> = prompt.new()
    local Pool = { __name = "sandbox.pool", __index = { map = function() end } }
    local function make() return setmetatable({}, Pool) end
    debug.getregistry()[sandbox.null] = { pool = { pool = function() return make() end } } -- as lua/state/prelude.c keeps it
    local wanted = page(p, "?pool.map")
    _G.made = make()
    for _, text in ipairs { "help(made.map)", "?made.map", ":help made.map" } do
      if text:find("^help") then p.eval(text) else p.command(text) end
      assert.are.equal(wanted, p.out(), text)
    end
    p.eval("help(made)")
    has(p.out(), ":imap(")
    debug.getregistry()[sandbox.null] = nil
    _G.made = nil
  end)

  it("points to the manual for Lua's own functions", function()
    local p <close> = prompt.new()
    has(page(p, "?string.format"), "https://www.lua.org/manual/5.4/manual.html#pdf-string.format")
    has(page(p, "?print"), "#pdf-print")
    p.eval("help(table.concat)")
    has(p.out(), "#pdf-table.concat")
    p.eval("old = print print = function() end help(old)")
    has(p.out(), "#pdf-print")
    p.eval("print = old")
  end)

  it("shows a function of the person's own with the comment above it", function()
    local p <close> = prompt.new()
    p.eval("-- Adds\n--- two numbers.\nfunction add(a, b, ...)\n  return a + b\nend")
    assert.are.equal("add(a, b, ...)\n  Adds\n  two numbers.\n  is defined at repl:1:3; src(add) shows it.\n", page(p,
      "?add"))
    p.eval("help(function() end)")
    has(p.out(), "is defined at repl:3:1")
  end)

  it("shows a command as function and in its short form", function()
    local p <close> = prompt.new()
    has(page(p, "?save"), "save(file [, true])    :save file [true]\n")
    has(page(p, ":help :load"), ":load file\n")
  end)

  it("gives an overview in which every command that is there stands", function()
    local p <close> = prompt.new { commands = { ps = print } }
    local text = page(p, ":help")
    assert.are.equal(text, page(p, "?"))
    p.eval("help()")
    assert.are.equal(text, p.out())
    for name in pairs(p.session.functions) do has(text, "\n  :" .. name) end
    has(text, "  :ps [process]")
    assert.is_nil(text:find(":top", 1, true)) -- nobody has made it here
    has(text, "as_completed")
  end)

  it("stays readable on a narrow terminal", function()
    local width = 40
    local p <close> = prompt.new { width = function() return width end }
    for _, line in ipairs { ":help", "?save", "?process", "?queue.put" } do
      for row in page(p, line):gmatch("[^\n]+") do
        local is_example = row:find("^    %S.*[%(=]") or row:find("-->", 1, true)
        assert.is_true(#row <= width or is_example ~= nil, row)
      end
    end
  end)

  it("says what may have been meant", function()
    local p <close> = prompt.new()
    assert.are.equal("error", p.command("?spwan"))
    assert.are.equal("there is no help for 'spwan'; did you mean 'spawn'?\n", p.err())
    assert.are.equal("error", p.command("?xyzzy"))
    assert.are.equal("there is no help for 'xyzzy'\n", p.err())
    assert.are.equal("error", p.command("? a b"))
    p.eval("help(nil)")
    has(p.out(), "nil")
  end)

  it("works without the source", function()
    local p <close> = prompt.new { meta = false }
    has(page(p, ":help"), ":save file [true]")
    assert.are.equal("error", p.command("?spwan"))
    assert.are.equal("ok", p.eval("help(queue)"))
  end)
end)
