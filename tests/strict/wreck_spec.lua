-- A script can change all tables that package.loaded leads to: libraries, classes of the library, and the functions in
-- them. That is its own state: what judges it, reports it and ends it does not ask those tables, and says what it says of
-- a script that leaves them alone. The course checker runs answers as such scripts, in processes of their own.
local shell = require "support.shell"
local run = require "cli.run"

-- Each function that can be reached does nothing from here on; what the rest of a script uses are local variables.
local KEEPS <const> = "local error, spawn, queue, value, lock, assert, out = "
  .. "error, spawn, queue, sandbox.value, sandbox.lock, assert, io.stdout "
local WRECK <const> = KEEPS .. [[do
  local seen, todo, remove, next, type = {}, { package.loaded }, table.remove, next, type
  local function nothing() end
  while todo[1] do
    local t = remove(todo)
    for k, v in next, t do
      if type(v) == "table" and not seen[v] then
        seen[v], todo[#todo + 1] = true, v
      elseif type(v) == "function" then
        t[k] = nothing
      end
    end
  end
end ]]

-- The script in a folder of its own. Tracebacks name functions by where they are found; tokens have a hash of the script.
local function tell(script, ...)
  local folder <close> = shell.folder()
  local file <close> = assert(io.open(folder.name .. "/job.lua", "w"))
  file:write(script)
  file:close()
  local words = { "--strict", "--time=20", ... }
  words[#words + 1], words.dir = "job.lua", folder.name
  local o = run(words)
  local function plain(text)
    text = text:gsub("\n`pairs` goes through keys [^\n]*\n", "") -- of what wrecks, that is true
    return (text:gsub("in [%w ']*'error'", "in error"):gsub("sbx1:%x+", ""))
  end
  return { status = o.status, out = plain(o.out), err = plain(o.err) }
end

local RACE <const> = [[
local v = value(0)
local function add() local x = v:get() v:set(x + 1) end
local a, b = spawn(add), spawn(add) a:join() b:join()
assert(v:get() == 2, "lost update")]]

local cases = {
  { "an error", "error('wrong', 0)", 1 },
  { "an error of Lua", "local x = nil + 1", 1 },
  { "a process that fails", "spawn(function() error('wrong', 0) end)", 3 },
  { "a deadlock", "queue():get()", 4 },
  { "a lock that is kept", "spawn(function() lock({ name = 'kept' }):acquire() end):join()", 0 },
  { "the limit of time", "while true do end", 124, "--time=1" },
  { "the limit of CPU time", "while true do end", 124, "--cpu=0.2" },
  { "the limit of output", "while true do out:write 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\n' end", 125, "--output-limit=1K" },
  { "a run that is shaken", "error('wrong', 0)", 5, "--shake=2", "--seed=1" },
  { "what is explored", RACE, 5, "--explore" },
}

describe("the tables of package.loaded do not matter to the report of", function()
  for _, case in ipairs(cases) do
    local name, script, status = case[1], case[2], case[3]
    it(name, function()
      local plain = tell(KEEPS .. "\n" .. script, table.unpack(case, 4))
      local wrecked = tell(WRECK:gsub("\n *", " ") .. "\n" .. script, table.unpack(case, 4))
      assert.equal(status, plain.status, plain.err)
      assert.same(plain, wrecked)
    end)
  end
end)
