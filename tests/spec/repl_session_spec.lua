-- What the prompt does with a chunk: src/prompt/lua/session.lua and what it uses.
local prompt = require "support.prompt"
local script = require "support.script"
local shell = require "support.shell"

-- What is printed for a chunk that works.
local function printed(p, text)
  local done = p.eval(text)
  assert.are.equal("ok", done, text .. ": " .. p.err())
  return p.out()
end

-- The report of a chunk that fails.
local function report(p, text)
  assert.are.equal("error", p.eval(text), text)
  return p.err()
end

describe("a chunk", function()
  it("that is an expression prints its values", function()
    local p <close> = prompt.new()
    assert.are.equal("2\n", printed(p, "1 + 1"))
    assert.are.equal('1, nil, "x"\n', printed(p, "1, nil, 'x'"))
    assert.are.equal("nil\n", printed(p, "nil"))
    assert.are.equal("5\n", printed(p, "= 5"))
    assert.are.equal("5\n", printed(p, "return 5"))
    assert.are.equal("6\n", printed(p, "5 + 1 -- six"))
    assert.are.equal("7\n", printed(p, "(function()\n  return 7\nend)()"))
  end)

  it("that gives no value prints nothing", function()
    local p <close> = prompt.new()
    for _, text in ipairs { "", "  ", "-- a comment", "x = 5", "(function() end)()", "if x then y = x end",
      "local z = 1" } do
      assert.are.equal("", printed(p, text))
    end
    assert.are.equal("5\n", printed(p, "y"))
  end)

  it("is incomplete while more lines may complete it", function()
    local p <close> = prompt.new()
    for _, text in ipairs { "1 +", "f(", "for i = 1, 2 do", "if x then", "function f()", "x =", "local", "return 1 +",
      "{", "[[long", "--[[ long\ncomment", "x = [==[ ]]", "'a\\", "repeat", "a.", "a:", "= 1 +", "a.b(function()",
      "x = { 1, 2,", "while true do\n  break" } do
      assert.are.equal("incomplete", p.eval(text), text)
    end
    assert.are.equal("", p.out() .. p.err())
    assert.are.equal("3\n", printed(p, "1 +\n2"))
  end)

  it("that no line can complete is an error", function()
    local p <close> = prompt.new()
    for i, text in ipairs { "'abc", "x = = 5", "1 2", "for for", ")", "end", "= x = 5", "goto nowhere", "break",
      "x = 08y" } do
      assert.is_truthy(report(p, text):find("repl:" .. i .. ":1: ", 1, true), text)
    end
  end)

  it("is numbered, whether it works or not", function()
    local p <close> = prompt.new()
    p.eval("x = 1")
    p.eval("1 +")
    assert.is_truthy(report(p, "x = = 1"):find("repl:2:1: ", 1, true))
    assert.are.equal("repl:3:2: boom\n", report(p, "x = 2\nerror('boom')"))
  end)

  it("has results with names", function()
    local p <close> = prompt.new()
    for i = 1, 12 do p.eval(i .. ", 'second'") end
    p.out()
    assert.are.equal("12, 12, 11, 4\n", printed(p, "_, _1, _2, _9"))
    assert.are.equal("12\n", printed(p, "_"))
    p.eval("x = 1")
    p.eval("print()")
    p.eval("error('no')")
    assert.are.equal("12\n", printed(p, "_"))
    assert.are.equal("false\n", printed(p, "false"))
    assert.are.equal("false, 12\n", printed(p, "_, _2"))
    assert.are.equal("nil\n", printed(p, "nil"))
    assert.are.equal("nil\n", printed(p, "_"))
  end)

  it("that fails leaves the error in _e", function()
    local p <close> = prompt.new()
    report(p, "error('boom')")
    assert.are.equal('"repl:1:1: boom"\n', printed(p, "_e"))
    report(p, "error({ code = 5 })")
    assert.are.equal("5\n", printed(p, "_e.code"))
    report(p, "error(nil)")
    assert.are.equal("nil\n", printed(p, "_e"))
    report(p, "x = = 1")
    assert.are.equal("string\n", (printed(p, "type(_e)"):gsub('"', "")))
    report(p, "spawn({ quiet = true }, error, 'of a child'):result()")
    assert.are.equal('"of a child"\n', printed(p, "_e.message"))
  end)
end)

describe("a report", function()
  it("has no traceback that tells nothing", function()
    local p <close> = prompt.new()
    assert.are.equal("repl:1:1: boom\n", report(p, "error('boom')"))
    assert.are.equal("repl:2:2: attempt to perform arithmetic on a nil value\n", report(p, "\nlocal x = nil + 1"))
    assert.is_nil(report(p, "string.rep()"):find("traceback"))
    assert.is_nil(report(p, "assert(false, 'no')"):find("traceback"))
  end)

  it("has no frames of the library", function()
    local p <close> = prompt.new()
    p.eval("function f(g, ...) g(...) end")
    for _, text in ipairs { "sandbox.pool, 0", "sandbox.join_all, { 1 }", "sandbox.scope, 1", "sandbox.as_completed, { 1 }" } do
      local told = report(p, "f(" .. text .. ")")
      assert.is_truthy(told:find("\nstack traceback:\n\t%[C%]: in function 'sandbox%.[%w_]+'\n\trepl:1:1: in function 'f'\n"), told)
      assert.is_nil(told:find("[sandbox ", 1, true), told)
    end
    assert.is_nil(report(p, "sandbox.pool(1):join()"):find("traceback"))
  end)

  it("has the frames of the chunk, and none of the prompt", function()
    local p <close> = prompt.new()
    p.eval("function f(n) if n == 0 then error('deep') end f(n - 1) end")
    local text = report(p, "f(2)")
    assert.is_truthy(text:find("^repl:1:1: deep\nstack traceback:\n\t%[C%]: in function 'error'\n\trepl:1:1: "), text)
    assert.are.equal(3, select(2, text:gsub("\trepl:1:1: in function 'f'", "")))
    assert.is_nil(text:find("sandbox", 1, true), text)
    assert.is_nil(text:find("xpcall", 1, true), text)
    text = report(p, "local t = { f } for i = 1, 2 do t[1](1) end")
    assert.is_truthy(text:find("\trepl:3:1: in main chunk\n$"), text)
  end)

  it("survives a stack that is full", function()
    local p <close> = prompt.new()
    local text = report(p, "function r() return 1 + r() end r()")
    assert.is_truthy(text:find("^repl:1:1: stack overflow"), text)
    assert.is_truthy(#text < 4000)
    assert.is_nil(text:find("sandbox", 1, true), text)
    text = report(p, "local s = string.rep('(', 300) load('return ' .. s .. '1' .. s)() r()")
    assert.is_truthy(#text > 0)
    text = report(p, "setmetatable(_G, { __index = function(t, k) return t[k .. 'x'] end }) return nosuch")
    p.eval("setmetatable(_G, nil)")
    assert.is_truthy(text:find("overflow"), text)
  end)

  it("shows an error that is not a string", function()
    local p <close> = prompt.new()
    assert.are.equal("error value: {code = 5}\n", report(p, "error({ code = 5 })"))
    assert.are.equal("error value: nil\n", report(p, "error(nil)"))
    assert.are.equal("12\n", report(p, "error(12)"))
    assert.are.equal("readable\n", report(p,
      "error(setmetatable({}, { __tostring = function() return 'readable' end }))"))
    local broken = report(p, "error(setmetatable({}, { __tostring = function() error('x') end }))")
    assert.is_truthy(broken:find("^error value: <__tostring failed"), broken)
  end)

  it("of a process's failure brings the traceback of that process", function()
    local p <close> = prompt.new()
    local text = report(p,
      "function g() error('inside') end spawn({ quiet = true, name = 'w' }, function() g() end):result()")
    assert.is_truthy(text:find("^repl:1:1: inside %(process w#%d+, pid %d+%)\nstack traceback:\n"), text)
    assert.is_truthy(text:find("in function 'g'", 1, true), text)
  end)

  it("is coloured if the terminal is", function()
    local p <close> = prompt.new { color = true }
    assert.are.equal("\27[1;31mrepl:1:1: boom\27[0m\n", report(p, "error('boom')"))
  end)

  it("hints at what was meant", function()
    local p <close> = prompt.new()
    assert.is_truthy(report(p, "pritn(1)"):find("did you mean 'print'?", 1, true))
    assert.is_truthy(report(p, "stirng.rep('x', 2)"):find("did you mean 'string'?", 1, true))
    assert.is_truthy(report(p, "string.fromat('x')"):find("did you mean 'string.format'?", 1, true))
    assert.is_truthy(report(p, "queue():putt(1)"):find("did you mean 'put'?", 1, true))
    assert.is_nil(report(p, "nothing_like_that_anywhere()"):find("hint", 1, true))
    p.eval("local counter, stride <const> = 1, 2")
    local text = report(p, "counter = counter + 1")
    assert.is_truthy(text:find("hint: 'counter' was a local of repl:6 and ended with it", 1, true), text)
    assert.is_truthy(report(p, "print(#stride)"):find("'stride' was a local of repl:6", 1, true))
    p.eval("local function helper() local inner = 1 end")
    assert.is_truthy(report(p, "helper()"):find("'helper' was a local of repl:9", 1, true))
    assert.is_nil(report(p, "inner()"):find("was a local", 1, true))
  end)

  it("tells of an interrupt, wherever it comes", function()
    local p <close> = prompt.new()
    assert.are.equal("repl:1:1: interrupted!\n", report(p, "error('interrupted!')"))
    p.eval("slow = setmetatable({}, { __tostring = function() error('interrupted!') end })")
    assert.are.equal("repl:2:1: interrupted!\n", report(p, "slow"))
    assert.are.equal("repl:2:1: interrupted!\n", report(p, "{ 1, { slow } }"))
    assert.are.equal("error", p.command(":edit 'x'"))
    assert.are.equal("2\n", printed(p, "1 + 1"))
  end)

  it("tells once that locals end with their line", function()
    local p <close> = prompt.new()
    p.eval("for i = 1, 2 do local x = i end")
    assert.are.equal("", p.said())
    p.eval("local n = 5")
    assert.is_truthy(p.said():find("write `n = ...` without `local`", 1, true))
    p.eval("local m = 5")
    assert.are.equal("", p.said())
  end)
end)

describe("a word that is typed alone", function()
  it("as at other prompts: help, exit, quit", function()
    local p <close> = prompt.new()
    assert.are.equal("ok", p.eval("help"))
    assert.is_truthy(p.out():find("Type an expression to see its value", 1, true))
    for _, word in ipairs { "exit", " quit " } do
      assert.are.equal("ok", p.eval(word))
      assert.are.equal("Ctrl-D leaves\n", p.said())
    end
    p.eval("quit = 5")
    assert.are.equal("5\n", printed(p, "quit"))
    rawset(_G, "quit", nil)
  end)
end)

describe("an inquiry", function()
  it("gives one line, and changes nothing", function()
    local p <close> = prompt.new()
    p.eval("t = { 1, 2, x = 'a\\nb' }")
    p.eval("42")
    p.out()
    assert.are.same({ true, '{1, 2, x = "a\\nb"}, 3' }, { p.evaluate("t, 3") })
    assert.are.same({ true, "42" }, { p.evaluate("_") })
    assert.are.same({ true, "" }, { p.evaluate("(function() end)()") })
    local ok, message = p.evaluate("t.y.z")
    assert.is_false(ok)
    assert.is_truthy(message:find("attempt to index a nil value (field 'y')", 1, true), message)
    assert.is_false((p.evaluate("x = 5")))
    assert.is_false((p.evaluate("1 +")))
    assert.are.equal("", p.out() .. p.err() .. p.said())
    assert.are.equal("42\n", printed(p, "_"))
  end)

  it("that comes while a chunk runs leaves the names of results to the chunk", function()
    local p <close> = prompt.new()
    p.eval("11")
    _G.inquire = function() p.command(":dump 5") p.command(":nosuch") assert(p.evaluate("_") == true) end
    p.eval("inquire() return 12")
    p.out()
    assert.are.equal("12, 11, nil\n", printed(p, "_, _2, _e"))
  end)
end)

describe("the init file", function()
  it("runs, and may fail", function()
    local p <close> = prompt.new()
    local good <close> = shell.file("#!/usr/bin/env sandbox\nfrom_init = 5\n")
    assert.are.equal("ok", p.session:init(good.name))
    assert.are.equal("5\n", printed(p, "from_init"))
    local bad <close> = shell.file("from_init = 6\nerror('in init')\n")
    assert.are.equal("error", p.session:init(bad.name))
    assert.is_truthy(p.err():find(bad.name .. ":2: in init", 1, true))
    assert.are.equal("ok", p.session:init("/nonexistent/init.lua"))
    local wrong <close> = shell.file("x = = 1")
    assert.are.equal("error", p.session:init(wrong.name))
    assert.is_truthy(p.err():find(wrong.name .. ":1: ", 1, true))
  end)
end)

describe("the prompt itself", function()
  it("works whatever a chunk does to the standard library", function()
    local loader = ([[
      package.path = %q .. "/tests/?.lua;" .. package.path
      local modules = require "support.prompt".modules()
      local put, err = io.stderr.write, io.stderr
      local S = modules "session".new {
        width = function() return 80 end, color = false, request = function() return "" end,
        say = function(text) put(err, "said " .. text .. "\n") end, run = os.execute,
      }
      local eval, command, complete, write, stdout = S.eval, S.command, S.complete, io.stdout.write, io.stdout
      S:eval("x = { 1, { a = print }, 'y' }")
      S:eval([=[
        for _, name in ipairs { "string", "table", "math", "os", "io", "coroutine", "utf8", "package" } do
          local t = _G[name]
          for k in pairs(t) do
            if name ~= "package" then t[k] = function() os_exit(9) end end
          end
        end
      ]=])
      S:eval("for k in next, debug do debug[k] = nil end")
      S:eval("local e = error setmetatable(_G, { __index = function(_, k) e('strict: ' .. k, 2) end, __newindex = e })")
      for _, name in ipairs { "tostring", "tonumber", "pairs", "ipairs", "next", "select", "type", "rawget", "rawset",
        "pcall", "xpcall", "error", "load", "setmetatable", "getmetatable", "assert", "require", "print", "rawlen",
        "rawequal" } do
        S:eval(name .. " = nil")
      end
      S:eval("string, table, math, debug, os, io = nil")
      eval(S, "x")
      eval(S, "{1.5, 'a\\nb', sandbox}")
      eval(S, "x.y.z")
      eval(S, "undefined_name")
      eval(S, "local l = 1")
      command(S, ":dump x")
      command(S, ":src x")
      command(S, ":time #x")
      command(S, ":hlep")
      command(S, ":watch #x 1")
      command(S, ":save /nonexistent/x.lua")
      local _, list = complete(S, "spa", 3)
      write(stdout, list[1])
    ]]):gsub("%%q", function() return ("%q"):format(shell.source) end)
    local r = script.run(loader, { env = "SANDBOX_SOURCE=" .. shell.quote(shell.source) })
    local all = "\n--- out\n" .. r.out .. "\n--- err\n" .. r.err
    assert.are.equal(0, r.status, all)
    for _, text in ipairs { '{1, {a = function: [C]}, "y"}', "1.5,", "repl:%d+:1: attempt to index a nil value",
      "strict: undefined_name", "src shows the source of a function, not of a table", "did you mean :help?", "(median)",
      "cannot write /nonexistent/x.lua", "said hint: a local ends" } do
      local found = (r.out .. r.err):find(text:gsub("[%(%)%[%]%?%.]", "%%%0"):gsub("%%d%+", "%%d+"))
      assert.is_truthy(found, text .. all)
    end
    assert.is_truthy(r.out:find("spawn%($"), all)
  end)

  it("keeps a chunk's debug hook out of its own work", function()
    local p <close> = prompt.new()
    _G.lines = 0
    p.eval("debug.sethook(function() lines = lines + 1 end, 'l')")
    local hook = debug.gethook()
    assert.is_nil(hook)
    local before = _G.lines
    p.eval("")
    p.command(":dump 1")
    local idle = _G.lines - before
    before = _G.lines
    p.eval("for i = 1, 10 do\n local x = i\n end")
    assert.is_true(idle < 15 and _G.lines - before >= 20, _G.lines - before .. " " .. idle)
    p.eval("debug.sethook()")
    before = _G.lines
    p.eval("for i = 1, 10 do\n local x = i\n end")
    assert.are.equal(before, _G.lines)
  end)

  it("prints nothing more when its output is closed", function()
    local r = script.run(([[
      package.path = %q .. "/tests/?.lua;" .. package.path
      local S = require "support.prompt".modules() "session".new { width = function() return 80 end, say = print }
      S:eval("io.stdout:close()")
      S:eval("1 + 1")
      S:eval("error('still told')")
      os.exit(S:eval("2") == "ok")
    ]]):format(shell.source), { env = "SANDBOX_SOURCE=" .. shell.quote(shell.source) })
    assert.is_truthy(r.err:find("still told", 1, true), r.err)
    assert.are.equal(0, r.status)
  end)

  it("leaves every module of its own out of tracebacks", function()
    local own = shell.read("src/prompt/lua/call.lua"):match("gmatch%(%[%[(.-)%]%]")
    local known = {}
    for name in own:gmatch("%a+") do known[name] = true end
    local count = 0
    for name in shell.run("ls " .. shell.quote(shell.source .. "/src/prompt/lua")):gmatch("(%w+)%.lua") do
      assert.is_true(known[name], name)
      count = count + 1
    end
    assert.is_true(count > 10)
  end)
end)
