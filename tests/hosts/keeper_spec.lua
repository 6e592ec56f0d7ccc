-- A keeper, the process beside a run that answers for its processes, is killed, and nothing else is.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("a keeper that was killed", function() pending(hosts.missing) end) end

-- Kill the keepers alone of an agent's runs. A keeper leads a session of its own, and has put what it needs at 100
-- (close_others in net/keeper.c).
local function kill_keeper(engine, name)
  local killed = shell.run(([[for d in /proc/[0-9]*; do
    pid=${d#/proc/}
    2>/dev/null tr '\0' ' ' <$d/cmdline | grep -q -- '--name %s .*%s' || continue
    [ "$(cut -d ' ' -f 6 $d/stat 2>/dev/null)" = $pid ] && [ -e $d/fd/100 ] && kill -9 $pid && echo $pid
  done]]):format(name, engine.folder))
  assert.truthy(killed:find("^%d+\n$"), killed)
end

describe("a process of another host", function()
  local engine
  setup(function() engine = hosts.engine() end)
  teardown(function() engine:close() end)

  it("is not waited for for ever in a select with others, when the keepers of their hosts were killed", function()
    local emma <close> = engine:agent("emma", "--slots 2")
    local fred <close> = engine:agent("fred", "--slots 2")
    local job = engine:start([[
      local box, all = queue(), {}
      for _, on in ipairs { "emma", "fred" } do
        spawn({ on = on, quiet = true, daemon = true }, function()
          for _ = 1, 20 do box:put(spawn({ quiet = true }, sandbox.receive)) end
          sandbox.receive()
        end)
      end
      for i = 1, 40 do all[i] = box:get(30) end
      print("up")
      io.stdout:flush()
      while not io.open("]] .. engine.folder .. [[/two") do sleep(0.01) end
      print(select(2, pcall(sandbox.select, all, 60)))]], "--engine-timeout 3")
    job:says("up")
    kill_keeper(engine, "emma")
    kill_keeper(engine, "fred")
    shell.run("touch " .. engine.folder .. "/two")
    local text, status = job:result()
    assert.same({ "up\nselect: entry N: the host of the process does not answer: it may be busy, or about to be given up; " ..
      "try again\n", 0 }, { text:gsub("entry %d+", "entry N"), status })
  end)

  it("goes on when the keeper of its host alone was killed; others there hear of it", function()
    local gina <close> = engine:agent("gina", "--slots 2")
    local job = engine:start([[
      local box, go = queue(), queue()
      local p = spawn({ on = "gina", quiet = true }, function()
        local c = spawn({ name = "child", quiet = true, daemon = true }, sandbox.receive)
        box:put("up")
        go:get(60)
        box:put(c)
        local late = spawn({ quiet = true }, function() return pcall(box.put, box, "late") end)
        local _, ok, why = late:join(30)
        return ok, why
      end)
      print(box:get(30))
      io.stdout:flush()
      while not io.open("]] .. engine.folder .. [[/alone") do sleep(0.01) end
      go:put("on")
      print(box:get(30).name)
      print(p:join(30))]])
    job:says("up")
    kill_keeper(engine, "gina")
    shell.run("touch " .. engine.folder .. "/alone")
    assert.same({ "up\nchild\ntrue\tfalse\tput: the process beside the run that looks after its processes (the keeper) " ..
      "was killed: start the run again\n", 0 }, { job:result() })
  end)
end)
