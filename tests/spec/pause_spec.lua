-- sandbox.pause() without a prompt; with one: tests/repl/test_pause.py.
local shell = require "support.shell"

local NOTE <const> = ": pause: there is no prompt here, so the process goes on; start the script with sandbox -i, on a "
  .. "terminal\n"

describe("pause", function()
  it("stops nothing where there is no prompt, and says so once", function()
    local file <close> = shell.file("for _ = 1, 2 do print(sandbox.pause()) end\nspawn(sandbox.pause):join()\n")
    for _, command in ipairs { "%s %s 2>&1 </dev/null", "%s -i %s 2>&1 </dev/null" } do
      local output, status = shell.run(command:format(shell.quote(shell.program), shell.quote(file.name)))
      assert.are.equal(0, status)
      assert.is_truthy(output:find("sandbox: " .. file.name .. ":1" .. NOTE .. "false\nfalse\n", 1, true), output)
    end
  end)

  it("does nothing in a simulated run", function()
    if (os.getenv "SANDBOX_SANITIZED" or "") ~= "" then return pending("sanitizers warn of the simulator's stacks") end
    local file <close> = shell.file("print(sandbox.pause())\n")
    assert.are.equal("false\n", (shell.sandbox("--sim", file.name)))
    assert.is_truthy(shell.sandbox("--explore", file.name):find("no process fails", 1, true))
  end)
end)
