-- --init: what the Lua language server reads about a folder.
local json = require "cjson"
local shell = require "support.shell"
local run = require "cli.run"

local function read(name)
  local file = io.open(name)
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local GLOBALS = { "sandbox", "spawn", "join", "queue", "queue_put", "queue_get", "sleep" }

describe("--init", function()
  it("writes the settings, and names a library that is there", function()
    local dir <close> = shell.folder()
    local result = run { "--init", dir = dir.name }
    local settings = json.decode(read(dir.name .. "/.luarc.json"))
    assert.same({ ["runtime.version"] = "Lua 5.4", ["diagnostics.globals"] = GLOBALS,
      ["workspace.library"] = settings["workspace.library"] }, settings)
    assert.equal(1, #settings["workspace.library"])
    local library = settings["workspace.library"][1]
    assert.equal(shell.read("src/lua/meta/sandbox.lua"), read(library .. "/sandbox.lua"))
    assert.same({ err = "", status = 0, out = ".luarc.json written: the Lua language server now knows the library\n" ..
      "its documentation is in " .. library .. "\n" }, result)
  end)

  it("has nothing to do the second time", function()
    local dir <close> = shell.folder()
    run { "--init", dir = dir.name }
    local text = read(dir.name .. "/.luarc.json")
    assert.same({ out = ".luarc.json is up to date\n", err = "", status = 0 },
      run { "--init", dir = dir.name })
    assert.equal(text, read(dir.name .. "/.luarc.json"))
  end)

  it("leaves another file as it is, and shows what it should have", function()
    local dir <close> = shell.folder()
    run { "--init", dir = dir.name }
    local settings = read(dir.name .. "/.luarc.json")
    for _, text in ipairs { "{}", "", settings .. " ", settings:sub(2), (settings:gsub("5", "6")) } do
      local file = assert(io.open(dir.name .. "/.luarc.json", "w"))
      file:write(text)
      file:close()
      assert.same({ out = settings, status = 1,
        err = "sandbox: .luarc.json exists already and is left unchanged; it should have these settings:\n" },
        run { "--init", dir = dir.name })
      assert.equal(text, read(dir.name .. "/.luarc.json"))
    end
  end)

  it("says when it cannot write", function()
    local result = run { "--init", dir = "/proc" }
    assert.same({ out = "", status = 1 }, { out = result.out, status = result.status })
    assert.truthy(result.err:match("^sandbox: cannot create %.luarc%.json: [^\n]+\n$"))
  end)

  it("finds the library wherever the installed tree is", function()
    local dir <close> = shell.folder()
    local tree = dir.name .. '/a "tree"' -- which JSON must escape
    local quoted = shell.quote(tree)
    local library = tree .. "/share/sandbox/luals/library"
    for _, command in ipairs { "mkdir -p " .. quoted .. "/bin " .. shell.quote(library),
      ("cp %s %s/bin/sandbox"):format(shell.quote(shell.program), quoted),
      "touch " .. shell.quote(library .. "/sandbox.lua") } do
      assert.equal(0, select(2, shell.run(command)))
    end
    assert.equal(0, run { "--init", dir = dir.name, program = tree .. "/bin/sandbox" }.status)
    local settings = json.decode(read(dir.name .. "/.luarc.json"))
    assert.same({ library }, settings["workspace.library"])
  end)

  it("knows the names when the library is not installed", function()
    local dir <close> = shell.folder()
    shell.run(("cp %s %s/alone"):format(shell.quote(shell.program), dir.name))
    local result = run { "--init", dir = dir.name, program = dir.name .. "/alone" }
    assert.equal(0, result.status)
    assert.equal("sandbox: the library's documentation is not installed, so only the names are known\n", result.err)
    assert.same({ ["runtime.version"] = "Lua 5.4", ["diagnostics.globals"] = GLOBALS },
      json.decode(read(dir.name .. "/.luarc.json")))
  end)
end)
