-- Runs under valgrind's memcheck end, and end well: at its end it looks through the whole memory of each process.
local script = require "support.script"

local function run(text)
  return script.run(text, { program = "valgrind -q --error-exitcode=99 " .. os.getenv("SANDBOX"), seconds = 100 })
end

-- What valgrind says of itself, line by line, is not counted.
local function said(err)
  local lines = {}
  for line in err:gmatch("[^\n]+") do
    if not line:find("^%-%-%d+%-%- ") then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n")
end

describe("under valgrind", function()
  local function test(name, text, out)
    it(name, function()
      if not os.execute("command -v valgrind >/dev/null") then return pending("valgrind is not installed") end
      if os.getenv("SANDBOX_SANITIZED") ~= "" then return pending("a build with sanitizers does not run under valgrind") end
      local r = run(text)
      assert.are.same({ out, "", 0 }, { r.out, said(r.err), r.status }, r.err)
    end)
  end

  test("a pool ends", [[
    local pool = sandbox.pool(2)
    print(#pool:map(function(x) return x * x end, { 1, 2, 3 }))
    pool:close()
    print(pool:join())
  ]], "3\ntrue\n")

  test("a process that has queues ends, also when main leaves by os.exit", [[
    local q = queue()
    print(spawn(function() q:put(1) return 1 end):join())
    spawn(function() os.exit(0) end):join()
    os.exit(0)
  ]], "true\t1\n")
end)
