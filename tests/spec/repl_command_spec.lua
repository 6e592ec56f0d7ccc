-- The commands of the prompt: `:name`, `?name`, `!command`, and the functions behind them.
local prompt = require "support.prompt"

-- What a command says when it fails.
local function refused(p, line)
  assert.are.equal("error", p.command(line), line)
  return p.err()
end

local function obeyed(p, line)
  assert.are.equal("ok", p.command(line), line .. ": " .. p.err())
  return p.out()
end

-- A file of Lua with a name that is gone when the block ends.
local function lua_file(name, text)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  local path = folder .. "/" .. name
  local file = { folder = folder, path = path }
  function file.write(new)
    local handle = assert(io.open(path, "w"))
    handle:write(new)
    handle:close()
  end
  file.write(text)
  return setmetatable(file, { __close = function() os.execute("rm -r " .. folder) end })
end

describe("arguments", function()
  local read, commands
  setup(function()
    local use = prompt.modules()
    read, commands = use("arguments").read, use("commands").by_name
  end)

  local function arguments(name, rest) return read(commands[name] or {}, rest) end

  it("are Lua values divided by blanks or commas", function()
    _G.abc = { n = 5 }
    assert.are.same({ n = 0 }, arguments("ps", "  "))
    assert.are.same({ _G.abc, 3, n = 2 }, arguments("peek", " abc 3"))
    assert.are.same({ 5, 3, n = 2 }, arguments("peek", " abc.n, 3"))
    assert.are.same({ 8, "a b", n = 2 }, arguments("peek", " (abc.n + 3) 'a b'"))
    assert.are.same({ { 1, 2 }, -1, n = 2 }, arguments("peek", " {1, 2} -1"))
    assert.are.same({ nil, false, n = 2 }, arguments("peek", " nil false"))
    assert.are.same({ 2, n = 1 }, arguments("peek", " #'ab'"))
    _G.abc = nil
  end)

  it("that are no values are strings", function()
    assert.are.same({ "writer", "a-b:", n = 2 }, arguments("kill", " writer a-b:"))
    assert.are.same({ "1.5x", n = 1 }, arguments("kill", " 1.5x"))
  end)

  it("in brackets are a call", function()
    assert.are.same({ 1, "a, b", nil, n = 3 }, arguments("peek", "(1, 'a, b', nil)"))
    assert.are.same({ n = 0 }, arguments("peek", "()"))
    assert.are.same({ 3, 4, n = 2 }, arguments("peek", " (1 + 2) 4"))
  end)

  it("that are words stay as they are", function()
    assert.are.same({ "../a-b.lua", "true", n = 2 }, arguments("save", " ../a-b.lua true"))
    assert.are.same({ "my file.lua", n = 1 }, arguments("load", " 'my file.lua'"))
    assert.are.same({ "#q + 1", "2", n = 2 }, arguments("watch", ' "#q + 1" 2'))
    assert.are.same({ "#q", "0.5", n = 2 }, arguments("watch", " #q, 0.5"))
    assert.are.same({ "f(1, 2)", n = 1 }, arguments("watch", " f(1, 2)"))
  end)

  it("that are a text are the rest of the line", function()
    assert.are.same({ "queue.put", n = 1 }, arguments("help", "  queue.put  "))
    assert.are.same({ "f(a, b) + 1", n = 1 }, arguments("time", " f(a, b) + 1"))
  end)

  it("that fail are the command's error", function()
    local p <close> = prompt.new()
    assert.is_truthy(refused(p, ":dump nosuch.field"):find("attempt to index a nil value (global 'nosuch')", 1, true))
  end)
end)

describe("a command", function()
  it("that there is none of is answered with the nearest", function()
    local p <close> = prompt.new()
    assert.is_truthy(refused(p, ":hlep"):find("there is no command :hlep; did you mean :help?", 1, true))
    assert.is_truthy(refused(p, ":xyzzy"):find("there is no command :xyzzy; :help lists them", 1, true))
    assert.are.equal(":top is not available in this session\n", refused(p, ":top"))
    assert.is_truthy(refused(p, ":"):find(":name arguments", 1, true))
    assert.is_truthy(refused(p, ":1"):find(":name arguments", 1, true))
  end)

  it("is a function, too, unless somebody has the name", function()
    _G.dump = "mine"
    local p <close> = prompt.new()
    assert.are.equal("mine", _G.dump)
    assert.are.equal("5\n", obeyed(p, ":dump 5"))
    p.eval("src = 1")
    assert.is_truthy(refused(p, ":src 5"):find("src shows the source", 1, true))
    assert.are.equal("function", type(_G.time))
    assert.are.equal(load, _G.load)
    _G.dump = nil
  end)

  it("of the program is found, as a table of functions or as globals", function()
    local seen
    local p <close> = prompt.new { commands = { ps = function(...) seen = table.pack(...) return "shown" end } }
    assert.are.equal('"shown"\n', obeyed(p, ":ps 1 b"))
    assert.are.same({ 1, "b", n = 2 }, seen)
    p.eval("ps = nil")
    obeyed(p, ":ps(3)")
    assert.are.same({ 3, n = 1 }, seen)
  end)

  it("that fails does not name a line of the prompt", function()
    local p <close> = prompt.new { commands = { ps = string.rep } }
    assert.are.equal("bad argument #2 to 'f' (number expected, got no value)\n",
      (refused(p, ":ps 'x'"):gsub("'[^']*' %(", "'f' (")))
  end)

  it("of the system runs in the foreground", function()
    local ran
    local p <close> = prompt.new { run = function(command) ran = command return nil, "exit", 3 end }
    assert.are.equal("error", p.command("!ls -l | wc"))
    assert.are.equal("ls -l | wc", ran)
    assert.are.equal("exit status 3\n", p.said())
    p.host.run = function() return nil, "signal", 9 end
    p.command("! x")
    assert.are.equal("ended by signal 9\n", p.said())
    p.host.run = function(command) ran = command return true, "exit", 0 end
    assert.are.equal("ok", p.command("!"))
    assert.are.equal(os.getenv("SHELL") or "sh", ran)
  end)
end)

describe("src", function()
  it("shows a function of a chunk, and one of a file", function()
    local p <close> = prompt.new()
    p.eval("-- adds\nfunction add(a, b)\n  return a + b\nend sub = nil")
    assert.are.equal("-- repl:1:2\nfunction add(a, b)\n  return a + b\nend sub = nil\n", obeyed(p, ":src add"))
    local file <close> = lua_file("mod.lua", "#!shebang\nlocal x\nfunction from_file()\n  return x\nend\n")
    obeyed(p, ":load " .. file.path)
    local text = obeyed(p, ":src from_file")
    assert.is_truthy(text:find("mod.lua:3\nfunction from_file()\n  return x\nend\n", 1, true), text)
    assert.is_nil(text:find("changed"))
  end)

  it("says when the file has changed since", function()
    local p <close> = prompt.new()
    local file <close> = lua_file("mod.lua", "local up\nfunction changing(a)\n  return a + 1, up\nend\n")
    obeyed(p, ":load " .. file.path)
    local function is_said() return obeyed(p, ":src changing"):find("has changed since", 1, true) ~= nil end
    assert.is_false(is_said())
    file.write("local up\nfunction changing(a)\n  return a + 1, up\nend\n-- more behind it\nprint(1)")
    assert.is_false(is_said())
    for _, text in ipairs { "local up\nfunction changing(a)\n  return a + 2, up\nend\n",
      "-- new\nlocal up\nfunction changing(a)\n  " ..
      "return a + 1, up\nend\n", "local up\n", "x = = 1" } do
      file.write(text)
      assert.is_true(is_said(), text)
    end
    os.remove(file.path)
    assert.is_truthy(refused(p, ":src changing"):find("has no source to show: ", 1, true))
  end)

  it("refuses what has none", function()
    local p <close> = prompt.new()
    assert.is_truthy(refused(p, ":src print"):find("print has no source to show: it is written in C", 1, true))
    assert.is_truthy(refused(p, ":src nil"):find("not of a nil", 1, true))
    p.eval("f = load('return 1', '=made up')")
    assert.is_truthy(refused(p, ":src f"):find("was not kept", 1, true))
  end)
end)

describe("time", function()
  it("calls for about half a second, whatever a call takes", function()
    local p <close> = prompt.new { clock = os.clock }
    local n = 0
    _G.count = function(a) n = n + a end
    p.eval("time(count, 1)")
    local text = p.out()
    local calls = tonumber(text:match("(%d+) calls"))
    assert.is_true(calls <= n and calls > n / 2, text .. n)
    local duration = "[%d.]+ [num]?s"
    local form = ("^D %(median%), 80 %% of samples D to D, %d+ calls\n$"):gsub("D", (duration:gsub("%%", "%%%%")))
    assert.is_truthy(text:find(form), text)
    _G.count = nil
  end)

  it("calls a long one once", function()
    local now, calls = 0, 0
    local p <close> = prompt.new { clock = function() return now end }
    _G.long = function() now, calls = now + 2.5, calls + 1 end
    assert.are.equal("2.50 s, one call\n", obeyed(p, ":time long()"))
    assert.are.equal(1, calls)
    _G.long = nil
  end)

  it("finds the median", function()
    local now, i = 0, 0
    local p <close> = prompt.new { clock = function() return now end }
    _G.step = function() -- every tenth is slow
      i = i + 1
      now = now + (i % 10 == 0 and 0.05 or 0.002)
    end
    local text = obeyed(p, ":time step()")
    assert.is_truthy(text:find("^2.00 ms %(median%), 80 %% of samples 2.00 ms to 2.00 ms, %d+ calls"), text)
    _G.step = nil
  end)

  it("refuses what cannot be called", function()
    local p <close> = prompt.new()
    assert.are.equal("error", p.eval("time(5)"))
    assert.are.equal("time wants a function, or a text to compile, not a number\n", p.err())
    assert.is_truthy(refused(p, ":time x = = 1"):find("near '='", 1, true))
    assert.is_truthy(refused(p, ":time error('inside')"):find("inside", 1, true))
  end)
end)

describe(":load", function()
  it("runs a file in the session", function()
    local p <close> = prompt.new()
    local file <close> = lua_file("some file.lua", "loaded_value = 5 return 1, 2")
    assert.are.equal("1, 2\n", obeyed(p, ":load '" .. file.path .. "'"))
    assert.are.equal(5, _G.loaded_value)
  end)

  it("reports what goes wrong", function()
    local p <close> = prompt.new()
    assert.is_truthy(refused(p, ":load /nonexistent.lua"):find("cannot read /nonexistent.lua: No such file", 1, true))
    assert.is_truthy(refused(p, ":load /tmp"):find("cannot read /tmp: Is a directory", 1, true))
    local file <close> = lua_file("bad.lua", "local function f() error('bad') end\nf()")
    local text = refused(p, ":load " .. file.path)
    assert.is_truthy(text:find("bad.lua:1: bad\nstack traceback:", 1, true), text)
    assert.is_nil(text:find("sandbox", 1, true), text)
    file.write("x = = 1")
    assert.is_truthy(refused(p, ":load " .. file.path):find("bad.lua:1: ", 1, true))
  end)
end)

describe("reload", function()
  local path = package.path
  after_each(function() package.path = path end)

  it("brings new functions into the table that others hold", function()
    local p <close> = prompt.new()
    local file <close> = lua_file("reloaded_mod.lua",
      "local M = { state = 1 } function M.f() return 'old' end return M")
    package.path = file.folder .. "/?.lua;" .. path
    p.eval("m = require 'reloaded_mod' m.state = 2 m.mine = true")
    file.write("local M = {} function M.f() return 'new' end function M.g() end return M")
    p.eval("reload()")
    assert.are.equal("reloaded reloaded_mod\n", p.said())
    p.out()
    p.eval("m.f(), type(m.g), m.state, m.mine, m == require 'reloaded_mod'")
    assert.are.equal('"new", "function", 2, true, true\n', p.out())
    package.loaded.reloaded_mod = nil
  end)

  it("leaves a module as it was when the new one is broken", function()
    local p <close> = prompt.new()
    local file <close> = lua_file("reloaded_mod.lua", "return { f = 1 }")
    package.path = file.folder .. "/?.lua;" .. path
    p.eval("m = require 'reloaded_mod'")
    file.write("return {")
    assert.is_truthy(refused(p, ":reload reloaded_mod"):find("reload: reloaded_mod is unchanged: ", 1, true))
    p.eval("m == require 'reloaded_mod'")
    assert.are.equal("true\n", p.out())
    package.loaded.reloaded_mod = nil
  end)

  it("refuses what is no module from a file", function()
    local p <close> = prompt.new()
    assert.is_truthy(refused(p, ":reload nosuch"):find("the module 'nosuch' is not loaded", 1, true))
    assert.is_truthy(refused(p, ":reload string"):find("the module 'string' is not from a file", 1, true))
    obeyed(p, ":reload")
    assert.are.equal("no module from a file is loaded\n", p.said())
  end)
end)

describe("edit", function()
  -- An editor that notes what it is given, and leaves `text`.
  local function editor(notes, text)
    return function(command)
      local path = command:match("'(.-)'$")
      local handle = assert(io.open(path))
      notes[#notes + 1] = handle:read("a")
      handle:close()
      assert(path:find("%.lua$"))
      handle = assert(io.open(path, "w"))
      handle:write(text or notes[#notes])
      handle:close()
      notes.path = path
      return true, "exit", 0
    end
  end

  it("runs what the person made of the last input", function()
    local notes = {}
    local p <close> = prompt.new { run = editor(notes, "edited = 7\nreturn edited\n") }
    p.eval("x = 1")
    p.command(":dump x")
    p.out()
    assert.are.equal("edited = 7\nreturn edited\n7\n", obeyed(p, ":edit"))
    assert.are.equal("x = 1", notes[1])
    assert.is_nil(io.open(notes.path))
    assert.are.equal(7, _G.edited)
    obeyed(p, ":edit 1")
    assert.are.equal("x = 1", notes[2])
    obeyed(p, ":edit")
    assert.are.equal("edited = 7\nreturn edited", notes[3])
  end)

  it("does so, too, when it is called as a function; nothing is left for the next input", function()
    local notes = {}
    local p <close> = prompt.new { run = editor(notes, "function edited() return 8 end\n") }
    p.eval("function edited() return 7 end")
    assert.are.equal("ok", p.eval("edit(edited)"))
    assert.are.equal("function edited() return 7 end", notes[1])
    p.out()
    p.eval("edited()")
    assert.are.equal("8\n", p.out())
    p.eval("1")
    assert.are.equal("1\n", p.out())
  end)

  it("takes a function", function()
    local notes = {}
    local p <close> = prompt.new { run = editor(notes) }
    p.eval("function f(a)\n  return a\nend")
    assert.are.equal("", obeyed(p, ":edit f"))
    assert.are.equal("function f(a)\n  return a\nend", notes[1])
    assert.are.equal("edit: unchanged, not run\n", p.said())
    assert.is_truthy(refused(p, ":edit print"):find("written in C", 1, true))
    assert.is_truthy(refused(p, ":edit 99"):find("there is no repl:99", 1, true))
    assert.is_truthy(refused(p, ":edit 'x'"):find("a function or the n", 1, true))
  end)

  it("reports input that is not complete, and an editor that fails", function()
    local p <close> = prompt.new { run = editor({}, "for i = 1, 2 do") }
    assert.is_truthy(refused(p, ":edit"):find("'end' expected", 1, true))
    p.host.run = function() return nil, "exit", 1 end
    assert.is_truthy(refused(p, ":edit"):find("ended with exit 1: nothing is run", 1, true))
    p.host.run = editor({}, "  \n")
    obeyed(p, ":edit")
    assert.are.equal("edit: nothing to run\n", p.said())
  end)
end)

describe("peek", function()
  it("wants a number of items", function()
    local p <close> = prompt.new()
    p.eval("Q = queue()")
    for _, n in ipairs { "-1", "0", "1.5", "{}", "'x'" } do
      assert.are.equal("error", p.eval("peek(Q, " .. n .. ")"))
      assert.are.equal("peek: the number of items must be a whole number, 1 or more\n", p.err())
    end
    assert.are.equal("ok", p.eval("Q:put(7) peek(Q, 2)"), p.err())
  end)
end)

describe("watch", function()
  it("asks the supervisor", function()
    local p <close> = prompt.new()
    p.eval("watch('#q + 1', 0.5)")
    obeyed(p, ":watch #q")
    obeyed(p, ":watch #q 2")
    obeyed(p, ":watch")
    obeyed(p, ":unwatch 1")
    obeyed(p, ":unwatch")
    local asked = {}
    for i, request in ipairs(p.asked) do asked[i] = table.concat(request, " ", 1, request.n) end
    assert.are.same({ "watch #q + 1 0.5", "watch #q 1", "watch #q 2", "watches", "unwatch 1", "unwatch" }, asked)
  end)

  it("refuses what cannot be watched", function()
    local p <close> = prompt.new()
    for text, message in pairs { ["watch(5)"] = "wants the expression as a text", ["watch('x = 1')"] = "near '='",
      ["watch('x', 0)"] = "a number above 0", ["watch('x', 'y')"] = "a number above 0", ["watch('x', -1)"] = "above 0",
      ["watch('x', 0/0)"] = "above 0", ["unwatch('x')"] = "wants the number" } do
      assert.are.equal("error", p.eval(text))
      assert.is_truthy(p.err():find(message, 1, true), text)
    end
    assert.are.equal(0, #p.asked)
    p.host.request = function() return nil, "watched too much" end
    assert.are.equal("watched too much\n", refused(p, ":watch x"))
    p.host.request = function() return "1  #q  every 1 s\n" end
    assert.are.equal("1  #q  every 1 s\n", obeyed(p, ":watch"))
  end)
end)

describe("what was recorded", function()
  local function requests(p)
    local list = {}
    for i, request in ipairs(p.asked) do list[i] = table.concat(request, " ", 1, request.n) end
    return list
  end

  it("is asked of the supervisor, and shown", function()
    local p <close> = prompt.new()
    p.eval("timeline() timeline(2.5) stats(60) marks() marks('1e1') trace('x.html') trace('x.svg', 1/3)")
    obeyed(p, ":timeline 5")
    obeyed(p, ":trace my-file.svg 5")
    obeyed(p, ":trace 'a b.svg'")
    assert.are.same({ "trace timeline ", "trace timeline 2.5", "trace stats 60", "trace marks ", "trace marks 10",
      "trace trace x.html ", "trace trace x.svg 0.33333333333333331", "trace timeline 5",
      "trace trace my-file.svg 5", "trace trace a b.svg " }, requests(p))
    p.host.request = function() return "a chart\n" end
    assert.are.equal("a chart\n", obeyed(p, ":timeline"))
    p.host.request = function() return nil, "nothing has been done yet" end
    assert.are.equal("timeline: nothing has been done yet\n", refused(p, ":timeline"))
    assert.are.equal("trace: nothing has been done yet\n", refused(p, ":trace x.svg"))
  end)

  it("is not asked with arguments that make no sense", function()
    local p <close> = prompt.new()
    for text, message in pairs {
      ["timeline(0)"] = "timeline: the seconds must be a number above 0", ["stats(-1)"] = "stats: the seconds must",
      ["marks('x')"] = "marks: the seconds must", ["timeline(0/0)"] = "above 0", ["timeline(math.huge)"] = "above 0",
      ["timeline {}"] = "above 0", ["trace()"] = "trace wants the name of a file: trace('run.html')",
      ["trace(5)"] = "trace wants the name", ["trace('')"] = "trace wants the name",
      ["trace('x.svg', 0)"] = "trace: the seconds must", ["trace('x\\0.svg')"] = "has no zero byte" } do
      assert.are.equal("error", p.eval(text), text)
      assert.is_truthy(p.err():find(message, 1, true), text)
    end
    assert.are.equal(0, #p.asked)
  end)

  it("is watched as a picture", function()
    local p <close> = prompt.new()
    p.eval("watch('timeline()') watch('timeline(5)', 2)")
    obeyed(p, ":watch timeline")
    obeyed(p, ":watch timelines")
    assert.are.same({ "follow timeline() 0.5", "follow timeline(5) 2", "follow timeline 0.5", "watch timelines 1" },
      requests(p))
    p.host.request = function() return nil, "no" end
    assert.are.equal("watch: no\n", refused(p, ":watch timeline"))
    assert.is_truthy(refused(p, ":watch timeline() 0"):find("a number above 0", 1, true))
  end)

  it("leaves a saved script alone", function()
    local p <close> = prompt.new()
    local file <close> = lua_file("saved.lua", "")
    for _, line in ipairs { "x = 1", "timeline()", "trace('x.html')", "stats(5)", "marks()" } do p.eval(line) end
    obeyed(p, ":save " .. file.path .. " true")
    local handle <close> = assert(io.open(file.path))
    local text = handle:read("a")
    assert.is_truthy(text:find("x = 1", 1, true))
    for _, name in ipairs { "timeline", "trace", "stats", "marks" } do assert.is_nil(text:find(name, 1, true)) end
  end)
end)

describe("explore and replay", function()
  it("find a schedule that fails, and follow it again", function()
    local p <close> = prompt.new()
    p.eval [[function twice()
      local n = sandbox.value(0)
      local function add() n:set(n:get() + 1) end
      sandbox.join_all { spawn(add), spawn(add) }
      assert(n:get() == 2, "lost")
    end]]
    assert.are.equal("ok", p.eval "r = explore(twice)", p.err())
    p.out()
    assert.are.equal("ok", p.eval "replay(r.failures[1])", p.err())
    local shown = p.out()
    assert.is_truthy(shown:find("one schedule was followed", 1, true), shown)
    assert.is_truthy(shown:find("wrong: [^\n]*lost"), shown)
    assert.are.equal("ok", p.eval "again = replay(sandbox.explore(twice).failures[1], twice)", p.err())
    assert.are.equal("ok", p.eval "assert(again.failures[1].message == r.failures[1].message)", p.err())
  end)

  it("say what is missing", function()
    local p <close> = prompt.new()
    assert.is_truthy(refused(p, ":replay 5"):find("replay wants a failure that explore has found", 1, true))
    assert.are.equal("error", p.eval "replay { token = 'sbx1:0' }")
    assert.is_truthy(p.err():find("say of which function", 1, true))
  end)
end)

describe("dump", function()
  it("shows all, and objects from the inside", function()
    local p <close> = prompt.new()
    p.eval("object = setmetatable({ x = { { { { { 1 } } } } } }, { __tostring = function() return 'short' end })")
    p.eval("object")
    assert.are.equal("short\n", p.out())
    assert.are.equal("{x = {{{{{1}}}}}}\n", obeyed(p, ":dump object"))
    assert.are.equal("{x = {{...}}}\n", obeyed(p, ":dump object 2"))
    p.eval("list = {} for i = 1, 500 do list[i] = i end")
    assert.is_truthy(obeyed(p, ":dump list"):find("500\n}", 1, true))
  end)
end)
