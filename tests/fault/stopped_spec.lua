-- A supervisor that is killed takes all along, also those who were stopped at any moment: before their first step, or their
-- parent in the middle of the fork.
local shell = require "support.shell"
local lfs = require "lfs"

-- Processes of a session that live, zombies not counted; their numbers.
local function members(session)
  local list = {}
  for pid in lfs.dir("/proc") do
    local handle = pid:match("^%d+$") and io.open("/proc/" .. pid .. "/stat")
    if handle then
      local state, of = (handle:read("a") or ""):match("^.*%) (%a) %-?%d+ %-?%d+ (%-?%d+)")
      handle:close()
      if of == session and state ~= "Z" and state ~= "X" then list[#list + 1] = pid .. " " .. state end
    end
  end
  return list
end

-- Run a text in a session of its own, stop all of it after `seconds` if that is not nil, kill the supervisor, and see that nobody
-- is left. The text prints a line when it is time.
local function kill_supervisor(file, seconds)
  local run <close> = assert(io.popen(("setsid sh -c 'echo $$; exec %s %s 2>/dev/null' </dev/null"):format(
    shell.quote(shell.program), shell.quote(file)), "r"))
  local supervisor = run:read("l")
  assert(run:read("l"))
  if seconds then
    sleep(seconds)
    os.execute("kill -STOP -- -" .. supervisor)
  end
  os.execute("kill -KILL " .. supervisor)
  local stop, left = os.time() + 10, nil
  repeat
    left = members(supervisor)
    if #left > 0 then sleep(0.005) end
  until #left == 0 or os.time() > stop
  if #left > 0 then os.execute("kill -KILL -- -" .. supervisor) end
  return table.concat(left, ", ")
end

describe("a supervisor that is killed takes along", function()
  it("a process that was paused before its first step", function()
    local file <close> = shell.file([[
      spawn({ daemon = true, quiet = true }, sleep, 1000):pause()
      print "now"
      io.stdout:flush()
      sleep(1000)
    ]])
    for round = 1, 50 do assert.are.equal("", kill_supervisor(file.name), "round " .. round) end
  end)

  it("a run that was stopped at any moment while it spawned", function()
    local file <close> = shell.file([[
      print "now"
      io.stdout:flush()
      while true do
        spawn({ daemon = true, quiet = true }, sleep, 1000):kill()
        spawn({ quiet = true }, function() spawn(function() end) end)
      end
    ]])
    for round = 1, 100 do
      assert.are.equal("", kill_supervisor(file.name, round % 25 * 0.001), "round " .. round)
    end
  end)
end)
