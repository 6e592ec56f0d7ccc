-- Processes of a host that does not answer for the time being, or cannot: whoever asks for them is not held up, and can
-- be interrupted.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then
  return describe("a process of a host that does not answer", function() pending(hosts.missing) end)
end

local CHILD <const> = hosts.CHILD

describe("a process of a host that does not answer", function()
  local engine
  setup(function() engine = hosts.engine() end)
  teardown(function() engine:close() end)
  local function prints(want, text, options) engine:prints(want, CHILD .. text, options) end

  it("is asked for as long as the asker likes, when its host stands still", function()
    local dora <close> = engine:agent("dora", "--slots 2")
    local stop, go_on = dora:script("STOP"), dora:script("CONT")
    local r = engine:run(CHILD .. ([[
      local topic, go = sandbox.topic(), sandbox.event()
      local p, spawner = child("dora", function() local s = topic:subscribe(1000) go:set() sleep(1000) end)
      local q = queue()
      go:wait()
      assert(p:status() == "running")
      -- of something that takes no more than a second: before, it was as long as the host is waited for
      local function quick(what, f, ...)
        local began = sandbox.now()
        local got = table.pack(f(...))
        local took = sandbox.now() - began
        if took > 8 then print(what, "takes", took) end
        return table.unpack(got, 1, got.n)
      end
      local function times_out(what, f, ...)
        local v, why = quick(what, f, ...)
        if v ~= nil or why ~= "timeout" then print(what, v, why) end
      end
      local function is_interrupted(what, f, ...)
        local asker = spawn({ quiet = true }, f, ...)
        sleep(0.5)
        asker:interrupt()
        local ok, why = quick(what, asker.join, asker)
        if ok or why.exitcode ~= 130 then print(what, ok, why) end
      end
      os.execute("sh %s")
      times_out("join", p.join, p, 0.1)
      times_out("join", p.join, p, 0.6)
      times_out("poll", p.join, p, 0)
      times_out("select", sandbox.select, { p, q }, 0.1)
      times_out("select", sandbox.select, { p, q }, 0.6)
      times_out("select", sandbox.select, { p, q }, 0)
      assert(quick("alive", p.alive, p))
      quick("publish", function() for i = 1, 40 do topic:publish(i) end end)
      is_interrupted("join", p.join, p)
      is_interrupted("status", p.status, p)
      is_interrupted("signal", p.pause, p)
      is_interrupted("select", sandbox.select, { p, q })
      q:put(1)
      print(quick("select", sandbox.select, { p, q }))
      os.execute("sh %s")
      print(p:status(), p:kill(), select(2, p:join(60)).signal)
      spawner:kill()]]):format(stop, go_on), "--lost-after 100 --engine-timeout 60")
    shell.run("sh " .. go_on)
    assert.same({ out = "2\t1\nrunning\ttrue\t9\n", err = "", status = 0 }, r)
  end)

  it("is asked for until Ctrl-C, when its host stands still", function()
    local dora <close> = engine:agent("dora", "--slots 2")
    local stop, go_on = dora:script("STOP"), dora:script("CONT")
    for _, ask in ipairs { "p:status()", "p:pause()" } do
      local r = engine:run(CHILD .. ([[
        local p = child("dora", sleep, 1000)
        assert(p:status() == "running")
        local f <close> = io.open("/proc/self/stat")
        local super = f:read("a"):match("%%) %%a (%%d+)")
        os.execute("sh %s")
        spawn({ daemon = true }, function() sleep(0.6) os.execute("kill -INT " .. super) sleep(1000) end)
        local began = sandbox.now()
        local _ <close> = setmetatable({}, { __close = function() print(sandbox.now() - began) end })
        while true do %s end]]):format(stop, ask), "--lost-after 100 --engine-timeout 100")
      shell.run("sh " .. go_on)
      assert.equal(130, r.status, r.err)
      assert.truthy(r.err:find("main [^;]*:17"), r.err)
      assert.is_true((tonumber(r.out) or 100) < 10, r.out)
    end
  end)

  it("is not waited for for ever when the keeper of its host alone was killed", function()
    local dora <close> = engine:agent("dora", "--slots 2")
    local job = engine:start(CHILD .. [[
      local p = child("dora", sleep, 1000)
      p:join(0.01) -- the keeper has heard of it
      print("up")
      io.stdout:flush()
      print(select(2, pcall(p.join, p)))
      print(select(2, pcall(sandbox.select, { p, queue() })))]], "--engine-timeout 3")
    job:says("up")
    -- the keeper leads a session of its own, and has put what it needs at 100 (close_others in net/keeper.c)
    local killed = shell.run([[for d in /proc/[0-9]*; do
      pid=${d#/proc/}
      cat $d/cmdline 2>/dev/null | tr '\0' ' ' | grep -q -- '--name dora .*]] .. engine.folder .. [[' || continue
      [ "$(cut -d ' ' -f 6 $d/stat 2>/dev/null)" = $pid ] && [ -e $d/fd/100 ] && kill -9 $pid && echo $pid
    done]])
    assert.truthy(killed:find("^%d+\n$"), killed)
    local text, status = job:result()
    local why = "the host of the process does not answer: it may be busy, or about to be given up; try again"
    assert.same({ ("up\njoin: %s\nselect: entry 1: %s\n"):format(why, why), 0 }, { text, status })
  end)

  it("is joined when its end could not be read before; else the error is that of whoever asks", function()
    local dora <close> = engine:agent("dora", "--slots 2", "env SANDBOX_FAULT=office.outcome:1:fail,office.outcome:2:fail")
    prints("true	over\n", [[
      local p = child("dora", function() return "over" end)
      print(p:join(30))]])
    dora:kill("TERM")
    local eve <close> = engine:agent("eve", "--slots 2", "env SANDBOX_FAULT=office.outcome:0:fail")
    prints("false	join: not enough memory\nfalse	join: not enough memory\nfalse	select: entry 1: not enough memory\ndone\n", [[
      local p = child("eve", function() return "over" end)
      repeat until p:status() == "done"
      print(pcall(p.join, p))
      sleep(0.3) -- it is asked for four times in a second, at most
      print(pcall(p.join, p, 0))
      print(pcall(sandbox.select, { p, queue() }))
      print(p:status())]])
  end)
end)
