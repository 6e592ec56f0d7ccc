-- C modules for Lua 5.4 load into the program, and the library loads into the stock lua5.4.
local shell = require "support.shell"

describe("an ordinary C module", function()
  it("lua-cjson works, also in a child", function()
    local cjson = require "cjson"
    local text = spawn(function() return cjson.encode { 1, 2, { x = true } } end):result()
    assert.are.same({ 1, 2, { x = true } }, cjson.decode(text))
  end)

  it("lua-filesystem works, also in a child", function()
    local lfs = require "lfs"
    assert.are.equal("directory", lfs.attributes("/", "mode"))
    assert.are.equal("directory", spawn(lfs.attributes, "/", "mode"):result())
  end)

  -- Debian 12 has luaposix for older Luas only.
  local have_posix = pcall(require, "posix.unistd")
  if have_posix then
    it("luaposix agrees about the process id", function()
      local unistd = require "posix.unistd"
      assert.are.equal(sandbox.getpid(), unistd.getpid())
      local p = spawn(function() return unistd.getpid() end)
      assert.are.equal(p.pid, p:result())
    end)
  end

  it("finds Lua's symbols in the program, not in a second Lua", function()
    require "lfs"
    local needed = shell.run("ldd " .. shell.quote(shell.program)) -- where there is no static library, the shared one
    for line in io.lines("/proc/self/maps") do
      local other = line:match("/(liblua%-?5?%.?4?%.so[%d.]*)$")
      assert.is_true(other == nil or needed:find("liblua", 1, true) ~= nil, "a second Lua is loaded: " .. line)
    end
  end)
end)

describe("the module in the stock Lua", function()
  if (os.getenv("SANDBOX_SANITIZED") or "") ~= "" then return end -- it would lack the sanitizers' library
  local folder = assert(os.getenv("SANDBOX_MODULE"))

  local function stock(script, tail)
    local file <close> = shell.file(script)
    return shell.run(("LUA_CPATH=%s lua5.4 %s %s"):format(shell.quote(folder .. "/?.so;;"), shell.quote(file.name),
      tail or "2>&1"))
  end

  it("gives the same functions", function()
    local output, status = stock [[
      local sandbox = require "sandbox"
      local q = sandbox.queue()
      local p = sandbox.spawn(function() q:put { "hello", from = "a child" } return 42 end)
      local item = q:get()
      print(item[1], item.from, p:result(), spawn == sandbox.spawn)
    ]]
    assert.are.equal("hello\ta child\t42\ttrue\n", output)
    assert.are.equal(0, status)
  end)

  it("waits for its children before lua5.4 ends", function()
    local output = stock [[
      local sandbox = require "sandbox"
      sandbox.spawn(function() sandbox.sleep(0.2) print "child" end)
      print "main"
    ]]
    assert.are.equal("main\nchild\n", output)
  end)

  it("leaves no process behind when lua5.4 is killed", function()
    local output = stock([[
      local sandbox = require "sandbox"
      local q = sandbox.queue()
      local p = sandbox.spawn(function() q:put(true) sandbox.sleep(1000) end)
      q:get()
      print(p.pid)
      os.execute("kill -9 " .. sandbox.getpid())
    ]], "2>/dev/null")
    local pid = assert(output:match("^(%d+)\n$"), output)
    local gone
    for _ = 1, 100 do
      gone = select(2, shell.run("kill -0 " .. pid .. " 2>/dev/null")) ~= 0
      if gone then break end
      sleep(0.05)
    end
    assert.is_true(gone, "process " .. pid .. " lives on")
  end)

  it("lives with other C modules, loaded before and after", function()
    local output = stock [[
      local cjson = require "cjson"
      local sandbox = require "sandbox"
      local lfs = require "lfs"
      print(sandbox.spawn(function() return cjson.encode { lfs.attributes("/", "mode") } end):result())
    ]]
    assert.are.equal('["directory"]\n', output)
  end)
end)
