-- save(file): what worked at the prompt, as a script that runs: src/prompt/lua/save.lua.
local prompt = require "support.prompt"
local shell = require "support.shell"

-- Type lines at a prompt, and save them; returns the script's text and what it prints when the program runs it.
local function saved(lines, p)
  local mine <close> = not p and prompt.new() or nil
  p = p or mine
  local print = _G.print
  _G.print = function() end
  for _, line in ipairs(lines) do
    if line:find("^[:?!]") then p.command(line) else p.eval(line) end
  end
  _G.print = print
  local path = os.tmpname()
  assert.are.equal("ok", p.command(":save " .. path .. " true"), p.err())
  local handle = assert(io.open(path))
  local text = handle:read("a")
  handle:close()
  local output, status = shell.sandbox(path)
  os.remove(path)
  assert.are.equal(0, status, output .. "\n--- script\n" .. text)
  return text, output
end

-- The prompt's own kill, pause and resume, which are in C.
local function acts()
  local function act(method)
    return function(who)
      for _, p in ipairs(sandbox.children()) do
        if p == who or p.id == who or p.name == who then
          p[method](p)
          if method == "kill" then p:join() end
          return
        end
      end
      error("there is no process " .. tostring(who), 0)
    end
  end
  return { kill = act "kill", pause = act "pause", resume = act "resume" }
end

local function saved_with_acts(lines)
  local p <close> = prompt.new { commands = acts() }
  return saved(lines, p)
end

local function body(text) return (text:gsub("^%-%- Typed[^\n]*\n", "")) end

describe("a saved session", function()
  it("does what was typed", function()
    local text, output = saved { "x = 20", "x + 1", "print('x is', x)", "function f(n)\n  return n * 2\nend",
      "f(x), 'two'" }
    assert.are.equal("x = 20\nprint(x + 1)\nprint('x is', x)\nfunction f(n)\n  return n * 2\nend\nprint(f(x), 'two')\n",
      body(text))
    assert.are.equal("21\nx is\t20\n40\ttwo\n", output)
  end)

  it("leaves out what failed and what only the prompt has", function()
    local text = saved { "x = 1", "error('no')", "y = = 2", ":dump x", "?spawn", "dump(x)", "help 'spawn'",
      "time(tostring, 1)",
      ":nosuch", "x = 2", "watch('x', 1)", "dump(x);" }
    assert.are.equal("x = 1\nx = 2\n", body(text))
  end)

  it("keeps locals within their input", function()
    local _, output = saved { "local x = 5 print(x)", "print(x)", "x = 1", "local function f() return 2 end x = f()",
      "x",
      "goto done do print('never') end ::done::", "goto done ::done::" }
    assert.are.equal("5\nnil\n2\n", output)
  end)

  it("goes on after input that returns", function()
    local _, output = saved { "return 5", "local x = 1 return x", "if true then return 2 end", "do return end",
      "print('the end')", "return", "return 6 -- six",
        "for i = 1, 2 do local f = function() return i end print(f()) end" }
    assert.are.equal("5\nthe end\n6\n1\n2\n", output:gsub("\n\n", "\n"))
  end)

  it("does not run lines together", function()
    local _, output = saved { "f = print", "(f or error)('a')", "x = f -- a comment", "(x)('b')", "x -- another",
      "= 'c' -- one more", ";(x)('d')" }
    assert.are.equal("a\nb\n", output:match("^.-b\n"))
    assert.is_truthy(output:find("\nc\nd\n$"), output)
  end)

  it("keeps results that were used", function()
    local text, output = saved { "6 * 7", "_ + 1", "x = _ * 2", "_1, _2", "string.rep('ab', 2)", "print(_, x)" }
    assert.are.equal("42\n43\n43\t42\nabab\t86\n", output)
    assert.is_truthy(text:find("local function keep", 1, true))
    assert.is_nil(saved({ "6 * 7", "t = {}", "t._ = 1", "t._" }):find("function keep", 1, true))
  end)

  it("has no local that hides a name of the session", function()
    local _, output = saved { "keep = 3", "6 * 7", "_ + keep", "keep2 = 4", "keep + keep2" }
    assert.are.equal("42\n45\n7\n", output)
    local text = saved_with_acts { "act = 5", "p = spawn({ name = 'p' }, function() queue():get() end)", "kill 'p'",
      "assert(act == 5)" }
    assert.is_truthy(text:find('kill = kill or act2 "kill"', 1, true), text)
  end)

  it("leaves out what used an error", function()
    local text = saved { "x = 1", "error('y')", "x = _e", "print(x)" }
    assert.are.equal("x = 1\nprint(x)\n", body(text))
  end)

  it("runs with commands that are called within something else", function()
    local text, output = saved { "function f() dump(1) time(tostring, 1) return 'f' end", "f()", "x = { dump = 5 }",
      "print(x.dump)" }
    assert.is_truthy(text:find("dump = dump or function() end\ntime = time or function() end\n", 1, true), text)
    assert.is_nil(text:find("save = ", 1, true))
    assert.is_truthy(output:find("5\n$"))
  end)

  it("does again what was done to processes", function()
    local lines = {
      "q = queue()",
      "p = spawn({ name = 'first' }, function() q:get() end)", "t = { w = spawn(function() q:get() end) }",
      "third = spawn({ name = 'third' }, function() q:get() end)", "pause(p)", ":pause t.w", "pause(third)",
      "third:status() == 'stopped'", "kill(p) kill(t.w)", ":resume third", "third:status() == 'running'",
      ":kill third", "ps()" }
    local text, output = saved_with_acts(lines)
    assert.are.equal([[
p:pause()
t.w:pause()
third:pause()
print(third:status() == 'stopped')
p:kill() t.w:kill()
third:resume()
print(third:status() == 'running')
third:kill()
]], body(text):match("(p:pause.*)$"))
    assert.are.equal("true\ntrue\n", output)
  end)

  it("finds the processes that were meant by name or number, and by an expression", function()
    local text, output = saved_with_acts {
      "list = {}", "q = queue()",
      "for i = 1, 4 do list[i] = spawn({ name = 'w' .. i }, function() q:get() end) end",
      "kill 'w1'", "function stop(p) kill(p) end", "stop(list[2])", ":kill w3", ":kill list[4]",
      "for i = 1, 4 do list[i]:join() end", "list[1].signal, list[2].signal, list[3].signal, list[4].signal" }
    assert.is_truthy(text:find('kill = kill or act "kill"', 1, true), text)
    assert.is_nil(text:find("pause", 1, true))
    assert.are.equal("9\t9\t9\t9\n", output)
  end)

  it("leaves alone what is no command, or was no success", function()
    local text = saved_with_acts { "o = { kill = function() return 1 end }", "o.kill(o)", "p = spawn(function() end)",
      "p:join()", "kill(p)", ":kill p", "function o.pause(x) return x end", "o.pause(p) == p" }
    assert.are.equal("o = { kill = function() return 1 end }\no.kill(o)\np = spawn(function() end)\np:join()\n" ..
      "function o.pause(x) return x end\nprint(o.pause(p) == p)\n", body(text))
    text = saved_with_acts { "function kill(x) print('mine', x) end", "kill(1)" }
    assert.are.equal("function kill(x) print('mine', x) end\nkill(1)\n", body(text))
  end)

  it("takes a name that the person has given something else", function()
    local text, output = saved { "time = 5", "print(time)", "dump = print", "dump('mine')" }
    assert.are.equal("time = 5\nprint(time)\ndump = print\ndump('mine')\n", body(text))
    assert.are.equal("5\nmine\n", output)
  end)

  it("loads the files that were loaded", function()
    local file <close> = shell.file("from_file = 'loaded'")
    local text, output = saved { ":load " .. file.name, ":load /nonexistent.lua", "from_file" }
    assert.are.equal(('dofile("%s")\nprint(from_file)\n'):format(file.name), body(text))
    assert.are.equal("loaded\n", output)
  end)

  it("spawns, queues and joins as typed", function()
    local _, output = saved {
      "jobs, done = queue(), queue { name = 'done' }",
      "worker = spawn(function()\n  for job in jobs:items() do done:put(job * job) end\n  done:close()\nend)",
      "for i = 1, 4 do jobs:put(i) end", "jobs:close()", "worker:join()",
      "for item in done:items() do print(item) end" }
    assert.are.equal("1\n4\n9\n16\n", output)
  end)

  it("keeps comments, long strings and odd text", function()
    local _, output = saved { "-- only a comment", "", "x = [[\n  long -- no comment\n]]", "#x", "x -- ]] x",
      "'print(' .. ')--'",
      "y = 'a;' ;", "y;", "y ; -- z" }
    assert.are.equal("21\n  long -- no comment\n\nprint()--\na;\na;\n", output)
  end)

  it("runs the script that the session began with", function()
    local p <close> = prompt.new()
    local file <close> = shell.file("x = 'of the script'")
    _G.arg = { [-1] = "-i", [-2] = "sandbox", [0] = file.name }
    local text, output = saved({ "x" }, p)
    assert.are.equal(('dofile("%s")\nprint(x)\n'):format(file.name), body(text))
    assert.are.equal("of the script\n", output)
  end)

  it("begins with a line that tells where it is from", function()
    local form = "^%-%- Typed at the prompt of sandbox; saved on %d%d%d%d%-%d%d%-%d%d at %d%d:%d%d%.\n"
    assert.is_truthy(saved({ "x = 1" }):find(form))
  end)
end)

describe("save", function()
  it("replaces a file only when told to", function()
    local p <close> = prompt.new()
    local file <close> = shell.file("precious")
    p.eval("x = 1")
    assert.are.equal("error", p.command(":save " .. file.name))
    assert.are.equal(file.name .. ' exists: save("' .. file.name .. '", true) replaces it\n', p.err())
    assert.are.equal("precious", io.open(file.name):read("a"))
    p.eval(("save(%q, true)"):format(file.name))
    assert.are.equal("saved 1 input; `sandbox " .. file.name .. "` runs them\n", p.said())
    assert.is_truthy(io.open(file.name):read("a"):find("\nx = 1\n$"))
  end)

  it("refuses what is no file", function()
    local p <close> = prompt.new()
    assert.are.equal("error", p.command(":save"))
    assert.are.equal("save wants the name of a file\n", p.err())
    assert.are.equal("error", p.command(":save /nonexistent/x.lua"))
    assert.are.equal("cannot write /nonexistent/x.lua: No such file or directory\n", p.err())
  end)
end)
