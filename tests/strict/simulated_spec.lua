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
  describe(how, function()
    it("explores as it is done without it, and the token can be followed", function()
      local folder <close> = folder_of(RACE)
      local free, held = job(folder, "--explore"), job(folder, how, "--explore")
      assert.equal(5, held.status, held.err)
      assert.same(free, held)
      local token = held.out:match("%-%-replay '(sbx1:%S+)'")
      assert.same(job(folder, "--sim", "--replay", token), job(folder, how, "--sim", "--replay", token))
      assert.equal(1, job(folder, how, "--sim", "--replay", token).status)
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
      local folder <close> = folder_of("local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end")
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

describe("the kernel layers alone", function()
  it("hold what explores", function()
    local folder <close> = folder_of("assert(not os.execute 'touch made') local f = package.loadlib print(f)")
    for _, layers in ipairs { "FS", "S", "F" } do
      run { "--strict", "--explore", "job.lua", dir = folder.name, env = { SANDBOX_STRICT_LAYERS = layers } }
      assert.is_nil(io.open(folder.name .. "/made"))
    end
  end)
end)
