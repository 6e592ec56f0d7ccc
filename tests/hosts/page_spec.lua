-- The pieces of code in src/doc/hosts.md, each run beside agents anna and bert. What stands before and after each here
-- gives it the functions and lists that the page leaves to the reader, and looks at what it did.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("the page about hosts", function() pending(hosts.missing) end) end

local JOBS <const> = [[
  for i = 1, 3 do jobs:put(i) end
  jobs:close()
  print(done:get() + done:get() + done:get())]]

-- By the order on the page: before, after, and what is printed.
local AROUND <const> = {
  { "", "", "bert\t144\n" },
  { "", "", "42\ttrue\n" },
  { "", "", "worker\tbert\ttrue\twell\n" },
  { "", JOBS, "14\n" },
  { "", JOBS, "14\n" },
  { [[
    function heavy(n) return n * n end
    function work(i) return i end
    local numbers = { 1, 2, 3 }
  ]], "print(table.concat(sums, ' '), #team:results())", "1 4 9\t6\n" },
  { "local p = spawn({ on = 'bert' }, error, 'gone', 0)\n", "", "gone\tnil\tbert\n" },
}

describe("the page about hosts", function()
  it("has code that runs as it stands there", function()
    local engine <close>, done = hosts.engine("anna:2", "bert:4"), 0
    for code in shell.read("src/doc/hosts.md"):gmatch("\n<!%-%- test: hosts %-%->\n```lua\n(.-\n)```\n") do
      done = done + 1
      local around = assert(AROUND[done], code)
      local r = engine:run(around[1] .. code .. around[2])
      assert.are.same({ around[3], 0 }, { r.out, r.status }, code .. r.err)
    end
    assert.are.equal(#AROUND, done)
  end)
end)
