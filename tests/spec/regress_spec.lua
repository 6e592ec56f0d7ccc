-- Every script in tests/regress/ is the smallest that once showed a bug, named after the symptom. It must end with
-- status 0 and say nothing on stderr. A first line `-- options: ...` gives options of the program.
local script = require "support.script"
local shell = require "support.shell"

describe("this happens no more:", function()
  local names = {}
  local list = shell.run("cd " .. shell.quote(shell.source .. "/tests/regress") .. " && ls *.lua")
  for name in list:gmatch("(%S+)%.lua") do
    names[#names + 1] = name
  end
  assert(#names > 0, "tests/regress is empty")
  for _, name in ipairs(names) do
    it(name:gsub("-", " "), function()
      local text = shell.read("tests/regress/" .. name .. ".lua")
      if (os.getenv "SANDBOX_SANITIZED" or "") ~= "" and text:find("sandbox.explore", 1, true) then
        return pending("sanitizers warn of the simulator's stacks")
      end
      local r = script.run(text, { args = text:match("^%-%- options: ([^\n]*)"), seconds = 30 })
      assert.are.same({ "", 0 }, { r.err, r.status })
    end)
  end
end)
