-- Folders and links that a strict run puts in the place of others, while what is held by no jail writes there.
local run = require "cli.run"
local shell = require "support.shell"

local function slurp(name)
  local file <close> = io.open(name, "rb")
  return file and file:read("a")
end

describe("a trace", function()
  for _, how in ipairs { "--strict", "--strict=lua" } do
    it("is written into the folder that was meant, wherever that is by then; " .. how, function()
      local folder <close> = shell.folder()
      -- A link cannot be made, and not renamed; but a folder that has one can be.
      assert(os.execute(("cd %s && mkdir -p w/a/sub w/b out && ln -s ../../out w/b/sub && echo mine >out/t.html"):format(folder.name)))
      local o = run { dir = folder.name, how, "--allow-write=w", "--trace=w/a/sub/t.html", "-e",
        "assert(os.rename('w/a', 'w/c')) assert(os.rename('w/b', 'w/a')) spawn(sleep, 0):join()" }
      assert.same({ out = "", err = "", status = 0 }, o)
      assert.equal("mine\n", slurp(folder.name .. "/out/t.html"))
      assert.equal("out/t.html\nw/c/sub/t.html\n", (shell.run(("cd %s && find out w -type f | sort"):format(folder.name))))
      assert.matches("<html", slurp(folder.name .. "/w/c/sub/t.html"))
    end)

    it("goes into the pipe that was meant; " .. how, function()
      local folder <close> = shell.folder()
      assert(os.execute(("cd %s && mkdir -p w/a w/b && mkfifo w/a/t.html && echo mine >out && ln -s ../../out w/b/t.html"):format(folder.name)))
      local o = run { dir = folder.name, command = ([[exec 3<>w/a/t.html 4<w/a/t.html; cat <&4 >read 3>&- 4<&- &
        "$P" %s --allow-write=w --trace=w/a/t.html -e "assert(os.rename('w/a', 'w/c')) assert(os.rename('w/b', 'w/a'))" 3>&- 4<&-
        status=$?; exec 3>&- 4<&-; wait; exit $status]]):format(how) }
      assert.same({ out = "", err = "", status = 0 }, o)
      assert.equal("mine\n", slurp(folder.name .. "/out"))
      assert.matches("<html", slurp(folder.name .. "/read"))
    end)
  end
end)
