-- What a script finds in strict mode, and what the refusals say. Ways out: strict/cases.
local shell = require "support.shell"
local script = require "support.script"

local function strict(text, args, env, how)
  return script.run(text, { args = (how or "--strict=lua ") .. (args or ""), env = env })
end

-- The message of the script's error, without the script's name.
local function refusal(text, args)
  local r = strict(text, args)
  assert.are.equal(1, r.status, r.err)
  local line = r.err:match("^sandbox: ([^\n]*)")
  return (line:gsub(r.name:gsub("%p", "%%%0"), "script.lua"))
end

describe("A refusal in strict mode", function()
  it("names the flag that would allow it", function()
    assert.are.equal("script.lua:1: os.execute is not allowed in strict mode (run with --allow-run)", refusal "os.execute 'true'")
    assert.are.equal("script.lua:1: io.popen is not allowed in strict mode (run with --allow-run)", refusal "io.popen 'true'")
    assert.are.equal("script.lua:2: string.dump is not allowed in strict mode", refusal "\nstring.dump(print)")
    assert.are.equal("script.lua:1: debug.getinfo is not allowed in strict mode", refusal "debug.getinfo(1)")
    assert.are.equal("script.lua:1: collectgarbage('stop') is not allowed in strict mode", refusal "collectgarbage 'stop'")
    assert.are.equal("script.lua:1: reading the environment variable HOME is not allowed in strict mode (run with --allow-env=HOME)",
      refusal "os.getenv 'HOME'")
  end)

  it("names a path as the script wrote it", function()
    assert.are.equal("script.lua:2: reading data/in.txt is not allowed in strict mode (run with --allow-read=data/in.txt)",
      refusal "\nio.open 'data/in.txt'")
    assert.are.equal("script.lua:1: writing ../x is not allowed in strict mode (run with --allow-write=../x)", refusal "io.open('../x', 'w')")
    assert.are.equal("script.lua:1: reading ~/x is not allowed in strict mode (run with --allow-read=~/x)", refusal "for _ in io.lines '~/x' do end")
    assert.are.equal("script.lua:1: writing /etc/passwd is not allowed in strict mode (run with --allow-write=/etc/passwd)",
      refusal "os.remove '/etc/passwd'")
    assert.are.equal("script.lua:1: writing /tmp is not allowed in strict mode (run with --allow-write=/tmp)", refusal "os.tmpname()")
  end)

  it("of os.exit keeps the statuses of limits apart", function()
    assert.are.equal("script.lua:1: os.exit(124): in strict mode this status says that a limit was hit", refusal "os.exit(124)")
    assert.are.equal(7, strict("os.exit(7)").status)
  end)
end)

describe("In strict mode", function()
  it("modules are looked for in the folder of the script, and not below the script itself", function()
    local r = strict "io.write(package.path:match '^[^;]*;[^;]*;', '\\n', tostring(package.path:find(arg[0], 1, true)))"
    assert.is_truthy(r.out:find "^[^;]*/%?%.lua;[^;]*/%?/init%.lua;\nnil$", r.out)
  end)

  for _, how in ipairs { "--strict=lua ", "--strict " } do
    it("what is allowed works: " .. how, function()
      local folder <close> = shell.folder()
      local at = folder.name
      assert(os.execute("chmod 777 " .. at)) -- root is nobody in a jail
      local r = strict(([[
      local at = %q
      local file = assert(io.open(at .. "/x", "w"))
      file:write("one\ntwo\n")
      file:close()
      for line in io.lines(at .. "/x") do io.write(line, " ") end
      for a, b in io.lines(at .. "/x", 1, "l") do io.write(a, "+", b, " ") end
      local _, _, _, closing = io.lines(at .. "/x")
      print(io.type(closing))
      io.input(at .. "/x")
      print(io.read "n", io.read "l")
      assert(os.rename(at .. "/x", at .. "/y"))
      print(io.open(at .. "/x"))
      print(os.remove(at .. "/y"), os.remove(at .. "/y"))
      print(io.open(at .. "/no/x", "w"))
      print(pcall(io.lines, at .. "/none"))
      print(pcall(io.open, at .. "/x", "rw"))
      print(os.getenv "SAID", os.setlocale(), debug.traceback "t" ~= nil)
    ]]):format(at), "--allow-env=SAID --allow-write=" .. at, "SAID=x", how)
      assert.are.equal(0, r.status, r.err)
      assert.are.equal(([[
one two o+ne t+wo file
nil	one
nil	AT/x: No such file or directory	2
true	nil	AT/y: No such file or directory	2
nil	AT/no/x: No such file or directory	2
false	AT/none: No such file or directory
false	bad argument #2 to 'io.open' (invalid mode)
x	C	true
]]):gsub("AT", (at:gsub("%%", "%%%%"))), r.out)
    end)
  end

  it("modules beside the script are found, from any folder", function()
    local folder <close> = shell.folder()
    assert(os.execute(("cd %s && mkdir lib && echo 'return ...' >lib/a.lua && echo 'return \"init\"' >lib/init.lua && echo '#!x\nprint(require \"lib.a\", require \"lib\", (...))' >main.lua")
      :format(folder.name)))
    for _, where in ipairs { ("cd %s && "):format(folder.name), "cd / && " } do
      local path = where == "cd / && " and folder.name .. "/main.lua" or "main.lua"
      local out, status = shell.run(where .. shell.quote(shell.program) .. " --strict=lua " .. path .. " 7 2>&1 </dev/null")
      assert.are.equal("lib.a\tinit\t7\n", out)
      assert.are.equal(0, status)
    end
    local r = strict("require 'nowhere'")
    assert.is_truthy(r.err:find("module 'nowhere' not found:", 1, true), r.err)
  end)

  it("functions and bytecode still go through queues", function()
    local r = strict [[
      local n, q = 3, queue()
      q:put(function(x) return x + n, string.format end)
      local f = q:get()
      print(f(4))
    ]]
    assert.is_truthy(r.out:find("^7\tfunction: "), r.out .. r.err)
  end)

  it("string.format makes of strings and numbers what it makes otherwise", function()
    local text = [[
      local long = ("x"):rep(5000)
      print(("%s"):format "a", ("%s=%s;%%"):format("k", "v"), ("no %%s"):format "a", ("%s"):format("a", "b"), ("a\0%s\0b"):format "\0\0")
      print(#("%s, %s"):format(long, long), (""):format "a", ("%%"):format "a", string.format(7, "a"), ("put %s, pop %5s|"):format("up", "p"))
      print(("%-5s|%q|%.1s"):format("a", "b", "cd"), ("%s: %d of %s"):format("p", 3, 4.5), ("%s"):format(7), ("50%%p %s"):format "p")
      for _, n in ipairs { 0, -7, 10, 123456789, math.mininteger, math.maxinteger, 3.0, -0.0 } do print(("%s %d|%s"):format("n", n, n)) end
      print(("%d"):format "10", ("%d %s"):format(5, "p"), ("%s %5d %p"):format("p", 5, 1), ("%s %i"):format("p", 5))
      for _, bad in ipairs { "%", "%s%", "%s %s", "%s %y", "%\0s", "%d", "%s %d", "%5%p", "%5%s" } do print(pcall(string.format, bad, "a")) end
      print(pcall(string.format, "%s %d", "a", 1.5), pcall(string.format, "%s %d", "a", "b"))
    ]]
    local plain, r = script.run(text), strict(text)
    assert.are.equal("", plain.err .. r.err)
    assert.are.equal(plain.out, r.out)
  end)

  it("string.format takes and refuses what it takes and refuses otherwise, whatever it is", function()
    local text = [[
      local seed = 20261130
      local function r(n)
        seed = seed * 6364136223846793005 + 1442695040888963407
        return (seed >> 33) % n + 1
      end
      local FLAGS, LETTERS = "-+ #0", "sdiuxXofFeEgGaAcqy%"
      local values = { "a", "", "10", ("x"):rep(99), ("y"):rep(150), "a\0b", "\1\0012\n\"\\\127\200", 0, -7, 3.0, 2.5, -0.0, 1e300, 1 / 0,
        math.maxinteger, math.mininteger, true, false, 65, {}, print }
      local function item()
        local t = { "%" }
        for _ = 1, r(4) - 2 do t[#t + 1] = FLAGS:sub(r(5)):sub(1, 1) end
        if r(3) == 1 then t[#t + 1] = tostring(r(r(2) == 1 and 12 or 120)) end
        if r(4) == 1 then t[#t + 1] = "." .. (r(4) > 1 and tostring(r(r(2) == 1 and 12 or 110)) or "") end
        local at = r(#LETTERS)
        return table.concat(t) .. LETTERS:sub(at, at)
      end
      for i = 1, 12000 do
        local t, args, n = {}, {}, r(4) - 1
        for _ = 1, r(3) do t[#t + 1] = ({ "", "x", " and p ", "\0" })[r(4)] .. item() end
        if r(30) == 1 then t[#t + 1] = "%" end
        for k = 1, n do args[k] = values[r(#values)] end
        local format = table.concat(t)
        print(i, format, (select(2, pcall(string.format, format, table.unpack(args, 1, n))):gsub("(%l: )0x%x*", "%1ADDRESS")))
      end
      local function told(what) return setmetatable({}, { __tostring = function() io.write "told " return what end }) end
      print(string.format("%s %s %5s|%d", told "T", nil, told "U", 3))
      print(pcall(string.format, "%s %5s %y", told "T", told "U"))
      print(pcall(string.format, "%s", told(1)), pcall(string.format, "%s", told {}))
      print(pcall(string.format), pcall(string.format, {}), pcall(string.format, 7, 1))
    ]]
    local plain, r = script.run(text), strict(text, "--output-limit=1G")
    assert.are.equal("", plain.err .. r.err)
    assert.is_true(#plain.out > 300000)
    assert.is_true(plain.out == r.out)
  end)

  it("string.format shows no address of a string", function()
    local r = strict [[
      local s = ("x"):rep(100)
      local other = string.format("%p", s)
      print(("pp %20p"):format(s) == ("pp %20s"):format(other), ("%-20p|%s"):format(s, "p") == ("%-20s|p"):format(other),
        ("%%%p"):format(s) == "%" .. other, ("%p"):format(s, 1) == other)
    ]]
    assert.are.equal("true\ttrue\ttrue\ttrue\n", r.out, r.err)
  end)

  it("an object without text of its own has a number that is no address", function()
    local r = strict [[
      local t, u = {}, setmetatable({}, { __name = "thing" })
      print(tostring(t) == tostring(t), tostring(t) == string.format("%s", t), tostring(t):find "^table: 0x%x+$", tostring(u):find "^thing: 0x")
      print(string.format("%p", t) == tostring(t):match "0x%x+", ("%p|%-4p|%5s|%s%%"):format(1, nil, "x", true))
      print(select(2, pcall(string.format, "%d", t)), select(2, pcall(string.format, "%", t)), pcall(string.format, "%s"))
      local q = queue()
      q:put(1)
      local p = spawn(function() return tostring(t) end)
      print(p:result() == tostring(t), tostring(io.stdout):find "^file %(0x", tostring(q):find "^queue")
      print(setmetatable({}, { __tostring = function() return "mine" end }), nil, 1.5, "x")
      print(math.randomseed(42), math.random(100) == (math.randomseed(42) or math.random(100)))
    ]]
    assert.are.equal("", r.err)
    local lines = {}
    for line in r.out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.is_truthy(lines[1]:find("^true\ttrue\t1\t1\t9"), lines[1])
    assert.are.equal("true\t(null)|(null)|    x|true%", lines[2])
    assert.is_truthy(lines[3]:find("number expected, got table", 1, true), lines[3])
    assert.is_truthy(lines[4]:find("^true\t1\t1\t"), lines[4])
    assert.are.equal("mine\tnil\t1.5\tx", lines[5])
  end)

  it("sandbox.strict says what holds, and cannot be changed", function()
    assert.are.equal("false\n", script.run("print(sandbox.strict)").out)
    local r = strict([[
      local s = sandbox.strict
      print(s.run, s.memory, s.cpu, s.time, s.procs, s.output, #s.read, s.read[1], #s.write, s.env[1], table.concat(s.layers, " "))
      for _, path in ipairs(s.read) do print(path) end
      local keys = {}
      for k, v in pairs(s) do keys[#keys + 1] = k end
      table.sort(keys)
      print(table.concat(keys, " "))
      print(pcall(function() s.run = true end))
      print(pcall(function() s.read[2] = "/" end))
      print(pcall(setmetatable, s, nil))
    ]], "--allow-read=/usr --allow-env=A --memory 64M --cpu 3 --timeout 20 --max-procs 5")
    assert.are.equal([[
false	67108864	3.0	20.0	5	16777216	1	/usr	0	A	language
/usr
cpu env layers memory output procs read run time write
]], (r.out:match("^(.-\n)false")))
    assert.is_truthy(r.out:find("sandbox.strict cannot be changed", 1, true), r.out)
    assert.is_truthy(r.out:find("cannot change a protected metatable", 1, true), r.out)
  end)

  it("programs run with --allow-run", function()
    local r = strict("print(os.execute 'true') local f = io.popen 'echo x' print(f:read 'a', f:close())", "--allow-run")
    assert.are.equal("true\texit\t0\nx\n\ttrue\texit\t0\n", r.out)
  end)
end)
