-- The table against other languages, hardly any work of it once, and only those that need no compiler: all of it comes out.
local shell = require "support.shell"

describe("the table of peers", function()
  it("has a figure of ours in each row", function()
    if os.getenv "SANDBOX_SANITIZED" ~= "" then return pending("too slow with sanitizers") end
    local output, status = shell.run(("%s %s --quick 2>&1"):format(shell.quote(shell.program),
      shell.quote(shell.source .. "/tests/bench/peers/peers.lua")))
    assert.are.equal(0, status, output)
    local count = 0
    for ours in output:gmatch("\n| [^|]+ | ([^|]+) |") do
      if not ours:find("^%-") then count = count + 1 end
      assert.is_true(ours:find("%w") ~= nil or ours:find("^%-%-") ~= nil, output)
    end
    assert.are.equal(8, count, output)
  end)
end)
