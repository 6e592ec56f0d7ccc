-- Many submissions, several at a time, good and bad: each ends with its status, and nothing of them is left, no process, no mount, no
-- control group, no file.
--
--   SANDBOX_SUBMISSIONS=1000   so many; 100 unless said. 8 at a time
local left = require "strict.left"
local shell = require "support.shell"

local COUNT <const> = math.tointeger(os.getenv("SANDBOX_SUBMISSIONS") or 100)
local AT_ONCE <const> = 8
local MARK <const> = left.new_word()

-- A script, and the exit status that it has.
local SUBMISSIONS = {
  { 0, "print(spawn(function() return 6 * 7 end):result())" },
  { 0, "local q = queue() for i = 1, 4 do spawn(function() q:put(i) end) end for _ = 1, 4 do q:get() end" },
  { 1, "error 'wrong'" },
  { 1, "print(io.open('/etc/passwd'):read('a'))" },
  { 124, "while true do pcall(function() while true do end end) end" },
  { 125, "local t = {} while true do t[#t + 1] = ('x'):rep(10000) .. #t end" },
  { 125, "while true do print('flood') end" },
  { 4, "queue():get()" },
  { 3, "spawn(error, 'nobody joins it')" },
  { 1, "local function f() spawn(f) spawn(f) sleep(5) end f() error 'end'" },
  { 0, "for i = 1, 5 do spawn({ daemon = true }, function() while true do end end) end" },
}

local function write(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

local function count(command) return (tonumber((shell.run(command)))) end

local function mounts() return count("wc -l </proc/self/mountinfo") end
local function groups() return count("find /sys/fs/cgroup -type d 2>/dev/null | wc -l") end

describe("submissions, one after the other, eight at a time,", function()
  it(("leave nothing (%d of them)"):format(COUNT), function()
    local folder <close> = shell.folder()
    local at = folder.name
    for i, submission in ipairs(SUBMISSIONS) do
      assert(os.execute(("mkdir %s/%d"):format(at, i)))
      write(("%s/%d/main.lua"):format(at, i), "--" .. MARK .. "\n" .. submission[2] .. "\n")
    end
    local mounted, grouped = mounts(), groups()
    local jobs = queue()
    for i = 1, COUNT do jobs:put(i) end
    jobs:close()
    local wrong = queue()
    local function judge()
      for i in jobs:items() do
        local n = (i - 1) % #SUBMISSIONS + 1
        local text, status = shell.run(("%s --strict --cpu 0.5 --time 20 --memory 32M --output-limit 20K %s/%d/main.lua %s 2>&1 </dev/null")
          :format(shell.quote(shell.program), at, n, MARK))
        if status ~= SUBMISSIONS[n][1] then wrong:put(("%d: status %d\n%s"):format(n, status, text:sub(-500))) end
      end
    end
    local judges = {}
    for i = 1, AT_ONCE do judges[i] = spawn(judge) end
    for _, p in ipairs(judges) do p:join() end
    wrong:close()
    local complaints = {}
    for text in wrong:items() do complaints[#complaints + 1] = text end
    assert.equal("", table.concat(complaints, "\n"))

    left.nothing(MARK)
    assert.equal(mounted, mounts())
    assert.equal(grouped, groups())
    assert.equal(#SUBMISSIONS * 2 + 1, count(("find %s | wc -l"):format(at)))
  end)
end)
