-- What `sandbox` has from `lua`: the same command line does the same, with both side by side.
local shell = require "support.shell"
local run = require "cli.run"

-- A folder with the files of `files` (name = text), removed at the end of the block.
local function folder(files)
  local place = shell.folder()
  for name, text in pairs(files) do
    local file = assert(io.open(place.name .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end
  return place
end

-- What a program wrote, without what differs on purpose: its name, and its version.
local function plain(text, program)
  text = "\n" .. text
  local at, to = text:find(program, 1, true)
  while at do -- arg[-n]
    text = text:sub(1, at - 1) .. "PROGRAM" .. text:sub(to + 1)
    at, to = text:find(program, 1, true)
  end
  return (text:gsub("\nsandbox %d+%.%d+%.%d+  Lua", "\nLua"):gsub("(Lua 5%.4%.)%d+", "%1")
    :gsub("\nsandbox: ", "\nPROGRAM: "):gsub("skipping %d+ levels", "skipping levels"))
end

local FILES = {
  ["show.lua"] = [[
    local i = 0
    while arg[i - 1] do i = i - 1 end
    for k = i + 1, #arg do print(k, arg[k]) end
    print(select("#", ...), ...)
  ]],
  ["mod.lua"] = "print('mod', ...) return {name = 'mod', args = {...}}",
  ["init.lua"] = "print 'init file'",
  ["bad.lua"] = "x = = 1",
  ["fail.lua"] = "local function f() error('boom') end\nf()",
  ["shebang.lua"] = "#!/usr/bin/env sandbox\nprint('line', debug.getinfo(1, 'l').currentline)",
  ["shebang_fail.lua"] = "#!/usr/bin/env sandbox\nerror('second line')",
  ["empty.lua"] = "",
  ["-dash.lua"] = "print 'dash'",
  ["bytecode.luac"] = string.dump(load("print 'bytecode'", "=b")),
  ["bom.lua"] = "\xef\xbb\xbfprint 'bom'",
}

-- Each row: arguments; and stdin and env where they matter.
local ROWS = {
  { "-e", "print(1)" },
  { "-eprint(1)" },
  { "-e", "" },
  { "-e", "x=1", "-e", "print(x)", "-ex=2", "-e", "print(x)" },
  { "-l", "mod", "-e", "print(mod.name)" },
  { "-lmod", "-e", "print(mod.name)" },
  { "-l", "m=mod", "-e", "print(m.name, mod)" },
  { "-e", "package.preload.late = function() return 7 end", "-l", "late", "-e", "print(late)" },
  { "-l", "late", "-e", "package.preload.late = function() return 7 end" },
  { "-l", "nope" },
  { "-e", "print(#arg, arg[0], arg[-1])", "show.lua", "a" },
  { "show.lua" },
  { "show.lua", "a", "", "-e", "--", "-" },
  { "-W", "-e", "", "show.lua", "a b" },
  { "--", "show.lua", "a" },
  { "--", "-dash.lua" },
  { "-", "a", "b", stdin = "print(arg[0], #arg, ...)" },
  { "-e", "arg = {'x', 'y', 'z'}", "show.lua" },
  { "-e", "arg = nil", "show.lua" },
  { "-e", "arg = 1", "empty.lua" },
  { "-W", "-e", "warn('w')" },
  { "-e", "warn('w')" },
  { "-e", "warn('w')", "-W" },
  { "-e", "warn('@on')", "-e", "warn('a', 'b')" },
  { "-v" },
  { "-v", "-e", "print(1)" },
  { "-v", "empty.lua" },
  { "-v", stdin = "print(1)" },
  { "-v", "-", stdin = "print(1)" },
  { "-W", stdin = "print(1)" },
  { "-E", stdin = "print(1)" },
  { stdin = "print(1)\nprint(...)" },
  { stdin = "" },
  { stdin = "#!/bin/sh\nprint(debug.getinfo(1, 'l').currentline)" },
  { stdin = "print(io.read('l'))" },
  { "-e", "print(io.read('a'))", stdin = "some\ninput" },
  { "-", stdin = string.dump(load("print 'bytecode'", "=b")) },
  { "bytecode.luac" },
  { "bom.lua" },
  { "shebang.lua" },
  { "shebang_fail.lua" },
  { "empty.lua" },
  { "bad.lua" },
  { "fail.lua" },
  { "-e", "x = = 1" },
  { "-e", "error('boom')", "-e", "print 'not reached'" },
  { "-e", "error('boom')", "empty.lua" },
  { "-e", "error('boom', 0)" },
  { "-e", "error('two\\nlines')" },
  { "-e", "error(12)" },
  { "-e", "error(1.5)" },
  { "-e", "error()" },
  { "-e", "error({})" },
  { "-e", "error(true)" },
  { "-e", "error(print)", "-e", "" },
  { "-e", "error(setmetatable({}, {__tostring = function() return 'an object' end}))" },
  { "-e", "error(setmetatable({}, {__tostring = function() return 1 end}))" },
  { "-e", "error(setmetatable({}, {__tostring = function() error 'in tostring' end}))" },
  { "-e", "error(setmetatable({}, {__name = 'my type'}))" },
  { "-e", "local t <close> = setmetatable({}, {__close = function() print 'closed' end}) error 'x'" },
  { "-e", "setmetatable({}, {__gc = function() print 'collected' end})" },
  { "-W", "-e", "setmetatable({}, {__gc = function() error 'in gc' end})" },
  { "-e", "local function f() return f() + 1 end f()" },
  { "-e", "string.rep('x', -1 >> 1)" },
  { "-e", "coroutine.wrap(function() error 'in a coroutine' end)()" },
  { "-e", "coroutine.yield()" },
  { "-e", "print(collectgarbage('incremental'))" },
  { "-e", "print(pcall(error, 'x'))" },
  { "-e", "os.exit(7)" },
  { "-e", "os.exit(true)" },
  { "-e", "os.exit(false)" },
  { "-e", "io.write 'no newline' os.exit(3, true)" },
  { "-e", "io.write('a') io.stderr:write('b') io.write('c')" },
  { "-e", "print(package.path, package.cpath)" },
  { "-e", "print(io.stdout:close())" },
  { "-e", "io.open('left.txt', 'w'):write('text')", "-e", "collectgarbage() print(io.open('left.txt'):read('a'))" },
  { env = { LUA_INIT = "print 'init'" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "print 'init'" }, "-v" },
  { env = { LUA_INIT = "print 'init'", LUA_INIT_5_4 = "print 'init 5.4'" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "@init.lua" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "@bad.lua" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "error 'init'" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "x = = 1" }, "-e", "print 'e'" },
  { env = { LUA_INIT_5_4 = "x = = 1" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "" }, "-e", "print 'e'" },
  { env = { LUA_INIT = "arg = {'i'}" }, "show.lua", "a" },
  { env = { LUA_INIT = "error 'init'" }, "-E", "-e", "print 'e'" },
  { env = { LUA_PATH = "/nowhere/?.lua" }, "-e", "print(package.path)" },
  { env = { LUA_PATH = "/nowhere/?.lua" }, "-E", "-e", "print(package.path)" },
  { env = { LUA_PATH_5_4 = "/nowhere/?.lua;;", LUA_CPATH = "x" }, "-e", "print(package.path, package.cpath)" },
}

local function title(row)
  local words = {}
  for name, value in pairs(row.env or {}) do words[#words + 1] = name .. "=" .. shell.quote(value) end
  table.sort(words)
  for _, word in ipairs(row) do words[#words + 1] = shell.quote(word) end
  if row.stdin then words[#words + 1] = ("<<%q"):format(row.stdin:sub(1, 30):gsub("[^%g ]", "?")) end
  return table.concat(words, " ")
end

describe("the same command line does the same as in lua:", function()
  local place
  setup(function() place = folder(FILES) end)
  teardown(function() getmetatable(place).__close() end)

  local function of(program, row)
    local t = { program = program, dir = place.name, stdin = row.stdin, env = row.env, table.unpack(row) }
    local result = run(t)
    result.out, result.err = plain(result.out, program), plain(result.err, program)
    return result
  end

  for _, row in ipairs(ROWS) do
    it(title(row), function()
      assert.same(of("lua5.4", row), of(shell.program, row))
    end)
  end
end)

describe("a script that cannot be read", function()
  local place
  setup(function() place = folder { ["bad.lua"] = "local x = 1\nx = = 2\n", ["secret.lua"] = "print 1" } end)
  teardown(function() getmetatable(place).__close() end)

  it("does not exist", function()
    assert.same({ out = "", err = "sandbox: cannot open '/nowhere/x.lua': No such file or directory\n", status = 1 },
      run { "/nowhere/x.lua" })
    assert.same({ out = "", err = "sandbox: cannot open '': No such file or directory\n", status = 1 }, run { "" })
    assert.same({ out = "", err = "sandbox: cannot open '-': No such file or directory\n", status = 1 },
      run { "--", "-", stdin = "print(1)" })
  end)

  it("is a directory", function()
    assert.same({ out = "", err = ("sandbox: '%s' is a directory\n"):format(place.name), status = 1 },
      run { place.name })
    assert.same(("sandbox: '%s' is a directory\n"):format(place.name), run { "--check", place.name }.err)
    assert.equal(1, run { command = "exec \"$P\" - < /" }.status)
  end)

  it("is named by LUA_INIT", function()
    assert.same({ out = "", err = "sandbox: cannot open '/nowhere': No such file or directory\n", status = 1 },
      run { "-e", "print(1)", env = { LUA_INIT = "@/nowhere" } })
  end)

  it("has a syntax error", function()
    local name = place.name .. "/bad.lua"
    assert.same({ out = "", err = ("sandbox: %s:2: unexpected symbol near '='\n"):format(name), status = 1 },
      run { name })
  end)
end)

describe("a script from standard input", function()
  it("may be long", function()
    local lines = { "local n = 0" }
    for i = 1, 700000 do lines[i + 1] = "n = n + 1 -- ." end
    lines[#lines + 1] = "print(n)"
    local text = table.concat(lines, "\n")
    assert.is_true(#text > 10 * 1000 * 1000)
    assert.same({ out = "700000\n", err = "", status = 0 }, run { stdin = text })
  end)

  it("may be one long line", function()
    local text = "local s = '" .. ("x"):rep(10 * 1000 * 1000) .. "' print(#s)"
    assert.same({ out = "10000000\n", err = "", status = 0 }, run { "-", stdin = text })
  end)

  it("may fail, and then the status says so, unlike that of lua 5.4.4", function()
    assert.same({ out = "", err = "sandbox: stdin:1: unexpected symbol near <eof>\n", status = 1 },
      run { stdin = "print(" })
    assert.same({ out = "", err = "sandbox: no\n", status = 1 }, run { stdin = [[
      error(setmetatable({}, {__tostring = function() return "no" end}))]] })
  end)

  it("may come slowly", function()
    assert.same({ out = "1\n2\n", err = "", status = 0 },
      run { command = "(echo 'print(1)'; sleep 0.2; echo 'print(2)') | \"$P\"" })
  end)
end)
