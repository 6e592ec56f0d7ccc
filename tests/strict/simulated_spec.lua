-- Strict mode beside --explore, --sim, --replay and --shake: they say what they say without it, and hold what it holds.
local run = require "cli.run"
local shell = require "support.shell"

local RACE <const> = [[
local v = sandbox.value(0)
local a = spawn(function() local x = v:get() v:set(x + 1) end)
local b = spawn(function() local x = v:get() v:set(x + 1) end)
a:join() b:join()
print(v:get())
assert(v:get() == 2, "lost update")
]]

-- Run a script in a file `job.lua` of a folder of its own.
local function job(folder, ...)
  local words = { ... }
  words[#words + 1] = "job.lua"
  words.dir = folder.name
  return run(words)
end

local function folder_of(script)
  local folder = shell.folder()
  local file <close> = assert(io.open(folder.name .. "/job.lua", "w"))
  file:write(script)
  return folder
end

for _, how in ipairs { "--strict", "--strict=lua" } do
  local pattern = how:gsub("%-", "%%-")

  describe(how, function()
    it("explores as it is done without it, and the token can be followed", function()
      local folder <close> = folder_of(RACE)
      local free, held = job(folder, "--explore"), job(folder, how, "--explore")
      assert.equal(5, held.status, held.err)
      -- but for the command, which does not run it with more rights
      assert.matches("see it again: sandbox %-%-replay '[^']*' " .. pattern .. " job%.lua\n", held.out)
      held.out = held.out:gsub(pattern .. " job", "job")
      assert.same(free, held)
      local token = held.out:match("%-%-replay '(sbx1:%S+)'")
      assert.same(job(folder, "--sim", "--replay", token), job(folder, how, "--sim", "--replay", token))
      assert.equal(1, job(folder, how, "--sim", "--replay", token).status)
    end)

    it("says how to run it again with the rights that it has", function()
      local folder <close> = folder_of(RACE)
      local o = job(folder, how, "--allow-read", "job.lua,/usr", "--allow-write=.", "--allow-env=A,B", "--allow-run", "--explore")
      assert.matches("' " .. pattern .. " %-%-allow%-read job%.lua %-%-allow%-read /usr %-%-allow%-write %. %-%-allow%-env A "
        .. "%-%-allow%-env B %-%-allow%-run job%.lua\n", o.out)
    end)

    it("writes the page of what it explored, in the place of an old one", function()
      local folder <close> = folder_of(RACE)
      local function page(...)
        local o = job(folder, "--explore", ...)
        assert.equal(5, o.status, o.err)
        local file <close> = assert(io.open(folder.name .. "/x.html"))
        return (file:read("a"):gsub(pattern .. " job", "job"))
      end
      local free = page("--trace", "x.html")
      assert.matches("lost update", free)
      assert.is_true(os.remove(folder.name .. "/x.html"))
      assert.is_true(free == page(how, "--trace", "x.html"))
      assert.is_true(free == page(how, "--trace", "x.html"))
      local o = job(folder, how, "--explore", "--trace", "none/x.html")
      assert.equal(2, o.status)
      assert.matches("none/x.html", o.err)
      assert.equal("job.lua\nx.html\n", shell.run("ls -A " .. folder.name))
    end)

    it("writes no page that nobody can open", function()
      local folder <close> = folder_of [[local l = sandbox.lock()
        for i = 1, 2 do
          spawn(function() for k = 1, 12 do l:acquire() print(("x"):rep(3200000) .. i .. k) l:release() end end)
        end]]
      local o = job(folder, how, "--memory=2G", "--output-limit=1G", "--explore", "--trace", "x.html")
      assert.matches("sandbox: cannot write the trace 'x.html': its data is more than 64 MiB\n", o.err)
      assert.equal("job.lua\n", shell.run("ls -A " .. folder.name))
    end)

    it("leaves the old page where it ends what explores", function()
      local folder <close> = folder_of("local t = {} while true do t[#t + 1] = ('x'):rep(4e7) .. #t end")
      assert(os.execute("echo old >" .. folder.name .. "/x.html"))
      assert.equal(125, job(folder, how, "--explore", "--memory", "128M", "--trace", "x.html").status)
      assert.equal("old\n", shell.run("cat " .. folder.name .. "/x.html"))
      assert.equal("job.lua\nx.html\n", shell.run("ls -A " .. folder.name))
    end)

    it("replays with real processes as it is done without it, and tells what differs", function()
      local folder <close> = folder_of(RACE)
      local token = job(folder, how, "--explore").out:match("%-%-replay '(sbx1:%S+)'")
      local held = job(folder, how, "--replay", token)
      assert.equal(1, held.status, held.err)
      assert.same(job(folder, "--replay", token), held)
      local other <close> = folder_of("if os.time() > 1000000000 then sandbox.value(0):add(1) os.exit(0) end " .. RACE)
      token = job(other, how, "--explore").out:match("%-%-replay '(sbx1:%S+)'")
      local free
      held, free = job(other, how, "--replay", token), job(other, "--replay", token)
      assert.equal(5, held.status, held.err)
      local line = "sandbox: replay: step %d+ differs: [^\n]*\n$"
      assert.equal(free.err:match(line), held.err:match(line), held.err)
      assert.matches(line, held.err)
    end)

    it("holds what looks for the steps of a token", function()
      local folder <close> = folder_of("if os.getenv 'WILD' then local t = {} while true do t[#t + 1] = ('x'):rep(4e7) .. #t end end " .. RACE)
      local token = job(folder, how, "--explore").out:match("%-%-replay '(sbx1:%S+)'")
      local o = run { how, "--allow-env=WILD", "--memory=128M", "--replay", token, "job.lua", dir = folder.name, env = { WILD = "1" } }
      assert.equal(125, o.status, o.err)
      assert.matches("the run used 128 MiB, its limit %(%-%-memory%)", o.err)
    end)

    it("lets a person choose the steps", function()
      local folder <close> = folder_of(RACE)
      local free = run { "--step", "job.lua", dir = folder.name, stdin = "1\nf\nl\nt\nq\n" }
      assert.matches("it ends wrong", free.out)
      local held = run { how, "--step", "job.lua", dir = folder.name, stdin = "1\nf\nl\nt\nq\n" }
      held.out = held.out:gsub(pattern .. " job", "job")
      assert.same(free, held)
    end)

    it("simulates as it is done without it", function()
      local folder <close> = folder_of(RACE .. "print(os.time(), {}, sandbox.now())")
      assert.equal(0, job(folder, how, "--sim").status)
      assert.same(job(folder, how, "--sim"), job(folder, how, "--sim"))
      local alike <close> = folder_of(RACE)
      assert.same(job(alike, "--sim"), job(alike, how, "--sim"))
    end)

    it("shakes", function()
      local folder <close> = folder_of("print(spawn(function() return 7 end):result())")
      local o = job(folder, how, "--shake=4")
      assert.equal(0, o.status, o.err)
      assert.equal("7\n", o.out)
      assert.matches("shake: 4 runs in", o.err)
      local wrong <close> = folder_of("io.open('/etc/passwd')")
      assert.matches("reading /etc/passwd is not allowed in strict mode", job(wrong, how, "--shake=4").err)
    end)

    for _, option in ipairs { "--explore", "--sim" } do
      it("holds with " .. option .. " what it holds without", function()
        for script, says in pairs {
          ["io.open('/etc/passwd')"] = option == "--sim" and "reading /etc/passwd is not allowed in strict mode",
          ["require 'secret'"] = "module 'secret' not found",
          ["getmetatable('').x = 1"] = "string", ["debug.getregistry()"] = "debug.getregistry is not allowed in strict mode",
          ["assert(load('\27Lua'))"] = "attempt to load a binary chunk",
          ["os.getenv 'HOME'"] = "reading the environment variable HOME is not allowed",
          ["os.exit(124)"] = "in strict mode this status says",
          ["package.path = package.path .. ';../away/?.lua' require 'secret'"] = "module 'secret' not found",
        } do
          local above <close> = shell.folder()
          assert(os.execute(("mkdir %s/here %s/away && echo 'print [[ESCAPED]]' >%s/away/secret.lua"):format(above.name, above.name, above.name)))
          local file <close> = assert(io.open(above.name .. "/here/job.lua", "w"))
          file:write(script)
          file:close()
          local o = run { how, option, "job.lua", dir = above.name .. "/here" }
          assert.not_equal(0, o.status, script)
          assert.is_nil((o.out .. o.err):find("ESCAPED", 1, true), script)
          if says then assert.is_truthy((o.out .. o.err):gsub("%s+", " "):find(says, 1, true), script .. ": " .. o.out .. o.err) end
        end
      end)
    end

    it("ends what explores at a limit", function()
      local folder <close> = folder_of("local t = {} while true do t[#t + 1] = ('x'):rep(4e7) .. #t end")
      local o = job(folder, how, "--explore", "--memory", "128M")
      assert.equal(125, o.status, o.err)
      assert.matches("the run used 128 MiB, its limit %(%-%-memory%)", o.err)
      local many <close> = folder_of("local v = sandbox.value(0) for i = 1, 6 do spawn(function() for k = 1, 30 do v:add(1) v:set(k * i) end end) end")
      o = job(many, how, "--explore", "--cpu", "1", "--memory", "2G")
      assert.equal(124, o.status, o.err)
      assert.matches("the run used 1 s of CPU time, its limit %(%-%-cpu%)", o.err)
    end)
  end)
end

-- What explores refuses by itself what changes something outside, so a file that may not be read is left to try.
describe("Landlock alone", function()
  it("holds what looks for the steps of a token", function()
    local outside <close> = shell.file("")
    local folder <close> = folder_of(([[if os.getenv 'WILD' and not package.searchpath('x', %q) then os.exit(0) end ]]):format(outside.name) .. RACE)
    local token = job(folder, "--explore").out:match("%-%-replay '(sbx1:%S+)'")
    for layers, seen in pairs { [""] = true, F = false } do
      local o = run { "--strict", "--allow-env=WILD", "--replay", token, "job.lua", dir = folder.name,
        env = { SANDBOX_STRICT_LAYERS = layers, WILD = "1" } }
      assert.equal(seen and 1 or 5, o.status, layers .. ": " .. o.err)
      assert.equal(not seen, o.err:find("step 1 differs: the token goes on, but the run is over", 1, true) ~= nil, o.err)
    end
  end)

  it("holds what explores", function()
    local outside <close> = shell.file("")
    local folder <close> = folder_of(("error(package.searchpath('x', %q) or 'no', 0)"):format(outside.name))
    for layers, seen in pairs { [""] = true, S = true, F = false, FS = false } do
      local o = run { "--strict", "--explore", "job.lua", dir = folder.name, env = { SANDBOX_STRICT_LAYERS = layers } }
      assert.equal(seen, o.out:find(outside.name, 1, true) ~= nil, layers .. ": " .. o.out .. o.err)
    end
  end)
end)
