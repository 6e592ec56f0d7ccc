-- Agents that --hosts starts, by a command in the place of ssh; agents and hosts that are lost; what is wrong with engines.
local shell = require "support.shell"
local hosts = require "support.hosts"

if hosts.missing then return describe("agents", function() pending(hosts.missing) end) end

-- A folder with a program `ssh`, which gets HOST and a command, and runs that here; with what it is told about HOST.
local function fake_ssh(body)
  local folder = shell.run("mktemp -d /tmp/hosts.XXXXXX"):match("%S+")
  local f = assert(io.open(folder .. "/ssh", "w"))
  f:write("#!/bin/sh\n[ \"$1\" = -R ] && shift 2\nHOST=$1\nshift\nsandbox() { exec " .. shell.program .. " \"$@\"; }\n" ..
    (body or "eval \"$@\"") .. "\n")
  f:close()
  shell.run("chmod +x " .. folder .. "/ssh")
  return setmetatable({ folder = folder }, { __close = function() shell.run("rm -rf " .. folder) end })
end

local function run(ssh, options, text)
  local file <close> = shell.file(text)
  local out, status = shell.run(("env -u SANDBOX_ENGINE SANDBOX_SSH=%s/ssh %s --timeout 120 %s %s 2>%s/err </dev/null"):format(
    ssh.folder, shell.program, options, file.name, ssh.folder))
  return { out = out, status = status, err = hosts.slurp(ssh.folder .. "/err") }
end

-- What an agent says while it waits.
local WAITS <const> = "sandbox agent bert: waits for its name, which another agent has had until now: " ..
  "if that was killed, the name is free within 7 s\n"

-- No process of the test is left: all have the folder in their environment.
local function left(ssh)
  return (shell.run(("grep -lsa 'SANDBOX_SSH=%s/ssh' /proc/[0-9]*/environ 2>/dev/null | grep -v self"):format(ssh.folder)))
end

describe("--hosts", function()
  it("starts a private engine and agents, and ends them with the run", function()
    local ssh <close> = fake_ssh()
    local r = run(ssh, "--hosts anna,bert:8", [[
      for _, h in ipairs(sandbox.hosts()) do print(h.here or h.name, h.here or h.slots == 8) end
      print(spawn({ on = "anna" }, function() return sandbox.self().host end):result(),
        spawn({ on = "bert" }, function() return sandbox.self().host end):result())]])
    assert.same({ out = "anna\tfalse\nbert\ttrue\ntrue\ttrue\nanna\tbert\n", err = "", status = 0 }, r)
    hosts.await("the end of all", function() return left(ssh) == "" end)
  end)

  it("is not misled by a file called agent where the login begins", function()
    local ssh <close> = fake_ssh("cd ${0%/*} || exit 1\neval \"$@\"")
    local f <close> = assert(io.open(ssh.folder .. "/agent", "w"))
    f:write("error('this is a script')")
    f:close()
    local r = run(ssh, "--hosts anna", "print(spawn({ on = 'anna' }, function() return 7 end):result())")
    assert.same({ out = "7\n", err = "", status = 0 }, r)
  end)

  it("ends them, too, when the run is killed", function()
    local ssh <close> = fake_ssh()
    local file <close> = shell.file([[
      spawn({ on = "anna" }, function() print("up") io.stdout:flush() sleep(1000) end):join()]])
    local pid = tonumber((shell.run(("SANDBOX_SSH=%s/ssh %s --hosts anna %s >%s/out 2>&1 </dev/null & echo $!"):format(
      ssh.folder, shell.program, file.name, ssh.folder))))
    hosts.await("the process", function() return hosts.slurp(ssh.folder .. "/out") == "up\n" end)
    shell.run("kill -KILL " .. pid)
    hosts.await("the end of all", function() return left(ssh) == "" end)
  end)

  it("tells what the host says when no agent comes, at once", function()
    local ssh <close> = fake_ssh("[ $HOST = bert ] && { echo 'ssh: Could not resolve hostname bert' >&2; exit 255; }\neval \"$@\"")
    local r = run(ssh, "--hosts anna,bert", "print(1)")
    assert.same({ out = "", err = "sandbox: host bert: no agent: ssh: Could not resolve hostname bert\n", status = 2 },
      r)
    hosts.await("the end of all", function() return left(ssh) == "" end)
    local silent <close> = fake_ssh("sleep 100")
    r = run(silent, "--hosts anna,timeout=0.5", "print(1)")
    assert.same({ out = "", err = "sandbox: host anna: no agent has said hello within 0.5 s\n", status = 2 }, r)
  end)

  it("says what is wrong with its argument", function()
    local ssh <close> = fake_ssh()
    for options, why in pairs {
      ["--hosts anna:0"] = "option '--hosts': 'anna:0' wants a number of slots behind the colon, from 1 to 4096",
      ["--hosts 'a b'"] = "option '--hosts': 'a b' is no name of a host",
      ["--hosts anna,anna"] = "option '--hosts' names 'anna' twice",
      ["--hosts timeout=3"] = "option '--hosts' names no host",
      ["--hosts anna,timeout=x"] = "option '--hosts': 'timeout=x' wants seconds greater than 0",
    } do
      assert.same({ out = "", err = "sandbox: " .. why .. "\n", status = 2 }, run(ssh, options, "print(1)"))
    end
  end)

  it("keeps the password out of what everybody can read", function()
    local ssh <close> = fake_ssh()
    -- what serves the run is a session, which is found by a name that no other run has
    local r = run(ssh, "--hosts anna" .. sandbox.getpid(), ([[
      local sessions, ours = {}, nil
      for line in io.popen("ps -ewwo sid=,args="):lines() do
        local session, words = line:match("^%%s*(%%d+) (.*)$")
        sessions[session] = (sessions[session] or "") .. words .. "\n"
        if words:find("agent %%-%%-password%%-stdin .*%%-%%-name anna%d ") then ours = session end
      end
      local text = sessions[ours]
      print(text:find("redis%%-server") ~= nil, text:find("requirepass") == nil, text:find("://[^/ ]*@") == nil)
    ]]):format(sandbox.getpid()))
    assert.same({ out = "true\ttrue\ttrue\n", err = "", status = 0 }, r)
  end)
end)

describe("a host that is lost", function()
  it("fails its processes, says so, and goes on when another agent comes", function()
    local engine <close> = hosts.engine()
    local bert = engine:agent("bert")
    local command, path = engine:command([[
      local p = spawn({ on = "bert" }, function() print("up") io.stdout:flush() sleep(1000) end)
      local ok, f = p:join()
      print(ok, f.lost, f.host, f.message, p:status())]], "--lost-after 2")
    shell.run(("%s >%s/out 2>&1 </dev/null & echo $!"):format(command, engine.folder))
    hosts.await("the process", function() return hosts.slurp(engine.folder .. "/out"):find("up\n", 1, true) end)
    -- the agent and its beat are stopped, not killed: it gives no sign of life, and its process lives
    local beat = tonumber((shell.run(("cat /proc/%d/task/%d/children"):format(bert.pid, bert.pid)):match("%d+")))
    shell.run(("kill -STOP %d %d"):format(bert.pid, beat))
    hosts.await("the loss", function() return hosts.slurp(engine.folder .. "/out"):find("lost", 1, true) end)
    assert.equal("up\nnil\ttrue\tbert\thost bert was lost: no sign of life for 2.0 s\tfailed\n",
      hosts.slurp(engine.folder .. "/out"))
    os.remove(path)
    -- it comes back: what runs there ends itself, with one line
    hosts.await("its line", function()
      return bert:said():find("was ended: this host was declared dead, since it gave no sign of life", 1, true)
    end)
    shell.run(("kill -CONT %d %d"):format(bert.pid, beat))
    bert:kill()
    local again <close> = engine:agent("bert")
    assert.equal("bert\n", engine:run("print(spawn({ on = 'bert' }, function() return sandbox.self().host end):result())").out)
  end)

  it("holds no lock any more: it passes on, and the old holder is refused", function()
    local engine <close> = hosts.engine()
    local bert = engine:agent("bert")
    local command, path = engine:command([[
      local l, up, go, last = sandbox.lock(), sandbox.event(), sandbox.event(), queue()
      local p = spawn({ on = "bert" }, function()
        l:acquire() print("up") io.stdout:flush() up:set()
        while true do sleep(0.05) end
      end)
      up:wait()
      print(l:acquire()) io.stdout:flush()
      local ok, f = p:join()
      print(f.lost)
      l:release()]], "--lost-after 2")
    shell.run(("%s >%s/out 2>&1 </dev/null & echo $!"):format(command, engine.folder))
    local function out() return hosts.slurp(engine.folder .. "/out") end
    hosts.await("the process", function() return out():find("up\n", 1, true) end)
    local beat = tonumber((shell.run(("cat /proc/%d/task/%d/children"):format(bert.pid, bert.pid)):match("%d+")))
    shell.run(("kill -STOP %d %d"):format(bert.pid, beat))
    hosts.await("the loss", function() return out():find("\ntrue\n", 1, true) end)
    assert.equal("up\ntrue\tabandoned\ntrue\n", out())
    os.remove(path)
    shell.run(("kill -CONT %d %d"):format(bert.pid, beat))
    bert:kill()
  end)

  it("is told at once when its agent ends", function()
    local engine <close> = hosts.engine()
    local bert <close> = engine:agent("bert")
    local command, path = engine:command([[
      local list = {}
      for i = 1, 3 do list[i] = spawn({ on = "bert" }, function() print("up") io.stdout:flush() sleep(1000) end) end
      for i = 1, 3 do local ok, f = list[i]:join() print(f.lost, f.message) end]])
    shell.run(("%s >%s/out 2>&1 </dev/null & echo $!"):format(command, engine.folder))
    hosts.await("the processes", function() return hosts.slurp(engine.folder .. "/out") == "up\nup\nup\n" end)
    bert:kill("TERM")
    hosts.await("the losses", function() return #hosts.slurp(engine.folder .. "/out") > 120 end)
    assert.equal("up\nup\nup\n" .. ("true\thost bert was lost: its agent was ended\n"):rep(3),
      hosts.slurp(engine.folder .. "/out"))
    os.remove(path)
  end)

  it("ends what runs there when its run is gone", function()
    local engine <close> = hosts.engine()
    local bert <close> = engine:agent("bert")
    local command, path = engine:command([[
      spawn({ on = "bert" }, function() print("up") io.stdout:flush() sleep(1000) end):join()]], "--lost-after 2")
    local pid = tonumber((shell.run(("%s >%s/out 2>&1 </dev/null & echo $!"):format("exec env " .. command, engine.folder))))
    hosts.await("the process", function() return hosts.slurp(engine.folder .. "/out") == "up\n" end)
    shell.run("kill -KILL " .. pid)
    hosts.await("its line", function()
      return bert:said():find("was ended: its run gave no sign of life for 2.0 s", 1, true)
    end)
    hosts.await("no process", function() return engine:ask("hget 'sandbox:{agents}:host:bert' processes") == "0" end)
    os.remove(path)
  end)

  it("is survived by the run, however often agents are killed: no process is lost without a failure", function()
    local engine <close> = hosts.engine()
    local command, path = engine:command([[
      local done, lost, other, seen = 0, 0, 0, {}
      while #sandbox.hosts() < 2 do sleep(0.05) end
      for i = 1, 60 do
        local ok, p = pcall(spawn, { on = "any" }, function(i) sleep(0.02 * (i % 7)) return i end, i)
        if ok then
          local good, v = p:join()
          if good then done = done + 1 assert(v == i and not seen[i]) seen[i] = true
          elseif v.lost then lost = lost + 1
          else other = other + 1 print(v) end
        else sleep(0.2) end
      end
      print(done > 0, lost > 0, other)]], "--lost-after 2")
    shell.run(("%s >%s/out 2>&1 </dev/null & echo $!"):format(command, engine.folder))
    local kills = 0
    repeat
      local bert = engine:agent("bert", "--slots 4")
      shell.run("sleep " .. 0.2 + 0.1 * (kills % 5))
      bert:kill()
      kills = kills + 1
    until hosts.slurp(engine.folder .. "/out") ~= "" or kills > 60
    assert.equal("true\ttrue\t0\n", hosts.slurp(engine.folder .. "/out"))
    os.remove(path)
  end)
end)

describe("an engine", function()
  it("may be away for a while", function()
    local engine <close> = hosts.engine()
    local bert <close> = engine:agent("bert")
    local command, path = engine:command([[
      local p = spawn({ on = "bert" }, function() print("up") io.stdout:flush() sleep(3) print("end") return 7 end)
      print(p:join())]], "--lost-after 2")
    shell.run(("%s >%s/out 2>&1 </dev/null & echo $!"):format(command, engine.folder))
    hosts.await("the process", function() return hosts.slurp(engine.folder .. "/out") == "up\n" end)
    shell.run(("kill -STOP %d; sleep 2.5; kill -CONT %d"):format(engine.pid, engine.pid))
    hosts.await("the end", function() return hosts.slurp(engine.folder .. "/out"):find("true", 1, true) end)
    assert.equal("up\nend\ntrue\t7\n", hosts.slurp(engine.folder .. "/out"))
    os.remove(path)
  end)

  it("that cannot be used is told in one line", function()
    for url, why in pairs {
      ["redis://127.0.0.1:1"] = "cannot reach the engine at 127.0.0.1:1: Connection refused",
      ["unix:///nowhere/redis"] = "cannot reach the engine at /nowhere/redis: No such file or directory",
    } do
      local out, status = shell.run(("%s --engine %s -e 'print(1)' 2>&1"):format(shell.program, url))
      assert.same({ "sandbox: " .. why .. "\n", 2 }, { out, status })
      out, status = shell.run(("%s agent %s 2>&1"):format(shell.program, url))
      assert.same({ "sandbox: " .. why .. "\n", 2 }, { out, status })
    end
  end)

  it("knows an agent that speaks another version, and one of the same name", function()
    local engine <close> = hosts.engine()
    local bert <close> = engine:agent("bert")
    engine:ask("hset 'sandbox:{agents}:host:carl' name carl life x speaks 'sandbox 9.9, Lua 5.3' slots 1 cpus 1 beat " ..
      os.time() + 100 .. "000000")
    engine:ask("sadd 'sandbox:{agents}:names' carl")
    local r = engine:run([[print((select(2, pcall(spawn, { on = "carl" }, print)):gsub("^.-:%d+: ", "")))]])
    assert.truthy(r.out:match("^spawn: host carl cannot run what this one sends: it has sandbox 9.9, Lua 5.3; here is sandbox "),
      r.out)
    local out, status = shell.run(("%s agent --name bert %s 2>&1"):format(shell.program, engine.url))
    assert.same({ WAITS .. "sandbox agent bert: there is an agent of this name already: choose another one with --name\n", 2 },
      { out, status })
  end)
end)

describe("sandbox agent", function()
  it("ends when it is told to, whether the engine is there, was killed, or is silent", function()
    for _, signal in ipairs { "CONT", "KILL", "STOP" } do
      local engine <close> = hosts.engine()
      local bert <close> = engine:agent("bert")
      shell.run(("kill -%s %d"):format(signal, engine.pid))
      shell.run("sleep 0.3") -- so that it has noticed, most of the time
      bert:kill("TERM") -- waits half a minute at most, as long as an engine may be away
      local lines = select(2, bert:said():gsub("\n", ""))
      shell.run("kill -CONT " .. engine.pid)
      assert.equal(1, lines, bert:said()) -- that it was ready
    end
  end)

  it("says that it waits for the name of one that was killed, and ends when it is told to", function()
    local engine <close> = hosts.engine()
    local bert <close> = engine:agent("bert")
    bert:kill()
    local log = engine.folder .. "/second"
    local status = engine.folder .. "/status"
    shell.run(("{ %s agent --name bert %s 2>%s & echo $! >%s.pid; wait $!; echo $? >%s; } >/dev/null </dev/null &"):format(
      shell.program, engine.url, log, log, status))
    hosts.await("its line", function() return hosts.slurp(log) == WAITS end)
    shell.run("kill " .. hosts.slurp(log .. ".pid"))
    hosts.await("its end", function() return hosts.slurp(status) == "0\n" end)
    assert.equal(WAITS, hosts.slurp(log))
  end)
end)

describe("sandbox agent --once", function()
  it("leaves with its first run", function()
    local engine <close> = hosts.engine()
    local bert <close> = engine:agent("bert", "--once")
    assert.equal("bert\n", engine:run("print(spawn({ on = 'bert' }, function() return sandbox.self().host end):result())").out)
    hosts.await("its end", function() return not hosts.alive(bert.pid) end)
  end)
end)
