-- What a spawn costs, in pages of memory that a child touches: each is mapped anew for it, which is most of its cost
-- (README.md beside this). Counted by valgrind's lackey, so the same on a busy machine and a quiet one; in the program that is
-- tested, as in instructions_spec.lua.
local shell = require "support.shell"

-- Of an empty function; windows are those of 64 KiB in which the system maps code (src/base/child_code.h).
local KNOWN = { code = 36, data = 32, windows = 10 } -- who touches fewer writes the new numbers here
local MORE = { code = 3, data = 3, windows = 1 } -- so many more are a failure

-- The pages in a trace of lackey: lines as "I  0011f3a0,4", instructions in hexadecimal; " L", " S" and " M" are of data.
local function count(name)
  local seen, windows, code, data = {}, {}, 0, 0
  for line in io.lines(name) do
    local kind, address = line:match("^ ?([ILSM])%s+(%x+),")
    if kind then
      local page = tonumber(address, 16) >> 12
      if not seen[page] then
        seen[page] = true
        if kind == "I" then
          code = code + 1
          windows[page + 8 >> 4] = true -- valgrind loads the program half a window further than the system does
        else
          data = data + 1
        end
      end
    end
  end
  local count_windows = 0
  for _ in pairs(windows) do count_windows = count_windows + 1 end
  return { code = code, data = data, windows = count_windows }
end

describe("pages", function()
  it("that a child touches are no more than they were", function()
    local reason = os.getenv "SANDBOX_UNCOUNTED" or ""
    if reason ~= "" then return pending(reason) end
    if not os.execute("command -v valgrind >/dev/null") then return pending("not counted: valgrind is not installed") end
    local folder <close> = shell.folder()
    local output, status = shell.run(("valgrind --tool=lackey --trace-mem=yes --log-file=%s/%%p %s %s spawn 3 2>&1")
      :format(folder.name, shell.quote(shell.program), shell.quote(shell.source .. "/tests/bench/work.lua")))
    assert.are.equal(0, status, output)
    local traces = {}
    for pid in shell.run("ls " .. folder.name):gmatch("%d+") do traces[#traces + 1] = count(folder.name .. "/" .. pid) end
    table.sort(traces, function(a, b) return a.code + a.data < b.code + b.data end)
    assert.are.equal(5, #traces) -- the supervisor, the process of the script, three children: those have least, of which
    local counted = traces[1]    -- the third finds most in place; process numbers may begin again in between
    for kind, known in pairs(KNOWN) do
      local text = ("%s %d, known %d"):format(kind, counted[kind], known)
      print("\n" .. text)
      assert.is_true(counted[kind] > known // 3 and counted[kind] <= known + MORE[kind], "what a child touches: " .. text)
    end
  end)
end)
